"""What is said of an Electrum server that is there and not ready."""

import asyncio
import json

from app.clock import SystemClock
from app.source.checks.node import CheckVerdict, examine_electrs
from app.source.electrum.connection import ElectrumEndpoint
from app.source.electrum.source import Electrs
from app.source.resilience.health import SourceHealth
from app.source.resilience.retry import Guard


async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as electrs does while it builds its index."""
    while line := await reader.readline():
        refusal = {"code": -32603, "message": "unavailable index"}
        writer.write(json.dumps({"id": json.loads(line)["id"], "error": refusal}).encode() + b"\n")
        await writer.drain()
    writer.close()


async def test_a_server_that_indexes_is_no_failure_and_nothing_is_to_be_changed() -> None:
    clock = SystemClock()
    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        endpoint = ElectrumEndpoint("127.0.0.1", server.sockets[0].getsockname()[1], tls=False)
        guard, health = Guard("electrs", clock, lambda: 0.0), SourceHealth("electrs", clock)

        (finding,) = await examine_electrs(Electrs(endpoint, clock, guard, health), clock)

    assert (finding.status, finding.remedy) == (CheckVerdict.DEGRADED, "")
    assert "unavailable index" in finding.message
