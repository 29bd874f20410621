"""The receiver of a simulation's alerts, and the sockets that lead to it, in memory and in the loop's time.

What sends blocks on a thread of its own (`virtual.Strand`): the line that it reads from hands over to the
loop until an answer has arrived, or until the program itself ends the attempt. So a receiver takes seconds,
or for ever, and no time passes. Only `socket`, where `notifiers.dialler` opens it, is not the library's own.
"""

import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest

from notifiers import dialler
from tests.notifiers.receivers import Got, Say
from tests.simulation.virtual import Strand, VirtualLoop, strand_here

RECEIVER_PORT = 8_443
NEVER = inf
REFUSES = 400


@dataclass(eq=False, slots=True)
class ReceiverInMemory:
    """`script` is used up first, then `mood` says what is answered, if there is one; else all is well.

    `got` is what came, in order; `taken` the ids of what it has accepted and whose answer arrived; `refused`
    the ids that it accepts never.
    """

    got: list[Got] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    script: list[Say] = field(default_factory=list)
    mood: Say | None = None
    refuses_next: bool = False
    refused: set[str] = field(default_factory=set)
    port: int = RECEIVER_PORT
    loop: VirtualLoop | None = None
    unanswered: dict["Line", float] = field(default_factory=dict)
    """The lines on which somebody waits, each since when."""

    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def begin(self, loop: VirtualLoop) -> None:
        """Forget what was, and go on in this loop's time."""
        self.loop, self.mood, self.refuses_next = loop, None, False
        for kept in (self.got, self.taken, self.script):
            kept.clear()
        self.unanswered.clear()
        self.refused.clear()

    def hang_up(self) -> None:
        """End what still waits: a thread that did would outlive the tests."""
        for line in tuple(self.unanswered):
            line.shutdown(socket.SHUT_RDWR)

    def take(self, line: "Line", raw: bytes) -> None:
        """Answer what came on a line, at once or later."""
        assert self.loop is not None
        got = _parsed(raw, self.loop.time())
        self.got.append(got)
        self.unanswered[line] = self.loop.time()
        id_ = got.headers["webhook-id"]
        if self.refuses_next and id_ not in self.taken:  # what it took it takes again, if it is sent again
            self.refused, self.refuses_next = {id_}, False
        if id_ in self.refused:
            say = Say(status=REFUSES, body=b"not this one")
        elif self.script:
            say = self.script.pop(0)
        else:
            say = self.mood or Say()
        if say.wait_seconds == 0:
            self._answer(line, id_, say)
        elif say.wait_seconds < NEVER:
            self.loop.call_later(say.wait_seconds, self._answer, line, id_, say)

    def longest_wait(self) -> float:
        """Return for how many seconds somebody has waited for an answer, at most."""
        assert self.loop is not None
        return max((self.loop.time() - since for since in self.unanswered.values()), default=0.0)

    def left(self, line: "Line") -> None:
        self.unanswered.pop(line, None)

    def _answer(self, line: "Line", id_: str, say: Say) -> None:
        if line.ended:
            return
        self.left(line)
        if 200 <= say.status < 300:
            self.taken.append(id_)
        headers = {**say.headers, "Content-Length": str(len(say.body))}
        lines = [f"HTTP/1.1 {say.status} As told", *(f"{name}: {value}" for name, value in headers.items())]
        line.arrive("\r\n".join((*lines, "", "")).encode() + say.body)


class Line:
    """A socket to the receiver, as far as the dialler and `http.client` use one."""

    def __init__(self, receiver: ReceiverInMemory) -> None:
        self._receiver = receiver
        self._sent, self._arrived = bytearray(), bytearray()
        self._asked = self.ended = False
        self._waits: Strand | None = None

    def connect(self, address: tuple[str, int]) -> None:
        if address[1] != self._receiver.port:
            raise ConnectionRefusedError(111, "Connection refused")

    def settimeout(self, seconds: float) -> None:
        """The attempt's own end comes no later."""

    def setsockopt(self, *_: int) -> None:
        """It has no descriptor."""

    def dup(self) -> "Line":
        return self

    def sendall(self, piece: bytes) -> None:
        if self.ended:
            raise BrokenPipeError(32, "Broken pipe")
        self._sent += piece

    def makefile(self, _: str, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(_Reading(self))

    def read(self, most: int) -> bytes:
        if not self._asked:
            self._asked = True
            self._receiver.take(self, bytes(self._sent))
        while not self._arrived and not self.ended:
            self._waits = strand_here()
            self._waits.park()
        piece = bytes(self._arrived[:most])
        del self._arrived[:most]
        return piece

    def arrive(self, piece: bytes) -> None:
        self._arrived += piece
        self._wake()

    def shutdown(self, _: int) -> None:
        """As the attempt's end does it, under the reader."""
        self.ended = True
        self._receiver.left(self)
        self._wake()

    def close(self) -> None:
        """What reads it has the last word."""

    def _wake(self) -> None:
        waits, self._waits = self._waits, None
        if waits is not None:
            waits.resume()


class _Reading(io.RawIOBase):
    def __init__(self, line: Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        piece = self._line.read(len(into))
        into[: len(piece)] = piece
        return len(piece)


def _parsed(raw: bytes, at: float) -> Got:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    return Got(method, path, {name.lower(): value for name, value in headers.items()}, body, at)


@contextmanager
def receiving_in_memory() -> Iterator[ReceiverInMemory]:
    """Let every alert go to this one."""
    receiver = ReceiverInMemory()
    names = ("AF_INET", "AF_INET6", "SOCK_STREAM", "IPPROTO_TCP", "TCP_NODELAY", "getaddrinfo")
    sockets = SimpleNamespace(**{name: getattr(socket, name) for name in names})
    sockets.socket = lambda *_: Line(receiver)
    with pytest.MonkeyPatch.context() as patched:  # the standard library has no other seam
        patched.setattr(dialler, "socket", sockets)
        yield receiver
