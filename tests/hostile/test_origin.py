"""Pages of ours and of others, under a host name that is not loopback, behind proxies that say little."""

import asyncio
import re
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.api.conftest import Composition, OpenServer
from tests.api.test_auth import PASSWORD
from tests.api.test_pages import with_pages

FORM = {"next": "/", "password": PASSWORD}


async def log_in(composition: Composition, headers: dict[str, str]) -> httpx.Response:
    return await composition.http.post("/login", data=FORM, headers=headers)


@pytest.mark.parametrize(
    "headers",
    [
        # nginx with `Host $host` on port 8443: the port is gone.
        {"Host": "node.example", "Origin": "https://node.example:8443", "Sec-Fetch-Site": "same-origin"},
        # nginx as it comes: Host is what it asks itself.
        {"Host": "127.0.0.1:8411", "Origin": "https://node.example", "Sec-Fetch-Site": "same-origin"},
        # Plain http on the LAN: no browser sends Sec-Fetch-Site.
        {"Host": "umbrel.local:8411", "Origin": "http://umbrel.local:8411"},
        # The same behind a trusted proxy on another port.
        {"Host": "spout", "Origin": "http://umbrel.local:3080", "X-Forwarded-Host": "umbrel.local:3080"},
    ],
)
async def test_our_own_page_is_let_in(open_server: OpenServer, headers: dict[str, str]) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD, SPOUT_TRUSTED_PROXIES="127.0.0.1")

    assert (await log_in(composition, headers)).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "node.example", "Origin": "https://other.example", "Sec-Fetch-Site": "cross-site"},
        {"Host": "node.example", "Origin": "https://node.example", "Sec-Fetch-Site": "cross-site"},
        {"Host": "node.example:8411", "Origin": "http://node.example:8411", "Sec-Fetch-Site": "same-site"},
        {"Host": "node.example:8411", "Origin": "http://node.example:8412"},
        {"Host": "node.example", "Origin": "http://other.example", "X-Forwarded-Host": "other.example"},
        {"Host": "node.example"},
    ],
)
async def test_a_foreign_page_is_not(open_server: OpenServer, headers: dict[str, str]) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD, SPOUT_TRUSTED_PROXIES="192.0.2.1")

    answer = await log_in(composition, headers)

    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


async def test_the_refusal_says_what_the_proxy_must_pass_on(composition: Composition) -> None:
    answer = await log_in(composition, {"Host": "node.example", "Origin": "http://node.example:8080"})

    for word in (
        "http://node.example:8080",
        "node.example",
        "Host",
        "X-Forwarded-Host",
        "SPOUT_TRUSTED_PROXIES",
    ):
        assert word in answer.text


SOCKET = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}


@pytest.mark.parametrize("path", ["/api/v1/live", "/api/v1/stream"])
async def test_a_socket_of_a_page_whose_port_the_proxy_dropped_says_so_in_json(
    open_server: OpenServer, path: str
) -> None:
    composition = await with_pages(open_server, SPOUT_PASSWORD=PASSWORD)
    session = await a_session(composition)
    reported = {**SOCKET, **session, "Sec-WebSocket-Key": "A" * 22 + "==", "Host": "node.example"}

    answer = await composition.http.get(path, headers={**reported, "Origin": "https://node.example:8443"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_origin")
    assert "X-Forwarded-Host" in answer.json()["error"]["message"]


@pytest.mark.parametrize("host", ["node.example", "127.0.0.1:8411"])
async def test_the_pages_sockets_open_without_the_port_if_they_show_the_pages_token(
    open_server: OpenServer, host: str
) -> None:
    """Only the port may be missing: under another name the token is not enough."""
    composition = await with_pages(open_server, SPOUT_PASSWORD=PASSWORD)
    session = await a_session(composition)
    page = (await composition.http.get("/", headers={**session, "Accept": "text/html"})).text
    page_token = re.search(r'name="spout-page" content="([^"]+)"', page)
    bokeh_token = re.search(r'"token":"([^"]+)"', page)
    assert page_token is not None
    assert bokeh_token is not None
    reported = {**SOCKET, **session, "Host": host, "Origin": "https://node.example:8443"}
    offered = {
        "/api/v1/live": f"spout.page.{page_token[1]}",
        "/ws": f"bokeh, {bokeh_token[1]}",
        "/api/v1/stream": "",
    }

    statuses = [
        (await first_status(composition, path, {**reported, "Sec-WebSocket-Protocol": protocols}))
        for path, protocols in offered.items()
    ]

    assert statuses == ([101, 101, 403] if host == "node.example" else [403, 403, 403])


async def first_status(composition: Composition, path: str, headers: dict[str, str]) -> int:
    """Of a handshake with a Host of our own, which no client library lets one send."""
    lines = [f"GET {path} HTTP/1.1", "Sec-WebSocket-Key: " + "A" * 22 + "=="]
    lines += [f"{name}: {value}" for name, value in headers.items() if value]
    reader, writer = await asyncio.open_connection("127.0.0.1", composition.server.port)
    writer.write("\r\n".join([*lines, "", ""]).encode())
    async with asyncio.timeout(20):
        status = (await reader.readline()).split()[1]
    writer.close()
    return int(status)


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
async def test_a_socket_of_another_site_stays_closed_though_origin_and_host_agree(
    open_server: OpenServer, site: str
) -> None:
    composition = await with_pages(open_server, SPOUT_PASSWORD=PASSWORD)
    session = await a_session(composition)

    with pytest.raises(InvalidStatus, match="403"):
        await composition.socket(
            "/api/v1/live",
            origin=f"http://{composition.host}",
            additional_headers={**session, "Sec-Fetch-Site": site},
        )


async def test_a_plain_proxy_before_a_spout_without_a_password_opens_nothing(open_server: OpenServer) -> None:
    composition = await open_server()
    request = b"GET /api/v1/health HTTP/1.0\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n"

    refused = await raw(composition, request % composition.server.port)

    assert b" 401 " in refused.partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "headers",
    [
        {"Referer": "http://node.example/"},
        {"Referer": "https://node.example/", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://node.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
async def test_pages_under_another_name_give_a_plain_proxy_away(
    open_server: OpenServer, headers: dict[str, str]
) -> None:
    composition = await open_server()

    assert (await composition.http.get("/api/v1/health", headers=headers)).status_code == 401


async def raw(composition: Composition, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", composition.server.port)
    writer.write(request)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return answer


async def a_session(composition: Composition) -> dict[str, str]:
    answer = await log_in(composition, {"Origin": f"http://{composition.host}"})
    composition.http.cookies.clear()
    name = composition.server.gate.sessions.cookie_name
    found: Any = re.search(rf"{name}=([^;]+)", answer.headers["Set-Cookie"])
    return {"Cookie": f"{name}={found[1]}"}
