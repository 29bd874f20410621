"""A world of one thread: time that leaps to whatever comes next, sockets in memory, threads run at once.

`VirtualLoop` is asyncio's own event loop with three things taken from under it. Its selector never waits but
moves the time on; `create_connection` and `create_server` meet in memory; `run_in_executor` calls at once. So
the program, its libraries and the servers of the tests run as they are, always in the same order, and an hour
takes as long as what is done in it. What sends alerts may block for seconds of that time, so it has a thread
(`Strand`): of it and the loop one runs, and the other waits.
"""

import asyncio
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from notifiers import postroom
from tests.fakes import NOON

TRAVELS_SECONDS = 0.0005
"""From one end of a connection to the other."""


class NothingComesError(Exception):
    """Everybody waits, and nobody for a moment in time."""


class _Leaping(selectors.SelectSelector):
    """Waits by moving the loop's time on. Nothing real is ever ready: there are no real sockets."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise NothingComesError
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """`network` holds the ports that are open, by number."""

    def __init__(self, *, threads: bool = False) -> None:
        """`threads`: what executors run runs on their threads, and is waited for. It costs a little, and is
        needed where a log grows so long that the database checkpoints it, on its thread whatever the loop.
        """
        self._leaping = _Leaping()
        super().__init__(self._leaping)
        self.network = Network(self)
        self._threads = threads

    def time(self) -> float:
        return self._leaping.now

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        if func.__module__ == postroom.__name__:
            return Strand(self, lambda: func(*args)).done
        done: asyncio.Future[Any] = self.create_future()
        try:
            elsewhere = self._threads and executor is not None
            done.set_result(executor.submit(func, *args).result() if elsewhere else func(*args))
        except Exception as error:  # noqa: BLE001 - as an executor's future does
            done.set_exception(error)
        return done

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Any, _host: Any = None, port: Any = None, **_: Any
    ) -> tuple[Any, Any]:
        return await self.network.connect(protocol_factory, int(port))

    async def create_server(  # type: ignore[override]
        self, protocol_factory: Any, _host: Any = None, port: Any = None, **_: Any
    ) -> Any:
        return self.network.listen(protocol_factory, int(port))

    async def create_unix_server(self, *_: Any, **__: Any) -> Any:  # type: ignore[override]
        return Listening(self.network, 0)


class Strand:
    """A call that may wait for the loop's time, on a thread of its own; the loop goes on while it waits."""

    def __init__(self, loop: VirtualLoop, call: Callable[[], Any]) -> None:
        self.done: asyncio.Future[Any] = loop.create_future()
        self._call = call
        self._ended = self._parked = False
        self._go, self._rests = threading.Semaphore(0), threading.Semaphore(0)
        self._running = _strands.submit(self._run)
        self._until_it_rests()

    def park(self) -> None:
        """On its thread: wait until `resume`, and let the loop go on."""
        self._parked = True
        self._rests.release()
        self._go.acquire()

    def resume(self) -> None:
        """On the loop's thread: let it run until it waits again or ends."""
        if self._parked:
            self._parked = False
            self._go.release()
            self._until_it_rests()

    def _run(self) -> Any:
        _here.strand = self
        try:
            return self._call()
        finally:
            self._ended = True
            self._rests.release()

    def _until_it_rests(self) -> None:
        self._rests.acquire()
        if not self._ended or self.done.done():
            return
        error = self._running.exception()
        if error is None:
            self.done.set_result(self._running.result())
        else:
            self.done.set_exception(error)


class _Here(threading.local):
    strand: Strand | None = None


_here = _Here()
_strands = ThreadPoolExecutor(64, thread_name_prefix="strand")


def strand_here() -> Strand:
    assert _here.strand is not None, "nothing waits on the loop's own thread"
    return _here.strand


@dataclass(slots=True)
class LoopClock:
    """The program's clock: the loop's own time, and a wall clock that can be set."""

    loop: VirtualLoop
    began: datetime = NOON

    def now(self) -> datetime:
        return self.began + timedelta(seconds=self.loop.time())

    def monotonic(self) -> float:
        return self.loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Network:
    """Ports, and what is between them."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.listening: dict[int, Callable[[], asyncio.Protocol]] = {}
        self.ends: list[End] = []
        self.stalled: set[int] = set()
        """Ports whose connections stay open and carry nothing, as behind a pulled cable."""

    def listen(self, factory: Callable[[], asyncio.Protocol], port: int) -> "Listening":
        self.listening[port] = factory
        return Listening(self, port)

    async def connect(self, factory: Callable[[], asyncio.Protocol], port: int) -> tuple["End", Any]:
        await asyncio.sleep(TRAVELS_SECONDS)
        if port in self.stalled:
            await asyncio.sleep(3_600)
        serve = self.listening.get(port)
        if serve is None:
            raise ConnectionRefusedError(111, f"nobody listens on port {port}")
        ours, theirs = End(self._loop, self, port, factory()), End(self._loop, self, port, serve())
        ours.peer, theirs.peer = theirs, ours
        self.ends += [ours, theirs]
        theirs.protocol.connection_made(theirs)
        ours.protocol.connection_made(ours)
        return ours, ours.protocol

    def cut(self, port: int) -> None:
        """Reset every connection of this port."""
        for end in [one for one in self.ends if one.port == port]:
            end.abort()

    def heal(self, port: int) -> None:
        """Let what a stalled port held travel on."""
        self.stalled.discard(port)
        for end in [one for one in self.ends if one.port == port]:
            end.deliver()


@dataclass(slots=True)
class Listening:
    """What `asyncio.Server` is, as far as the tests' servers use it."""

    network: Network
    port: int

    @property
    def sockets(self) -> "list[_Socket]":
        return [_Socket(self.port)]

    def close(self) -> None:
        self.network.listening.pop(self.port, None)

    async def wait_closed(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class _Socket:
    """What libraries look at on a socket; it has no descriptor."""

    port: int
    family: int = socket.AF_INET

    def getsockname(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    getpeername = getsockname

    def fileno(self) -> int:
        return -1

    def setsockopt(self, *_: Any) -> None:
        pass


class End(asyncio.Transport):
    """One end of a connection. What is written arrives at the other in order, some time later."""

    def __init__(self, loop: VirtualLoop, network: Network, port: int, protocol: Any) -> None:
        super().__init__({"socket": _Socket(port), "peername": ("127.0.0.1", port)})
        self._loop, self._network, self.port, self.protocol = loop, network, port, protocol
        self.peer: End
        self._travelling: deque[bytes | None] = deque()
        self._arrived: list[bytes | None] = []
        self._reads, self._closing, self.lost = True, False, False

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_protocol(self) -> Any:
        return self.protocol

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return self._reads

    def pause_reading(self) -> None:
        self._reads = False

    def resume_reading(self) -> None:
        self._reads = True
        self._loop.call_soon(self.deliver)

    def set_write_buffer_limits(self, high: Any = None, low: Any = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._send(None)

    def write(self, data: Any) -> None:
        if not self._closing:
            self._send(bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._send(None)
        self._loop.call_soon(self._lose, None)

    def abort(self) -> None:
        self._closing = True
        self._loop.call_soon(self._lose, None)
        if not self.peer.lost:
            self.peer.reset()

    def reset(self) -> None:
        self._closing = True
        self._loop.call_soon(self._lose, ConnectionResetError(104, "the connection was reset"))

    def deliver(self) -> None:
        """Hand over what has arrived, unless the reader is not ready or the cable is pulled."""
        while self._arrived and self._reads and not self.lost and self.port not in self._network.stalled:
            piece = self._arrived.pop(0)
            if piece is not None:
                self.protocol.data_received(piece)
            elif not self.protocol.eof_received():
                self.close()

    def _send(self, piece: bytes | None) -> None:
        self._travelling.append(piece)
        self._loop.call_later(TRAVELS_SECONDS, self._hand_on)

    def _hand_on(self) -> None:
        """The oldest arrives first: timers of one moment come in any order."""
        self.peer.arrive(self._travelling.popleft())

    def arrive(self, piece: bytes | None) -> None:
        self._arrived.append(piece)
        self.deliver()

    def _lose(self, error: Exception | None) -> None:
        if self.lost:
            return
        self.lost = self._closing = True
        if self in self._network.ends:
            self._network.ends.remove(self)
        self.protocol.connection_lost(error)
