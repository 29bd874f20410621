"""An Electrum server that gives no fee estimates, in every way that was met (romanz/electrs#1051)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from app.clock import SystemClock
from app.core.observations import FeesRecommended, Gap, Observation, QueueProjected
from app.source.electrum.connection import ElectrumEndpoint
from app.source.electrum.source import Electrs
from app.source.resilience import Guard, SourceHealth

ANSWERS: dict[str, Any] = {
    "server.version": {"result": ["Made-up 1.0", "1.4"]},
    "server.ping": {"result": None},
    "blockchain.headers.subscribe": {"result": {"height": 920_000, "hex": "00" * 80}},
    "blockchain.block.headers": {"result": {"hex": "00" * 80 * 8, "count": 8}},
    "mempool.get_fee_histogram": {"result": [[12.0, 400_000], [3.0, 900_000]]},
}
WITHOUT_ESTIMATES: tuple[dict[str, Any], ...] = (
    {"error": {"code": -32603, "message": "fee estimation is disabled"}},
    {"error": "unknown method"},
    {"result": None},
    {"result": -1},
    {"result": "soon"},
    *({"result": odd} for odd in ("NaN", "sNaN", "Infinity", "1E+999999", "1E+400")),
)


class Server:
    """Answers as it is told; `connections` counts."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.connections = 0
        self._answers = answers

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while line := await reader.readline():
            asked = json.loads(line)
            answer = self._answers.get(asked["method"])
            if answer is not None:
                writer.write(json.dumps({"id": asked["id"], **answer}).encode() + b"\n")


class FastClock(SystemClock):
    """A second of waiting takes a millisecond."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 1000)


@asynccontextmanager
async def a_server(answers: dict[str, Any]) -> AsyncIterator[tuple[Server, Electrs]]:
    server, clock = Server(answers), FastClock()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    source = Electrs(
        ElectrumEndpoint("127.0.0.1", port, tls=False),
        clock,
        Guard("electrs", clock, lambda: 0.0),
        SourceHealth("electrs", clock),
    )
    try:
        yield server, source
    finally:
        await source.close()
        listening.close()


async def received_until(source: Electrs, histograms: int) -> list[Observation]:
    received: list[Observation] = []
    async with asyncio.timeout(10), aclosing(source.observations()) as everything:
        async for one in everything:
            received.append(one)
            if sum(isinstance(reported, QueueProjected) for reported in received) >= histograms:
                return received
    return received


@pytest.mark.parametrize("estimate", WITHOUT_ESTIMATES)
async def test_the_line_stays_and_the_histogram_goes_on(estimate: dict[str, Any]) -> None:
    refused = {"blockchain.estimatefee": estimate, "blockchain.relayfee": estimate}
    async with a_server(ANSWERS | refused) as (server, source):
        received = await received_until(source, histograms=5)

    assert server.connections == 1
    assert not [one for one in received if isinstance(one, Gap | FeesRecommended)]


async def test_it_is_said_that_estimates_are_not_to_be_had() -> None:
    async with a_server(ANSWERS | {"blockchain.estimatefee": WITHOUT_ESTIMATES[0]}) as (_, source):
        await received_until(source, histograms=5)
        (note,) = source.health.condition.notes

    assert "estimatefee" in note
    assert "fee estimation is disabled" in note


@pytest.mark.parametrize("missing", ["mempool.get_fee_histogram", "blockchain.block.headers"])
async def test_a_server_without_another_question_is_kept_too(missing: str) -> None:
    estimates = {"blockchain.estimatefee": {"result": 0.0001}, "blockchain.relayfee": {"result": 0.00001}}
    refused = {missing: {"error": {"code": -32601, "message": "unknown method"}}}
    async with (
        a_server(ANSWERS | estimates | refused) as (server, source),
        asyncio.timeout(10),
        aclosing(source.observations()) as everything,
    ):
        async for one in everything:
            if isinstance(one, FeesRecommended):
                break

    assert server.connections == 1
