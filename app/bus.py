"""Publish/subscribe: a publisher never blocks; a slow reader loses its oldest events and learns how many."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Reader(Protocol[T_contra]):
    """Takes items as they are published; it may not block, nor join or leave the bus meanwhile."""

    def put(self, item: T_contra) -> None: ...


class Subscription(Generic[T]):
    """One reader's bounded queue. Iterate it; `dropped` counts the events lost by slow reading."""

    def __init__(self, bus: "Bus[T]", capacity: int) -> None:
        self._bus = bus
        self._waiting: deque[T] = deque(maxlen=capacity)
        self._bell = asyncio.Event()
        self._closed = False
        self.dropped = 0

    def put(self, item: T) -> None:
        if len(self._waiting) == self._waiting.maxlen:
            self.dropped += 1
        self._waiting.append(item)
        self._bell.set()

    def close(self) -> None:
        """End the iteration after the queued events."""
        self._closed = True
        self._bell.set()
        self._bus.forget(self)

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._bell.clear()
            await self._bell.wait()
        return self._waiting.popleft()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Bus(Generic[T]):
    def __init__(self) -> None:
        self._readers: set[Reader[T]] = set()

    def publish(self, item: T) -> None:
        for reader in self._readers:
            reader.put(item)

    def subscribe(self, capacity: int = 1_000) -> Subscription[T]:
        reader: Subscription[T] = Subscription(self, capacity)
        self.add(reader)
        return reader

    def add(self, reader: Reader[T]) -> None:
        """Let a reader with a queue of its own have every item, until it is forgotten."""
        self._readers.add(reader)

    def forget(self, reader: Reader[T]) -> None:
        self._readers.discard(reader)

    @property
    def readers(self) -> int:
        return len(self._readers)
