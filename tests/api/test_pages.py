"""A real Bokeh page on the one server: the gate before it, the headers on it, its sockets' origins."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from bokeh.util.token import get_session_id
from httpx import Response
from panel.io.application import Application
from panel.io.handlers import FunctionHandler
from tornado.web import RequestHandler
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.clock import SystemClock
from app.keyring import Keyring
from app.server import Server
from app.settings import read_settings
from app.web.sockets import LoginRequiredWebSocket
from tests.api.conftest import SECRET, Composition, OpenServer
from tests.api.test_auth import PASSWORD, log_in

HTML = {"Accept": "text/html,*/*"}


class Echo(LoginRequiredWebSocket):
    def on_message(self, message: str | bytes) -> None:
        self.write_message(message)


class PageState(RequestHandler):
    def get(self) -> None:
        self.write("a picture")


class PlainPage(Application):
    """A page with two scripts, one of which carries the token of its session."""

    def __init__(self) -> None:
        super().__init__(FunctionHandler(lambda _document: None))

    async def html(self, token: str) -> str:
        return (
            "<!doctype html><title>A page</title><script>1</script>"
            f'<script type="application/json">{{"token":"{token}"}}</script>'
        )


class Bundle:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.applications = {
            "/": PlainPage(),
            "/system": Application(FunctionHandler(lambda _document: None)),
        }
        self.handlers: list[tuple[Any, ...]] = [(r"/ui/picture", PageState), (r"/api/v1/live", Echo)]

    def open(self) -> None:
        self.calls.append("open")

    def close(self) -> None:
        self.calls.append("close")


def loader(bundle: Bundle) -> Callable[[], Callable[[], Bundle]]:
    return lambda: lambda: bundle


async def with_pages(open_server: OpenServer, **environ: Any) -> Composition:
    composition = await open_server(**environ)
    await composition.server.mount_pages(loader(Bundle()))
    return composition


@pytest.fixture
async def composition(open_server: OpenServer) -> Composition:
    return await with_pages(open_server, SPOUT_PASSWORD=PASSWORD)


def session_of(composition: Composition) -> dict[str, str]:
    name = composition.server.gate.sessions.cookie_name
    return {"Cookie": f"{name}={composition.http.cookies[name]}"}


async def test_the_pages_live_as_long_as_the_server(open_server: OpenServer) -> None:
    composition, bundle = await open_server(), Bundle()
    await composition.server.mount_pages(loader(bundle))
    before = list(bundle.calls)
    await composition.server.close()

    assert (before, bundle.calls) == (["open"], ["open", "close"])


async def test_before_the_pages_are_there_one_is_told_to_wait(open_server: OpenServer) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD)

    answer = await composition.http.get("/")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "Starting" in answer.text
    nonce = re.search(r'<script nonce="([^"]+)">', answer.text)
    assert nonce is not None
    assert f"'nonce-{nonce.group(1)}'" in answer.headers["Content-Security-Policy"]


async def test_before_the_pages_are_there_their_feed_is_not_said_to_be_no_route(
    open_server: OpenServer,
) -> None:
    composition = await open_server()
    answer = await composition.http.get("/api/v1/live")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["error"]["code"] == "starting"


async def test_healthz_tells_when_the_pages_are_ready(open_server: OpenServer) -> None:
    composition = await open_server()
    before = (await composition.http.get("/healthz")).json()["pages"]
    await composition.server.mount_pages(loader(Bundle()))

    assert (before, (await composition.http.get("/healthz")).json()["pages"]) == ("starting", "ready")


@pytest.mark.parametrize("path", ["/", "/system", "/static/js/bokeh.min.js", "/ui/picture", "/nowhere"])
async def test_whoever_is_not_logged_in_is_led_to_the_login(composition: Composition, path: str) -> None:
    answer = await composition.http.get(path, headers=HTML)

    assert (answer.status_code, answer.headers["Location"]) == (302, f"/login?next={path}")


async def test_what_is_no_page_is_told_instead_of_led(composition: Composition) -> None:
    answer = await composition.http.get("/static/js/bokeh.min.js")

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "login_required")


async def test_after_the_login_the_pages_are_there(composition: Composition) -> None:
    await log_in(composition)

    statuses = [
        (await composition.http.get(path, headers=HTML)).status_code
        for path in ("/", "/system", "/static/js/bokeh.min.js", "/ui/picture")
    ]

    assert statuses == [200, 200, 200, 200]


async def test_each_script_of_a_page_carries_the_nonce_of_its_policy(composition: Composition) -> None:
    await log_in(composition)
    answer = await composition.http.get("/", headers=HTML)
    policy = answer.headers["Content-Security-Policy"]
    nonces = set(re.findall(r"<script nonce=\"([^\"]+)\"", answer.text))

    assert len(nonces) == 1
    assert f"'nonce-{nonces.pop()}'" in policy
    assert re.findall(r"<script(?! nonce=)", answer.text) == []
    assert "'unsafe-eval'" not in policy


async def test_two_pages_have_two_nonces(composition: Composition) -> None:
    await log_in(composition)
    policies = {
        (await composition.http.get("/", headers=HTML)).headers["Content-Security-Policy"] for _ in range(2)
    }

    assert len(policies) == 2


async def test_bokehs_script_is_sent_compressed(composition: Composition) -> None:
    await log_in(composition)

    answer = await composition.http.get("/static/js/bokeh.min.js")

    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_session_cookie_is_not_in_the_page(composition: Composition) -> None:
    await log_in(composition)

    text = (await composition.http.get("/", headers=HTML)).text

    assert session_of(composition)["Cookie"].partition("=")[2] not in text


@pytest.mark.parametrize(
    "path", ["/autoload.js", "/metadata", "/static/../../etc/passwd", "/static/%2e%2e/x"]
)
async def test_what_the_pages_do_not_need_is_not_served(composition: Composition, path: str) -> None:
    await log_in(composition)

    assert (await composition.http.get(path)).status_code in {403, 404}


async def bokeh_socket(composition: Composition, origin: str) -> Any:
    """Open the page's own socket as BokehJS does, with the token of a page that was just loaded."""
    text = (await composition.http.get("/", headers=HTML)).text
    token = re.search(r'"token":"([^"]+)"', text)
    assert token is not None
    return await composition.socket(
        "/ws",
        origin=origin,
        subprotocols=["bokeh", token.group(1)],
        additional_headers=session_of(composition),
    )


async def test_a_pages_own_socket_opens(composition: Composition) -> None:
    await log_in(composition)
    socket = await bokeh_socket(composition, f"http://{composition.host}")

    async with asyncio.timeout(5):
        assert json.loads(await socket.recv())["msgtype"] == "ACK"


async def test_a_pages_socket_stays_closed_to_a_foreign_page(composition: Composition) -> None:
    await log_in(composition)

    with pytest.raises(InvalidStatus) as refused:
        await bokeh_socket(composition, "http://evil.example")

    assert refused.value.response.status_code == 403


async def test_a_pages_socket_needs_the_login_too(composition: Composition) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await composition.socket("/ws", origin=f"http://{composition.host}", subprotocols=["bokeh", "x"])

    assert refused.value.response.status_code == 401


async def token_of(composition: Composition) -> str:
    found = re.search(r'"token":"([^"]+)"', (await composition.http.get("/", headers=HTML)).text)
    assert found is not None
    return found.group(1)


async def ask_anew(composition: Composition, token: str, **headers: str) -> Response:
    return await composition.http.post(
        "/session", content=token, headers={"Origin": f"http://{composition.host}"} | headers
    )


def brought_by(page: Response) -> dict[str, str]:
    """By hand: to a client's own jar the tests' clock may lie in the past."""
    return {"Cookie": page.headers["Set-Cookie"].partition(";")[0]}


def bokeh_session(token: str) -> str:
    return get_session_id(token)


async def test_an_open_page_goes_on_with_its_session_under_a_new_token(composition: Composition) -> None:
    await log_in(composition)
    token = await token_of(composition)

    answer = await ask_anew(composition, token)

    assert answer.status_code == 200
    assert bokeh_session(answer.json()["token"]) == bokeh_session(token)
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_new_token_opens_the_pages_socket(composition: Composition) -> None:
    await log_in(composition)
    token = (await ask_anew(composition, await token_of(composition))).json()["token"]
    socket = await composition.socket(
        "/ws",
        origin=f"http://{composition.host}",
        subprotocols=["bokeh", token],
        additional_headers=session_of(composition),
    )

    async with asyncio.timeout(5):
        assert json.loads(await socket.recv())["msgtype"] == "ACK"


async def test_a_session_goes_on_for_nobody_without_a_login(composition: Composition) -> None:
    await log_in(composition)
    token = await token_of(composition)
    composition.http.cookies.clear()

    assert (await ask_anew(composition, token)).status_code == 401


async def test_a_token_of_another_login_is_not_signed_anew(composition: Composition) -> None:
    await log_in(composition)
    token = await token_of(composition)
    composition.http.cookies.clear()
    await log_in(composition)

    answer = await ask_anew(composition, token)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_your_session")


async def test_a_token_of_another_login_opens_no_socket(composition: Composition) -> None:
    await log_in(composition)
    token = await token_of(composition)
    composition.http.cookies.clear()
    await log_in(composition)
    socket = await composition.socket(
        "/ws",
        origin=f"http://{composition.host}",
        subprotocols=["bokeh", token],
        additional_headers=session_of(composition),
    )

    with pytest.raises(ConnectionClosed) as end:
        async with asyncio.timeout(5):
            await socket.recv()
    assert end.value.rcvd is not None
    assert end.value.rcvd.code == 4401


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None])
async def test_a_session_goes_on_for_our_own_pages_alone(
    composition: Composition, origin: str | None
) -> None:
    await log_in(composition)
    token = await token_of(composition)
    headers = {} if origin is None else {"Origin": origin}

    answer = await composition.http.post("/session", content=token, headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_origin")


@pytest.mark.parametrize(("token", "status"), [("x" * 4_097, 413), ("", 403), ("a.b", 403), ("\u00e9", 403)])
async def test_what_is_no_token_of_ours_is_not_signed(
    composition: Composition, token: str, status: int
) -> None:
    await log_in(composition)

    assert (await ask_anew(composition, token)).status_code == status


async def test_a_logout_closes_the_pages_own_socket(composition: Composition) -> None:
    await log_in(composition)
    socket = await bokeh_socket(composition, f"http://{composition.host}")
    for _ in ("header", "metadata", "content"):
        await socket.recv()
    await composition.http.post("/logout", headers={"Origin": f"http://{composition.host}"})

    with pytest.raises(ConnectionClosed) as end:
        async with asyncio.timeout(5):
            await socket.recv()
    assert end.value.rcvd is not None
    assert end.value.rcvd.code == 4401


async def test_a_second_page_without_a_password_belongs_to_the_session_of_the_first(
    open_server: OpenServer,
) -> None:
    composition = await with_pages(open_server)
    first = await composition.http.get("/", headers=HTML)
    second = await composition.http.get("/", headers=HTML | brought_by(first))
    found = re.search(r'"token":"([^"]+)"', first.text)
    assert found is not None

    assert (await ask_anew(composition, found.group(1), **brought_by(second))).status_code == 200


async def test_a_token_bokeh_did_not_sign_opens_no_session(composition: Composition) -> None:
    await log_in(composition)
    socket = await composition.socket(
        "/ws",
        origin=f"http://{composition.host}",
        subprotocols=["bokeh", "eyJzZXNzaW9uX2lkIjoieCJ9"],
        additional_headers=session_of(composition),
    )

    with pytest.raises(ConnectionClosed):
        async with asyncio.timeout(5):
            await socket.recv()


async def test_the_feed_opens_with_the_login_and_closes_with_the_logout(composition: Composition) -> None:
    await log_in(composition)
    origin = f"http://{composition.host}"
    socket = await composition.socket(
        "/api/v1/live", origin=origin, additional_headers=session_of(composition)
    )
    await socket.send("hello")
    received = await socket.recv()
    await composition.http.post("/logout", headers={"Origin": origin})

    with pytest.raises(ConnectionClosed) as end:
        await socket.recv()
    assert received == "hello"
    assert end.value.rcvd is not None
    assert end.value.rcvd.code == 4401


@pytest.mark.parametrize("origin", [None, "http://evil.example"])
async def test_the_feed_is_for_our_own_pages_alone(composition: Composition, origin: str | None) -> None:
    await log_in(composition)

    with pytest.raises(InvalidStatus) as refused:
        await composition.socket("/api/v1/live", origin=origin, additional_headers=session_of(composition))

    assert refused.value.response.status_code in {401, 403}


async def test_the_feed_needs_the_login(composition: Composition) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await composition.socket("/api/v1/live", origin=f"http://{composition.host}")

    assert refused.value.response.status_code == 401


def page_token(text: str) -> str:
    """What a page carries in its head, for its calls."""
    found = re.search(r'<meta name="spout-page" content="([^"]+)">', text)
    assert found is not None
    return found[1]


async def test_behind_a_trusted_proxy_a_page_brings_the_session_its_calls_need(
    open_server: OpenServer,
) -> None:
    composition = await with_pages(open_server, SPOUT_TRUST_PROXY_AUTH="true")
    before = (await composition.http.get("/api/v1/health")).status_code
    page = await composition.http.get("/", headers=HTML)
    cookie = {"Cookie": page.headers["Set-Cookie"].partition(";")[0]}
    token = {"X-Spout-Page": page_token(page.text)}
    by_cookie = (await composition.http.get("/api/v1/health", headers=cookie)).status_code
    with_token = (await composition.http.get("/api/v1/health", headers=cookie | token)).status_code

    assert (before, page.status_code, by_cookie, with_token) == (401, 200, 401, 200)


async def test_behind_a_trusted_proxy_the_feed_stays_closed_to_who_saw_no_page(
    open_server: OpenServer,
) -> None:
    composition = await with_pages(open_server, SPOUT_TRUST_PROXY_AUTH="true")

    with pytest.raises(InvalidStatus):
        await composition.socket("/api/v1/live", origin=f"http://{composition.host}")


async def test_on_this_machine_the_pages_open_without_a_password(open_server: OpenServer) -> None:
    composition = await with_pages(open_server)

    assert (await composition.http.get("/", headers=HTML)).status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"X-Forwarded-For": "192.0.2.1"}]
)
async def test_the_open_pages_are_for_this_machine_alone(
    open_server: OpenServer, headers: dict[str, str]
) -> None:
    composition = await with_pages(open_server)

    answer = await composition.http.get("/", headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "only_here")


async def test_a_link_from_elsewhere_opens_the_page(open_server: OpenServer) -> None:
    composition = await with_pages(open_server)
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}

    assert (await composition.http.get("/", headers=followed)).status_code == 200


async def test_ipv6_is_served_and_its_origin_known() -> None:
    settings = read_settings({"SPOUT_HOST": "::1", "SPOUT_PORT": "0"})
    server = Server(settings, Keyring(SECRET), SystemClock())
    server.listen()

    assert server.url == f"http://[::1]:{server.port}/"
    await server.close()
