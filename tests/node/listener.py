"""Listens to a source in the background; a test waits for what it expects."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from app.core.observations import (
    BlockConnected,
    MempoolListed,
    Observation,
    TransactionLeft,
    TransactionReplaced,
    TransactionSeen,
)

T = TypeVar("T")
PATIENCE_SECONDS = 40.0
"""Generous: the machine may be busy. What is quick is measured in the benchmark, not here."""


class NodeListener:
    def __init__(self, source: Any) -> None:
        self.received: list[Observation] = []
        self._source = source
        self._more = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "NodeListener":
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task
        self._task.cancel()
        results = await asyncio.gather(self._task, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result

    async def until(self, kind: type[T], holds: Callable[[T], bool] = lambda _: True, after: int = 0) -> T:
        """The first one of `kind` for which it holds, from the `after`-th heard on."""

        def found() -> T | None:
            return next((one for one in self.received[after:] if isinstance(one, kind) and holds(one)), None)

        async with self._more:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._more.wait_for(lambda: found() is not None or self._ended())
            except TimeoutError:
                raise AssertionError(f"never heard {kind.__name__}; heard {self.kinds()}") from None
        one = found()
        assert one is not None, "the source ended"
        return one

    async def seen(self, txid: str, after: int = 0) -> TransactionSeen:
        return await self.until(TransactionSeen, lambda one: one.tx.txid == txid, after)

    async def left(self, txid: str, after: int = 0) -> TransactionLeft:
        return await self.until(TransactionLeft, lambda one: txid in one.txids, after)

    async def replaced(self, victim: str) -> TransactionReplaced:
        return await self.until(TransactionReplaced, lambda one: victim in one.victims)

    async def block(self, block: str) -> BlockConnected:
        return await self.until(BlockConnected, lambda one: one.block.hash == block)

    async def settled(self, after: int = 0) -> MempoolListed:
        """The source has looked through what waits."""
        return await self.until(MempoolListed, after=after)

    def count_seen(self, txid: str) -> int:
        return sum(isinstance(one, TransactionSeen) and one.tx.txid == txid for one in self.received)

    def position(self, wanted: Observation) -> int:
        return next(at for at, one in enumerate(self.received) if one is wanted)

    def kinds(self) -> list[str]:
        return [type(one).__name__ for one in self.received]

    def _ended(self) -> bool:
        return self._task is not None and self._task.done()

    async def _listen(self) -> None:
        try:
            async for observation in self._source.observations():
                async with self._more:
                    self.received.append(observation)
                    self._more.notify_all()
        finally:
            async with self._more:
                self._more.notify_all()
