"""What nobody well-meaning sends: the server refuses, in JSON where it can, and lives."""

import asyncio

import pytest

from tests.api.conftest import ADMIN, READ, Composition


async def raw(composition: Composition, request: bytes, *, close: bool = False) -> bytes:
    """Send bytes as they are; return all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", composition.server.port)
    writer.write(request)
    if close:
        writer.write_eof()
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def lives(composition: Composition) -> bool:
    return (await composition.http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_wrong_method_is_refused_in_json(composition: Composition, method: str) -> None:
    answer = await composition.http.request(method, "/api/v1/health", headers=ADMIN)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert answer.headers["Content-Type"].startswith("application/json")


async def test_a_method_that_does_not_exist_is_refused_in_json(composition: Composition) -> None:
    answer = await composition.http.request("BREW", "/api/v1/health", headers=ADMIN)

    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nothing",
        "/api/",
        "/api",
        "/api/v1/health/",
        "/api/v1/predictions/a/b",
        "/api/v1//health",
        "/api/v1/%2e%2e/health",
        "/api/v1/predictions/..%2f..%2fetc%2fpasswd",
        "/api/v1/predictions/%ff",
        "/api/v1/predictions/' OR 1=1",
    ],
)
async def test_a_path_that_is_none_is_refused_in_json(composition: Composition, path: str) -> None:
    answer = await composition.http.get(path, headers=READ)

    assert answer.status_code in {400, 404}
    assert set(answer.json()["error"]) == {"code", "message", "correlation_id"}


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"null", b"\xff\xfe", b"[" * 15_000, b'{"key": 5}', b'{"key": "a\\nb"}', b'{"x": 1}'],
)
async def test_a_body_that_cannot_be_read_is_refused_in_json(composition: Composition, body: bytes) -> None:
    answer = await composition.http.post("/api/v1/tokens", content=body)

    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"code", "message", "correlation_id"}


async def test_a_huge_body_is_not_taken_in(composition: Composition) -> None:
    request = b"POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n"

    answer = await raw(composition, request)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code": "too_large"' in answer
    assert await lives(composition)


async def test_a_huge_header_is_not_taken_in(composition: Composition) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: " + b"a" * 100_000 + b"\r\n\r\n"

    answer = await raw(composition, request)

    assert b"200 OK" not in answer
    assert await lives(composition)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
async def test_what_is_no_request_is_refused_and_harms_nobody(
    composition: Composition, request_bytes: bytes
) -> None:
    answer = await raw(composition, request_bytes, close=True)

    assert b"200 OK" not in answer
    assert await lives(composition)


async def test_a_line_break_in_a_parameter_makes_no_header(composition: Composition) -> None:
    answer = await composition.http.get("/login?next=/%0d%0aSet-Cookie:%20x=y")

    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "query", ["status=a&status=b", "limit=%ff", "=", "entity=%00", "unknown=1", "limit=1&limit=1"]
)
async def test_a_query_that_cannot_be_meant_is_refused_in_json(composition: Composition, query: str) -> None:
    answer = await composition.http.get(f"/api/v1/predictions?{query}", headers=READ)

    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"code", "message", "correlation_id"}


@pytest.mark.parametrize(
    ("headers", "policy"),
    [
        ({"Host": "localhost:8332"}, "same-origin"),
        ({"Host": "127.0.0.1"}, "same-origin"),
        ({"Host": "spout.local", "X-Forwarded-Proto": "https"}, "same-origin"),
        ({"Host": "spout.local:8332"}, None),
        ({"Host": "192.0.2.7:8332"}, None),
        ({"Host": "localhost.evil.example"}, None),
    ],
)
async def test_who_may_open_a_page_is_said_where_browsers_heed_it(
    composition: Composition, headers: dict[str, str], policy: str | None
) -> None:
    answer = await composition.http.get("/login", headers={"Accept": "text/html"} | headers)

    assert (answer.status_code, answer.headers.get("Cross-Origin-Opener-Policy")) == (200, policy)


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/health", "/api/v1/nothing", "/login", "/", "/metrics"])
async def test_every_answer_carries_the_safe_headers(composition: Composition, path: str) -> None:
    headers = (await composition.http.get(path)).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "Server" not in headers


async def test_a_host_with_a_semicolon_writes_nothing_into_the_policy(composition: Composition) -> None:
    answer = await composition.http.get("/login", headers={"Host": "x; script-src *"})

    assert "script-src *" not in answer.headers.get("Content-Security-Policy", "")


async def test_an_error_inside_shows_nothing_of_the_inside(composition: Composition) -> None:
    class Broken:
        async def find(self, key: str) -> None:
            raise ZeroDivisionError(f"secret {key}")

    composition.server.attach(composition.history, Broken())  # type: ignore[arg-type]

    answer = await composition.http.get("/api/v1/health", headers=READ)

    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_error"
    assert "secret" not in answer.text
