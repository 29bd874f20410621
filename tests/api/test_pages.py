"""A real Bokeh page on the one server: the gate before it, the headers on it, its sockets' origins."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from panel.io.application import Application
from panel.io.handlers import FunctionHandler
from tornado.web import RequestHandler
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.clock import SystemClock
from app.keyring import Keyring
from app.server import Server
from app.settings import read_settings
from app.web.sessions import COOKIE
from app.web.sockets import LoginRequiredWebSocket
from tests.api.conftest import SECRET, House, OpenHouse
from tests.api.test_auth import PASSWORD, log_in

HTML = {"Accept": "text/html,*/*"}


class Echo(LoginRequiredWebSocket):
    def on_message(self, message: str | bytes) -> None:
        self.write_message(message)


class Picture(RequestHandler):
    def get(self) -> None:
        self.write("a picture")


class PlainPage(Application):
    """A page with two scripts, one of which carries the token of its session."""

    def __init__(self) -> None:
        super().__init__(FunctionHandler(lambda _document: None))

    def html(self, token: str) -> str:
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
        self.handlers: list[tuple[Any, ...]] = [(r"/ui/picture", Picture), (r"/api/v1/live", Echo)]

    def open(self) -> None:
        self.calls.append("open")

    def close(self) -> None:
        self.calls.append("close")


def loader(bundle: Bundle) -> Callable[[], Callable[[], Bundle]]:
    return lambda: lambda: bundle


async def with_pages(open_house: OpenHouse, **environ: Any) -> House:
    house = await open_house(**environ)
    await house.server.mount_pages(loader(Bundle()))
    return house


@pytest.fixture
async def house(open_house: OpenHouse) -> House:
    return await with_pages(open_house, SPOUT_PASSWORD=PASSWORD)


def session_of(house: House) -> dict[str, str]:
    return {"Cookie": f"{COOKIE}={house.http.cookies[COOKIE]}"}


async def test_the_pages_live_as_long_as_the_server(open_house: OpenHouse) -> None:
    house, bundle = await open_house(), Bundle()
    await house.server.mount_pages(loader(bundle))
    before = list(bundle.calls)
    await house.server.close()

    assert (before, bundle.calls) == (["open"], ["open", "close"])


async def test_before_the_pages_are_there_one_is_told_to_wait(open_house: OpenHouse) -> None:
    house = await open_house(SPOUT_PASSWORD=PASSWORD)

    answer = await house.http.get("/")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "Starting" in answer.text
    nonce = re.search(r'<script nonce="([^"]+)">', answer.text)
    assert nonce is not None
    assert f"'nonce-{nonce.group(1)}'" in answer.headers["Content-Security-Policy"]


async def test_healthz_tells_when_the_pages_are_ready(open_house: OpenHouse) -> None:
    house = await open_house()
    before = (await house.http.get("/healthz")).json()["pages"]
    await house.server.mount_pages(loader(Bundle()))

    assert (before, (await house.http.get("/healthz")).json()["pages"]) == ("starting", "ready")


@pytest.mark.parametrize("path", ["/", "/system", "/static/js/bokeh.min.js", "/ui/picture", "/nowhere"])
async def test_whoever_is_not_logged_in_is_led_to_the_login(house: House, path: str) -> None:
    answer = await house.http.get(path, headers=HTML)

    assert (answer.status_code, answer.headers["Location"]) == (302, f"/login?next={path}")


async def test_what_is_no_page_is_told_instead_of_led(house: House) -> None:
    answer = await house.http.get("/static/js/bokeh.min.js")

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "login_required")


async def test_after_the_login_the_pages_are_there(house: House) -> None:
    await log_in(house)

    statuses = [
        (await house.http.get(path, headers=HTML)).status_code
        for path in ("/", "/system", "/static/js/bokeh.min.js", "/ui/picture")
    ]

    assert statuses == [200, 200, 200, 200]


async def test_each_script_of_a_page_carries_the_nonce_of_its_policy(house: House) -> None:
    await log_in(house)
    answer = await house.http.get("/", headers=HTML)
    policy = answer.headers["Content-Security-Policy"]
    nonces = set(re.findall(r"<script nonce=\"([^\"]+)\"", answer.text))

    assert len(nonces) == 1
    assert f"'nonce-{nonces.pop()}'" in policy
    assert re.findall(r"<script(?! nonce=)", answer.text) == []
    assert "'unsafe-eval'" not in policy


async def test_two_pages_have_two_nonces(house: House) -> None:
    await log_in(house)
    policies = {
        (await house.http.get("/", headers=HTML)).headers["Content-Security-Policy"] for _ in range(2)
    }

    assert len(policies) == 2


async def test_bokehs_script_is_sent_compressed(house: House) -> None:
    await log_in(house)

    answer = await house.http.get("/static/js/bokeh.min.js")

    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_session_cookie_is_not_in_the_page(house: House) -> None:
    await log_in(house)

    text = (await house.http.get("/", headers=HTML)).text

    assert house.http.cookies[COOKIE] not in text


@pytest.mark.parametrize(
    "path", ["/autoload.js", "/metadata", "/static/../../etc/passwd", "/static/%2e%2e/x"]
)
async def test_what_the_pages_do_not_need_is_not_served(house: House, path: str) -> None:
    await log_in(house)

    assert (await house.http.get(path)).status_code in {403, 404}


async def bokeh_socket(house: House, origin: str) -> Any:
    """Open the page's own socket as BokehJS does, with the token of a page that was just loaded."""
    text = (await house.http.get("/", headers=HTML)).text
    token = re.search(r'"token":"([^"]+)"', text)
    assert token is not None
    return await house.socket(
        "/ws", origin=origin, subprotocols=["bokeh", token.group(1)], additional_headers=session_of(house)
    )


async def test_a_pages_own_socket_opens(house: House) -> None:
    await log_in(house)
    socket = await bokeh_socket(house, f"http://{house.host}")

    async with asyncio.timeout(5):
        assert json.loads(await socket.recv())["msgtype"] == "ACK"


async def test_a_pages_socket_stays_closed_to_a_foreign_page(house: House) -> None:
    await log_in(house)

    with pytest.raises(InvalidStatus) as refused:
        await bokeh_socket(house, "http://evil.example")

    assert refused.value.response.status_code == 403


async def test_a_pages_socket_needs_the_login_too(house: House) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await house.socket("/ws", origin=f"http://{house.host}", subprotocols=["bokeh", "x"])

    assert refused.value.response.status_code == 401


async def test_a_token_bokeh_did_not_sign_opens_no_session(house: House) -> None:
    await log_in(house)
    socket = await house.socket(
        "/ws",
        origin=f"http://{house.host}",
        subprotocols=["bokeh", "eyJzZXNzaW9uX2lkIjoieCJ9"],
        additional_headers=session_of(house),
    )

    with pytest.raises(ConnectionClosed):
        async with asyncio.timeout(5):
            await socket.recv()


async def test_the_feed_opens_with_the_login_and_closes_with_the_logout(house: House) -> None:
    await log_in(house)
    origin = f"http://{house.host}"
    socket = await house.socket("/api/v1/live", origin=origin, additional_headers=session_of(house))
    await socket.send("hello")
    heard = await socket.recv()
    await house.http.post("/logout", headers={"Origin": origin})

    with pytest.raises(ConnectionClosed) as end:
        await socket.recv()
    assert heard == "hello"
    assert end.value.rcvd is not None
    assert end.value.rcvd.code == 4401


@pytest.mark.parametrize("origin", [None, "http://evil.example"])
async def test_the_feed_is_for_our_own_pages_alone(house: House, origin: str | None) -> None:
    await log_in(house)

    with pytest.raises(InvalidStatus) as refused:
        await house.socket("/api/v1/live", origin=origin, additional_headers=session_of(house))

    assert refused.value.response.status_code in {401, 403}


async def test_the_feed_needs_the_login(house: House) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await house.socket("/api/v1/live", origin=f"http://{house.host}")

    assert refused.value.response.status_code == 401


async def test_behind_a_trusted_proxy_a_page_brings_the_session_its_calls_need(
    open_house: OpenHouse,
) -> None:
    house = await with_pages(open_house, SPOUT_TRUST_PROXY_AUTH="true")
    before = (await house.http.get("/api/v1/health")).status_code
    page_status = (await house.http.get("/", headers=HTML)).status_code
    after = (await house.http.get("/api/v1/health")).status_code

    assert (before, page_status, after) == (401, 200, 200)


async def test_behind_a_trusted_proxy_the_feed_stays_closed_to_who_saw_no_page(open_house: OpenHouse) -> None:
    house = await with_pages(open_house, SPOUT_TRUST_PROXY_AUTH="true")

    with pytest.raises(InvalidStatus):
        await house.socket("/api/v1/live", origin=f"http://{house.host}")


async def test_on_this_machine_the_pages_open_without_a_password(open_house: OpenHouse) -> None:
    house = await with_pages(open_house)

    assert (await house.http.get("/", headers=HTML)).status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"X-Forwarded-For": "192.0.2.1"}]
)
async def test_the_open_pages_are_for_this_machine_alone(
    open_house: OpenHouse, headers: dict[str, str]
) -> None:
    house = await with_pages(open_house)

    answer = await house.http.get("/", headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "only_here")


async def test_a_link_from_elsewhere_opens_the_page(open_house: OpenHouse) -> None:
    house = await with_pages(open_house)
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}

    assert (await house.http.get("/", headers=followed)).status_code == 200


async def test_ipv6_is_served_and_its_origin_known() -> None:
    settings = read_settings({"SPOUT_HOST": "::1", "SPOUT_PORT": "0"})
    server = Server(settings, Keyring(SECRET), SystemClock())
    server.listen()

    assert server.url == f"http://[::1]:{server.port}/"
    await server.close()
