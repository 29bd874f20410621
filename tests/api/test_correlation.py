"""Every answer and socket carries its correlation id; so do its log lines and its error body."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from app import logs
from app.settings import LogFormat, LogLevel
from tests.api.conftest import READ, Composition

OWN = "call-7:a_b.c"
POST = b"POST /api/v1/labels HTTP/1.1\r\nHost: x\r\nX-Correlation-ID: mine\r\n"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    logs.configure(LogLevel.DEBUG, LogFormat.JSON, stream)
    yield stream
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


def logged(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


async def raw_answer(composition: Composition, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", composition.server.port)
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("HEAD", "/healthz", 200),
        ("GET", "/api/v1/predictions", 401),
        ("OPTIONS", "/api/v1/health", 204),
        ("PUT", "/api/v1/health", 405),
        ("GET", "/api/v1/nowhere", 404),
        ("GET", "/%00", 404),
        ("GET", "/login", 200),
        ("GET", "/api/v1/stream", 426),
        ("GET", "/metrics", 200),
    ],
)
async def test_an_answer_carries_the_callers_own_id(
    composition: Composition, method: str, path: str, status: int
) -> None:
    answer = await composition.http.request(method, path, headers={"X-Correlation-ID": OWN})

    assert (answer.status_code, answer.headers["X-Correlation-ID"]) == (status, OWN)


@pytest.mark.parametrize("given", ["", "two words", "a" * 129, "<script>", "a,b", "ä"])
async def test_an_id_that_is_not_sane_is_replaced(composition: Composition, given: str) -> None:
    answer = await composition.http.get("/healthz", headers={"X-Correlation-ID": given.encode()})  # type: ignore[dict-item]

    assert len(answer.headers["X-Correlation-ID"]) == 36


async def test_each_request_of_one_connection_has_an_id_of_its_own(composition: Composition) -> None:
    ids = [(await composition.http.get("/healthz")).headers["X-Correlation-ID"] for _ in range(3)]

    assert len(set(ids)) == 3


@pytest.mark.parametrize("path", ["/api/v1/predictions", "/api/v1/nowhere", "/%00", "/api/v1/stream"])
async def test_the_body_of_an_error_names_it(composition: Composition, path: str) -> None:
    answer = await composition.http.get(path)

    assert answer.json()["error"]["correlation_id"] == answer.headers["X-Correlation-ID"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST + b"Content-Length: 99999999\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["too large", "a broken body"],
)
async def test_what_no_handler_answers_names_it_too(composition: Composition, request_bytes: bytes) -> None:
    answer = await raw_answer(composition, request_bytes)

    assert b"X-Correlation-ID: mine\r\n" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["correlation_id"] == "mine"


async def test_what_cannot_be_read_at_all_has_a_made_one(composition: Composition) -> None:
    broken = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Correlation-ID: mine\r\n\r\nnonsense\r\n\r\n"
    answer = await raw_answer(composition, broken)

    refused = answer[answer.index(b"HTTP/1.1 400") :]
    found = json.loads(refused.partition(b"\r\n\r\n")[2])["error"]["correlation_id"]
    assert len(found) == 36


async def test_a_socket_carries_it_on_its_handshake(composition: Composition) -> None:
    stream = await composition.socket(additional_headers={"X-Correlation-ID": OWN, **READ})

    assert stream.response is not None
    assert stream.response.headers["X-Correlation-ID"] == OWN


async def test_a_sockets_errors_name_its_handshakes_id(composition: Composition) -> None:
    stream = await composition.socket(additional_headers={"X-Correlation-ID": OWN})
    await stream.send("not json")

    assert json.loads(await stream.recv())["error"]["correlation_id"] == OWN


async def test_every_log_line_of_a_request_carries_it(composition: Composition, lines: io.StringIO) -> None:
    await composition.http.get("/api/v1/predictions?limit=0", headers={"X-Correlation-ID": OWN, **READ})

    of_it = [line for line in logged(lines) if line.get("correlation_id") == OWN]
    assert {line["event"] for line in of_it} >= {"refused", "answered"}


async def test_a_handler_that_raises_leaves_it_in_no_later_line(
    composition: Composition, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_query: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(composition.history, "page", broken)
    answer = await composition.http.get("/api/v1/predictions", headers={"X-Correlation-ID": OWN, **READ})
    structlog.get_logger("app.engine").info("a line of nobody's request")

    assert (answer.status_code, answer.json()["error"]["correlation_id"]) == (500, OWN)
    raised = [line for line in logged(lines) if "a fault" in json.dumps(line)]
    assert raised
    assert {line.get("correlation_id") for line in raised} == {OWN}
    assert "correlation_id" not in logged(lines)[-1]
