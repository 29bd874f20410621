"""HTTP as it should be, also for what nobody well-meaning sends."""

import asyncio
import json

import pytest

from tests.api.conftest import ADMIN, READ, Composition, OpenServer
from tests.api.test_auth import PASSWORD, log_in
from tests.api.test_pages import with_pages


async def raw(composition: Composition, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as they are; return status, headers in lower case, and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", composition.server.port)
    writer.write(request)
    async with asyncio.timeout(20):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    first, *lines = head.decode().split("\r\n")
    reported = dict(line.split(": ", 1) for line in lines)
    return int(first.split()[1]), {name.lower(): value for name, value in reported.items()}, body


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/login", "/api/v1/health", "/api/v1/predictions"])
async def test_head_is_get_without_its_body(composition: Composition, path: str) -> None:
    got = await composition.http.get(path, headers=READ)
    head = await composition.http.head(path, headers=READ)

    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["Content-Type"] == got.headers["Content-Type"]


@pytest.mark.parametrize("path", ["/", "/system", "/ui/picture"])
async def test_head_of_a_page_makes_none(open_server: OpenServer, path: str) -> None:
    composition = await with_pages(open_server, SPOUT_PASSWORD=PASSWORD)
    await log_in(composition)

    answer = await composition.http.head(path)

    assert (answer.status_code in {200, 405}, answer.content) == (True, b"")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/healthz", "GET, HEAD, OPTIONS"),
        ("/login", "GET, HEAD, POST, OPTIONS"),
        ("/logout", "POST, OPTIONS"),
        ("/", "GET, HEAD, OPTIONS"),
        ("/session", "POST, OPTIONS"),
        ("/metrics", "GET, HEAD, OPTIONS"),
        ("/api/v1/health", "GET, HEAD, OPTIONS"),
        ("/api/v1/tokens", "POST, OPTIONS"),
        ("/api/v1/labels", "GET, HEAD, POST, OPTIONS"),
        ("/api/v1/stream", "GET, OPTIONS"),
    ],
)
async def test_options_tells_the_methods_and_lets_no_other_origin_in(
    composition: Composition, path: str, allowed: str
) -> None:
    answer = await composition.http.options(path, headers={"Origin": "http://evil.example"})

    assert (answer.status_code, set(answer.headers["Allow"].split(", "))) == (204, set(allowed.split(", ")))
    assert not any(name.lower().startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize(
    "path", ["/%00", "/ui/%00", "/api/%00", "/api/v1/predictions/%00", "/login%00", "/a%00b"]
)
async def test_a_path_with_a_zero_byte_is_nowhere(composition: Composition, path: str) -> None:
    await log_in(composition)
    answer = await composition.http.get(path, headers=READ)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"a" * 40_000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431, "headers_too_large"),
        (b"NONSENSE\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 400, "bad_request"),
        (
            b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
            413,
            "too_large",
        ),
    ],
)
async def test_what_no_handler_sees_is_refused_in_json_with_our_headers(
    composition: Composition, request_bytes: bytes, status: int, code: str
) -> None:
    answered, headers, body = await raw(composition, request_bytes)

    assert (answered, json.loads(body)["error"]["code"]) == (status, code)
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "server" not in headers


async def test_a_large_body_is_read_from_whoever_has_a_good_key(composition: Composition) -> None:
    body = b'{"labels": "' + b"x" * 600_000 + b'"}'

    good = await composition.http.post("/api/v1/labels", content=body, headers=ADMIN)
    guess = await composition.http.post("/api/v1/labels", content=body, headers={"X-API-Key": "guess"})

    assert (good.status_code in {400, 503}, guess.status_code) == (True, 413)


@pytest.mark.parametrize("path", ["/api/v1/stream", "/api/v1/live"])
async def test_a_socket_asked_for_as_a_page_is_refused_in_json(open_server: OpenServer, path: str) -> None:
    composition = await with_pages(open_server, SPOUT_PASSWORD=PASSWORD)
    for method in ("GET", "POST"):
        answer = await composition.http.request(method, path, headers=READ)

        assert answer.status_code in {401, 405, 426}
        assert set(answer.json()["error"]) == {"code", "message", "correlation_id"}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/login", "GET, HEAD, POST, OPTIONS"),
        ("/logout", "POST, OPTIONS"),
        ("/session", "POST, OPTIONS"),
        ("/", "GET, HEAD, OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
        ("/api/v1/tokens", "POST, OPTIONS"),
        ("/api/v1/live", "GET, OPTIONS"),
    ],
)
async def test_whoever_uses_a_wrong_method_is_told_the_right_ones(
    open_server: OpenServer, path: str, allowed: str
) -> None:
    composition = await with_pages(open_server, SPOUT_PASSWORD=PASSWORD)
    await log_in(composition)
    for method in ("PATCH", "TRACE", "PROPFIND"):
        answer = await composition.http.request(method, path)

        assert (answer.status_code, answer.headers.get("Allow")) == (405, allowed)


HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize("path", ["/api/v1/stream", "/api/v1/live"])
@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"Connection": "keep-alive"}, 400),
        ({"Sec-WebSocket-Version": "8"}, 426),
        ({"Sec-WebSocket-Version": ""}, 426),
        ({"Sec-WebSocket-Key": ""}, 400),
    ],
    ids=["a-proxy-kept-connection", "version", "no-version", "no-key"],
)
async def test_half_a_handshake_is_refused_in_json(
    open_server: OpenServer, path: str, wrong: dict[str, str], status: int
) -> None:
    composition = await with_pages(open_server, SPOUT_PASSWORD=PASSWORD)
    await log_in(composition)
    ours = {"Origin": f"http://{composition.host}"}

    answer = await composition.http.get(path, headers=HANDSHAKE | ours | wrong)

    assert (answer.status_code, set(answer.json()["error"])) == (
        status,
        {"code", "message", "correlation_id"},
    )
    assert answer.headers.get("Sec-WebSocket-Version", "13") == "13"


@pytest.mark.parametrize(
    ("path", "megabytes"), [("/api/v1/labels/import", 5), ("/api/v1/labels", 1), ("/api/v1/endpoints", 1)]
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_whoever_has_a_good_key_is_told_the_limit_and_not_to_log_in(
    composition: Composition, path: str, megabytes: int, *, chunked: bool
) -> None:
    size = megabytes * 1024 * 1024 + 1
    key = f"Host: x\r\nX-API-Key: {ADMIN['X-API-Key']}\r\n"
    framing = (
        f"Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n" if chunked else f"Content-Length: {size}\r\n\r\n"
    )

    status, _, body = await raw(composition, f"POST {path} HTTP/1.1\r\n{key}{framing}".encode())

    assert (status, json.loads(body)["error"]["message"]) == (
        413,
        f"The body is larger than {megabytes} MB, the most that is read here: send it in parts",
    )


@pytest.mark.parametrize(
    ("credential", "words"),
    [
        ("", "16 kB, the most that is read without a login or a key"),
        ("X-API-Key: guess\r\n", "128 kB, the most that is read with a key that is not known, or not yet"),
    ],
)
async def test_whoever_shows_no_good_key_is_told_so_before_anything_large_is_read(
    composition: Composition, credential: str, words: str
) -> None:
    head = f"POST /api/v1/labels/import HTTP/1.1\r\nHost: x\r\n{credential}Content-Length: 200000\r\n\r\n"

    status, _, body = await raw(composition, head.encode())

    assert (status, words in json.loads(body)["error"]["message"]) == (413, True)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff\xfe", b"[" * 15_000, b"a,b\n", b"address=1"])
async def test_what_is_no_json_is_no_matter_of_the_login(composition: Composition, body: bytes) -> None:
    kind = {"Content-Type": "text/csv"}
    with_key = await composition.http.post("/api/v1/labels", content=body, headers=ADMIN | kind)
    without = await composition.http.post("/api/v1/labels", content=body, headers=kind)

    assert (with_key.status_code, with_key.json()["error"]["code"]) == (400, "bad_json")
    assert without.status_code == 401


@pytest.mark.parametrize("length", [b"\xb2", b"1_0", b"+2", b"9" * 5_000])
async def test_a_length_that_is_no_number_is_refused_and_ends_no_handler(
    composition: Composition, length: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    request = b"POST /login HTTP/1.1\r\nHost: spout\r\nContent-Length: " + length + b"\r\n\r\nab"
    status, _, body = await raw(composition, request)

    assert status in {400, 413}
    assert json.loads(body)
    assert not [line for line in caplog.records if line.exc_info]
