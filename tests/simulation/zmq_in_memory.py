"""libzmq between two ends of one loop: what pyzmq gives a subscriber, without its threads and sockets.

A publisher opens a port of the loop's network. A subscriber that connects while it is open is told so (its
monitor's event), one that connects before is told when it opens, as libzmq goes on trying.
"""

import asyncio
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import zmq
import zmq.asyncio

from tests.simulation.virtual import TRAVELS_SECONDS, VirtualLoop

RECONNECTS_SECONDS = 0.5
NOTICED_SECONDS = 9.0
"""Until a peer that answers no heartbeat is given up."""
Parts = list[bytes]


class Publishers:
    """Who publishes and who listens, by port. `silent` ones are open and carry nothing: a frozen peer."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.open: set[int] = set()
        self.silent: set[int] = set()
        self.sockets: list[Socket] = []

    def publish(self, port: int, parts: Parts) -> None:
        if port in self.open and port not in self.silent:
            for socket in self._on(port):
                if socket.linked and any(parts[0].startswith(topic) for topic in socket.topics):
                    socket.numbered.add(parts[0])
                    self.loop.call_later(TRAVELS_SECONDS, socket.received.put_nowait, parts)

    def listen(self, port: int) -> None:
        self.open.add(port)
        self.silent.discard(port)
        for socket in self._on(port):
            self.loop.call_later(RECONNECTS_SECONDS, socket.link)

    def cut(self, port: int) -> None:
        """Break each connection; each is made anew if the port stays open."""
        for socket in self._on(port):
            socket.unlink()
            self.loop.call_later(RECONNECTS_SECONDS, socket.link)

    def close(self, port: int) -> None:
        self.open.discard(port)
        for socket in self._on(port):
            socket.unlink()

    def freeze(self, port: int) -> None:
        """Carry nothing; whoever listens gives up after a while."""
        self.silent.add(port)
        for socket in self._on(port):
            self.loop.call_later(NOTICED_SECONDS, self._give_up, port, socket)

    def _give_up(self, port: int, socket: "Socket") -> None:
        if port in self.silent:
            socket.unlink()

    def notice_losses(self, port: int, topics: set[bytes]) -> bool:
        return all(topics <= one.numbered for one in self._on(port))

    def _on(self, port: int) -> list["Socket"]:
        return [one for one in self.sockets if one.port == port]


class Monitor:
    def __init__(self) -> None:
        self.events: asyncio.Queue[Parts] = asyncio.Queue()

    async def recv_multipart(self, *_: Any) -> Parts:
        return await self.events.get()

    def close(self, **_: Any) -> None:
        pass


class Socket:
    """A SUB socket as far as `ZmqFeed` uses one."""

    def __init__(self, publishers: Publishers) -> None:
        self._publishers = publishers
        self.topics: list[bytes] = []
        self.port = 0
        self.linked = False
        self.numbered: set[bytes] = set()
        """Topics of which a message was sent on this link: what is lost of them from now on is noticed."""
        self.received: asyncio.Queue[Parts] = asyncio.Queue()
        self._monitor = Monitor()

    def setsockopt(self, *_: Any) -> None:
        pass

    def subscribe(self, topic: str) -> None:
        self.topics.append(topic.encode())

    def get_monitor_socket(self, _: int) -> Monitor:
        return self._monitor

    def connect(self, url: str) -> None:
        self.port = urlsplit(url).port or 0
        self._publishers.sockets.append(self)
        self._publishers.loop.call_later(TRAVELS_SECONDS, self.link)

    async def recv_multipart(self) -> Parts:
        return await self.received.get()

    def disable_monitor(self) -> None:
        pass

    def close(self, **_: Any) -> None:
        if self in self._publishers.sockets:
            self._publishers.sockets.remove(self)

    def link(self) -> None:
        there = self.port in self._publishers.open - self._publishers.silent
        if there and not self.linked and self in self._publishers.sockets:
            self.linked = True
            self.numbered.clear()
            self._report(zmq.EVENT_HANDSHAKE_SUCCEEDED)

    def unlink(self) -> None:
        if self.linked:
            self.linked = False
            self._report(zmq.EVENT_DISCONNECTED)

    def _report(self, event: int) -> None:
        self._monitor.events.put_nowait([struct.pack("=hi", event, 0), b""])


@contextmanager
def zmq_in_memory(publishers: Publishers) -> Iterator[None]:
    """Let `zmq.asyncio` be this one."""

    class Context:
        def socket(self, _: int) -> Socket:
            return Socket(publishers)

        def destroy(self, **_: Any) -> None:
            pass

    with pytest.MonkeyPatch.context() as patched:  # pyzmq has no other seam below it
        patched.setattr(zmq.asyncio, "Context", Context)
        yield
