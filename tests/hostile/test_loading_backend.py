"""A backend that is still reading its mempool when we connect (mempool/mempool#1799)."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Protocol

from websockets.asyncio.server import ServerConnection, serve

from app.clock import SystemClock
from app.core.observations import Observation, ProjectedTransaction
from app.core.units import Sats
from app.source import Emit
from app.source.backend.stream import MempoolWebSocket
from app.source.resilience import SeenTxids, SourceHealth
from tests.builders import a_txid

WHALE = a_txid("waiting deep in the queue")
BLOCK = {
    "blockSize": 1_996_000,
    "blockVSize": 998_000,
    "nTx": 500,
    "totalFees": 6_000_000,
    "medianFee": 6.0,
    "feeRange": [5.0, 5.2, 5.6, 6.0, 7.0, 9.0, 20],
}


class LoadingBackend:
    """Says that it loads, shows empty projected blocks; once `loaded`, the whale is in the one at index 4."""

    def __init__(self) -> None:
        self.loaded = False
        self.swept = asyncio.Event()
        """The first look into the projected blocks is over: the one at 0 is followed again."""
        self._asked: list[int] = []
        self._link: ServerConnection | None = None

    async def serve(self, link: ServerConnection) -> None:
        self._link = link
        await link.send(json.dumps({"loadingIndicators": {"mempool": 12}, "mempool-blocks": []}))
        async for raw in link:
            index = json.loads(raw).get("track-mempool-block")
            if index is not None:
                self._asked.append(index)
                if index == 0 and len(self._asked) > 1:
                    self.swept.set()
                await link.send(json.dumps(self._projected(index)))

    async def finish(self) -> None:
        self.loaded = True
        assert self._link is not None
        await self._link.send(json.dumps({"loadingIndicators": {}, "mempool-blocks": [BLOCK] * 8}))

    def _projected(self, index: int) -> dict[str, Any]:
        line = [WHALE, 914, 152.25, 28_999_999_086, 6.0, 0, 1_770_000_000]
        lines = [line] if self.loaded and index == 4 else []
        reported = {"index": index, "sequence": 1, "blockTransactions": lines}
        return {"projected-block-transactions": reported}


class LoadsInTheEnd(Protocol):
    """A played backend; `swept` when all that it has so far was looked at."""

    swept: asyncio.Event

    async def serve(self, link: ServerConnection) -> None: ...

    async def finish(self) -> None: ...


async def followed_until(found: asyncio.Event, backend: LoadsInTheEnd, emit: Emit) -> None:
    """Follow it while it loads and after, until `found`."""
    clock = SystemClock()
    async with serve(backend.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        stream = MempoolWebSocket(
            f"http://127.0.0.1:{port}",
            emit=emit,
            health=SourceHealth("mempool_ws", clock),
            seen_txids=SeenTxids(),
            threshold=lambda: Sats(100 * 100_000_000),
            clock=clock,
            jitter=lambda: 0.0,
        )
        running = asyncio.create_task(stream.run())
        try:
            async with asyncio.timeout(10):
                await backend.swept.wait()
                await backend.finish()
                await found.wait()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_what_waited_before_the_backend_had_read_it_is_found_when_it_has() -> None:
    found = asyncio.Event()

    async def emit(reported: Sequence[Observation]) -> None:
        if any(isinstance(one, ProjectedTransaction) and one.txid == WHALE for one in reported):
            found.set()

    await followed_until(found, LoadingBackend(), emit)

    assert found.is_set()
