"""HTTP/1.1 to one server: few keep-alive connections, replies limited in size and in time.

h11 speaks the protocol, asyncio carries it. A whale waits for such a reply before it is told, so a request
is to cost little: docs/performance.md has it beside general clients.

A server is not trusted to end its reply. Compression is not requested, and a compressed reply is refused:
half a megabyte can decompress to gigabytes. Redirects are not followed, and no proxy of the environment is
used: the address is the operator's own, and no other host may be asked in its place.
"""

import asyncio
import errno
import os
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Final, Protocol
from urllib.parse import quote, unquote, urlsplit

import h11

from app.errors import TooSlowError, UnreachableError
from app.source.resilience.tls import in_words, trusting

IN_PROCESS_BYTES: Final = 128 * 1024 * 1024
"""Maximum total size of all unfinished replies."""
CONNECTIONS: Final = 6
"""At once, to one server: it may run on a Raspberry Pi."""
IDLE_SECONDS: Final = 5.0
"""A connection that rested longer is not used again: a server of Node.js closes it then."""
_HEAD_BYTES: Final = 64 * 1024
_CHUNK_BYTES: Final = 64 * 1024
_INTERIM_REPLIES: Final = 16
_EVENTS_AT_A_STRETCH: Final = 100
"""Then everything else has its turn: a reply may come in chunks of a byte, 11,000 of them in one piece."""
_IN_A_PATH: Final = "/:?=&%,+@!$'()*;~"
"""What a path and a query are made of besides letters, digits and `_.-`."""


@dataclass(slots=True)
class Budget:
    """The bytes held by unfinished replies, of all sources together."""

    most: int = IN_PROCESS_BYTES
    held: int = 0

    def take(self, count: int, words: str) -> None:
        """Reserve bytes. Raises UnreachableError if the budget is exceeded; nothing is reserved then."""
        if self.held + count > self.most:
            raise UnreachableError(f"{words}: too much is being read at once ({self.most} bytes)")
        self.held += count

    def give_back(self, count: int) -> None:
        self.held -= count


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one reply: its size, and the seconds to its last byte, with the wait for a connection."""

    most_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """`headers`: by their names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http(Protocol):
    """What asks one server."""

    async def ask(
        self,
        method: str,
        path: str,
        *,
        limits: Limits,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Send one request and return its whole reply, of any status.

        It must be a question: it is sent once more if a connection that was kept open turns out to be closed.

        Raises:
            TooSlowError: if it is not complete in time, however often a byte arrives.
            UnreachableError: if there is no connection or it breaks; if the reply is too large, compressed or
                no HTTP.
        """
        ...

    async def close(self) -> None:
        """End what is being asked. Whoever asks from now on gets an UnreachableError."""
        ...


def basic_login(user: str, password: str) -> dict[str, str]:
    """Return the header of a login by name and password."""
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


class HttpClient:
    """`Http` over the network."""

    def __init__(
        self,
        url: str,
        *,
        tls: ssl.SSLContext | None = None,
        connect_seconds: float = 3.0,
        silence_seconds: float | None = None,
        budget: Budget | None = None,
    ) -> None:
        """Take the server's address, with a path before all others and a login if it has them.

        `tls`: the authorities trusted; None: the system's. `silence_seconds`: the longest time without a
        byte; None: the whole reply's limit alone.
        """
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._tls = (tls or trusting(None)) if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._base = quote(parts.path, safe=_IN_A_PATH)
        self._connect_seconds = connect_seconds
        self._silence_seconds = silence_seconds
        self._budget = budget or Budget()
        self._places = asyncio.Semaphore(CONNECTIONS)
        self._resting: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._closed = False
        self._headers = {
            "Host": _authority(self._host, parts.port),
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "User-Agent": "Spout",
        }
        if parts.username is not None:
            self._headers |= basic_login(unquote(parts.username), unquote(parts.password or ""))

    async def close(self) -> None:
        self._closed = True
        self._resting.clear()
        for connection in list(self._open):
            self._drop(connection)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        limits: Limits,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        target = (self._base.rstrip("/") + quote(path, safe=_IN_A_PATH) if path else self._base) or "/"
        sent = {**self._headers, **(headers or {})}
        if content is not None:
            sent["Content-Length"] = str(len(content))
        request = h11.Request(method=method, target=target, headers=list(sent.items()))
        time_limit = asyncio.timeout(limits.seconds)
        try:
            async with time_limit, self._places:
                return await self._asked(request, content or b"", limits.most_bytes)
        except OSError as error:
            if time_limit.expired():  # the network has TimeoutErrors of its own
                raise TooSlowError(f"not answered whole within {limits.seconds:g} s") from error
            raise UnreachableError(_in_words(error)) from error
        except h11.RemoteProtocolError as error:
            raise UnreachableError(f"its answer is broken: {error}") from error

    async def _asked(self, request: h11.Request, content: bytes, most: int) -> HttpAnswer:
        if connection := self._rested():
            try:
                return await self._answer(connection, request, content, most)
            except ConnectionError:
                if connection.answered:
                    raise
        return await self._answer(await self._connected(), request, content, most)

    def _rested(self) -> "_Connection | None":
        now = asyncio.get_running_loop().time()
        for connection in [one for one in self._resting if one.is_stale(now)]:
            self._resting.remove(connection)
            self._drop(connection)
        return self._resting.pop() if self._resting else None

    def _drop(self, connection: "_Connection") -> None:
        self._open.discard(connection)
        connection.writer.transport.abort()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise UnreachableError("it is not asked any more")

    async def _connected(self) -> "_Connection":
        self._refuse_if_closed()
        try:
            async with asyncio.timeout(self._connect_seconds):
                connection = await _connect(self._host, self._port, self._tls)
        except TimeoutError as error:
            words = f"no connection within {self._connect_seconds:g} s: is a firewall between?"
            raise UnreachableError(words) from error
        except UnicodeError as error:
            raise UnreachableError("its name is none that a host can have") from error
        self._open.add(connection)
        return connection

    async def _answer(
        self, connection: "_Connection", request: h11.Request, content: bytes, most: int
    ) -> HttpAnswer:
        complete = False
        try:
            self._refuse_if_closed()  # while it connected
            async with self._no_silence():
                await connection.send(request, content)
            answer = await self._read(connection, most)
            self._refuse_if_closed()  # which may have cut it off
            complete = True
        finally:
            if complete and connection.may_be_used_again():
                connection.rests_since = asyncio.get_running_loop().time()
                self._resting.append(connection)
            else:
                self._drop(connection)
        return answer

    async def _read(self, connection: "_Connection", most: int) -> HttpAnswer:
        head = await self._head(connection)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        _refuse_by_head(headers, most)
        gathered, held = BytesIO(), 0
        try:
            while isinstance(event := await self._event(connection), h11.Data):
                if held + len(event.data) > most:
                    raise UnreachableError(f"the answer does not end within {most} bytes")
                self._budget.take(len(event.data), "the answer")
                held += len(event.data)
                gathered.write(event.data)
        finally:
            self._budget.give_back(held)
        return HttpAnswer(head.status_code, headers, gathered.getvalue())

    async def _head(self, connection: "_Connection") -> h11.Response:
        for _ in range(_INTERIM_REPLIES):  # they may come first: "100 Continue"
            event = await self._event(connection)
            if isinstance(event, h11.Response):
                return event
        raise UnreachableError("it announces an answer again and again")

    async def _event(self, connection: "_Connection") -> h11.Event:
        while (event := connection.protocol.next_event()) is h11.NEED_DATA:
            async with self._no_silence():
                await connection.receive()
        connection.events += 1
        if connection.events % _EVENTS_AT_A_STRETCH == 0:
            await asyncio.sleep(0)
        if isinstance(event, h11.Event):
            return event
        raise UnreachableError("it goes on in another protocol")

    @asynccontextmanager
    async def _no_silence(self) -> AsyncIterator[None]:
        silence = asyncio.timeout(self._silence_seconds)
        try:
            async with silence:
                yield
        except TimeoutError as error:
            if not silence.expired():
                raise
            raise TooSlowError(f"no answer within {self._silence_seconds:g} s") from error


class _Unread(asyncio.StreamReaderProtocol):
    """`count`: the bytes that came and were not read yet."""

    count = 0

    def data_received(self, data: bytes) -> None:
        self.count += len(data)
        super().data_received(data)


class _Connection:
    """One connection, and where its protocol stands."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, unread: _Unread) -> None:
        self.reader, self.writer, self._unread = reader, writer, unread
        self.protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_BYTES)
        self.rests_since = 0.0
        self.events = 0
        self.answered = False
        """Whether a byte of the reply to the last request has come."""

    def is_stale(self, now: float) -> bool:
        """Whether it rested for too long, or the server ended it, or sent what no request asked for."""
        ended = self.reader.at_eof() or self.writer.is_closing()
        return ended or self._unread.count > 0 or now - self.rests_since >= IDLE_SECONDS

    async def send(self, request: h11.Request, content: bytes) -> None:
        self.answered = False
        pieces = [self.protocol.send(request)]
        if content:
            pieces.append(self.protocol.send(h11.Data(content)))
        pieces.append(self.protocol.send(h11.EndOfMessage()))
        self.writer.write(b"".join(piece for piece in pieces if piece))
        await self.writer.drain()

    async def receive(self) -> None:
        received = await self.reader.read(_CHUNK_BYTES)
        self._unread.count -= len(received)
        if not received and not self.answered:
            raise ConnectionResetError(errno.ECONNRESET, "closed without an answer")
        self.answered = True
        self.protocol.receive_data(received)

    def may_be_used_again(self) -> bool:
        """Make it ready for the next request. False if the server closes it, or sent more than its reply."""
        if self.protocol.our_state is not h11.DONE or self.protocol.their_state is not h11.DONE:
            return False
        if self.protocol.trailing_data[0] or self._unread.count:
            return False
        self.protocol.start_next_cycle()
        return True


async def _connect(host: str, port: int, tls: ssl.SSLContext | None) -> _Connection:
    """As `asyncio.open_connection`, and what comes unasked is noticed."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    unread = _Unread(reader, loop=loop)
    transport, _ = await loop.create_connection(
        lambda: unread, host, port, ssl=tls, happy_eyeballs_delay=0.25
    )
    return _Connection(reader, asyncio.StreamWriter(transport, unread, reader, loop), unread)


def _refuse_by_head(headers: Mapping[str, str], most: int) -> None:
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise UnreachableError(f"the answer is compressed ({encoding[:40]}), which was not asked for")
    reported = headers.get("content-length", "")
    if reported and int(reported[:20]) > most:  # h11 lets nothing but digits through
        raise UnreachableError(f"the answer has {reported[:20]} bytes, more than the {most} it may have")


def _authority(host: str, port: int | None) -> str:
    # the zone of an address is this machine's own affair
    named = f"[{host.partition('%')[0]}]" if ":" in host else quote(host)
    return named if port is None else f"{named}:{port}"


def _in_words(error: OSError) -> str:
    if certificate := in_words(error):
        return certificate
    if isinstance(error, ssl.SSLError):
        return str(error)
    if isinstance(error, socket.gaierror):
        return f"its name is not known: {error.strerror}"
    # asyncio's own words repeat the address, those of a name with several addresses each of them
    numbers = [error.errno] if error.errno else map(int, re.findall(r"\[Errno (\d+)\]", str(error)))
    return ", ".join(dict.fromkeys(map(os.strerror, numbers))) or str(error) or type(error).__name__
