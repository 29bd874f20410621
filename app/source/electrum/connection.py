"""One connection to an Electrum server: newline-delimited JSON, bounded, rate-limited, with timeouts.

TLS: an Electrum server at home uses a self-signed certificate, so for hosts in one's own network (private,
loopback and link-local addresses, names without a dot, and suffixes that no public name has) the certificate
is not verified: an attacker there would already be inside the network (docs/sources.md). If SPOUT_CA_FILE
names an authority, the chain is verified there too, though not the name. Any other host must present a
certificate that is valid for its name.
Source: the Electrum protocol 1.4.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from app.clock import Clock
from app.errors import NodeRefusedError, ParseError, SettingsError, TooSlowError, UnreachableError
from app.source.electrum.lines import lines_of
from app.source.resilience import Budget, in_words, is_too_wide, trusting

T = TypeVar("T")

AT_ONCE = 4
PACE_SECONDS = 0.02
"""Interval between two requests: 50 a second."""
TIMEOUT_SECONDS = 10.0

_OWN_ENDINGS = (
    ".local",
    ".lan",
    ".internal",
    ".home.arpa",
    ".home",
    ".localdomain",
    ".fritz.box",
    ".startos",
    ".embassy",
    ".onion",
)
_SHARED_SPACE = ip_network("100.64.0.0/10")
"""Used by overlay networks such as Tailscale's, which encrypt on their own."""


@dataclass(frozen=True, slots=True)
class ElectrumEndpoint:
    host: str
    port: int
    tls: bool
    ca_file: Path | None = None

    @classmethod
    def parse(cls, url: str, ca_file: Path | None = None) -> "ElectrumEndpoint":
        """Parse `tcp://host:50001`, or `tls://` / `ssl://host:50002`; `ca_file`: an additional authority.

        Raises:
            SettingsError: if it is not such an address.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise SettingsError("the Electrum server's address has no valid port") from error
        if parts.scheme not in {"tcp", "tls", "ssl"} or not parts.hostname:
            raise SettingsError("the Electrum server's address should look like tcp://host:50001")
        tls = parts.scheme != "tcp"
        return cls(parts.hostname, port or (50002 if tls else 50001), tls, ca_file)

    @property
    def words(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def context(self) -> ssl.SSLContext | None:
        if not self.tls:
            return None
        context = trusting(self.ca_file)
        if is_own_network(self.host):
            context.check_hostname = False
            if self.ca_file is None:
                context.verify_mode = ssl.CERT_NONE
        return context


def is_own_network(host: str) -> bool:
    """Whether a host can only be in one's own network (or is authenticated by its key, as .onion is)."""
    try:
        address = ip_address(host)
    except ValueError:
        name = host.lower().rstrip(".")
        return "." not in name or name.endswith(_OWN_ENDINGS)
    return address.is_private or address.is_loopback or address.is_link_local or address in _SHARED_SPACE


class _Message(msgspec.Struct):
    id: int | None = None
    method: str | None = None
    params: list[msgspec.Raw] = []
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Any = None


class ElectrumLine:
    """A connection, open until it fails; then it stays failed and a new one must be opened."""

    def __init__(
        self,
        endpoint: ElectrumEndpoint,
        clock: Clock,
        notified: Callable[[str, bytes], None],
        budget: Budget | None = None,
    ) -> None:
        """Take `notified`, called with a subscription's method and its first parameter, as JSON.

        `budget`: the bytes of unfinished replies, shared with the other sources.
        """
        self._endpoint = endpoint
        self._clock = clock
        self._notified = notified
        self._budget = budget or Budget()
        self._door = asyncio.Semaphore(AT_ONCE)
        self._pace = asyncio.Lock()
        self._next_at = 0.0
        self._waiting: dict[int, asyncio.Future[msgspec.Raw]] = {}
        self._ids = 0
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect. Raises UnreachableError if that fails."""
        host, port = self._endpoint.host, self._endpoint.port
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                reader, self._writer = await asyncio.open_connection(host, port, ssl=self._endpoint.context())
        except ssl.SSLCertVerificationError as error:
            raise UnreachableError(f"{self._endpoint.words}: {in_words(error)}") from error
        except ssl.SSLError as error:
            raise UnreachableError(f"{self._endpoint.words}: {error.reason}; does it speak TLS?") from error
        except (OSError, TimeoutError) as error:
            words = str(error) or f"no connection within {TIMEOUT_SECONDS:.0f} s: is a firewall between?"
            raise UnreachableError(f"{self._endpoint.words}: {words}") from error
        self._reading = asyncio.create_task(self._read(reader))

    async def close(self) -> None:
        if self._reading:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._writer:
            self._writer.close()

    async def broken(self) -> None:
        """Wait until the connection fails, and raise UnreachableError with the reason."""
        if self._reading:
            await asyncio.shield(self._reading)

    async def ask(self, shape: type[T], method: str, *params: object) -> T:
        """Return one reply, decoded as `shape`.

        Raises:
            NodeRefusedError: the server replied with an error.
            UnreachableError: the connection failed; TooSlowError: no reply in time.
            ParseError: a reply of another shape.
        """
        async with self._door:
            await self._await_turn()
            raw = await self._exchange(method, params)
        try:
            return msgspec.json.decode(raw, type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ParseError(f"electrs {method}: {error}") from error

    async def _exchange(self, method: str, params: Sequence[object]) -> msgspec.Raw:
        if not self._writer or not self._reading or self._reading.done():
            raise UnreachableError(f"{self._endpoint.words}: not connected")
        self._ids += 1
        number = self._ids
        answer: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        line = msgspec.json.encode({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                self._writer.write(line + b"\n")
                await self._writer.drain()
                return await answer
        except TimeoutError as error:
            raise TooSlowError(f"{self._endpoint.words}: {method} was not answered in time") from error
        except OSError as error:
            raise UnreachableError(f"{self._endpoint.words}: {error}") from error
        finally:
            self._waiting.pop(number, None)

    async def _await_turn(self) -> None:
        async with self._pace:
            now = self._clock.monotonic()
            if self._next_at > now:
                await self._clock.sleep(self._next_at - now)
            self._next_at = max(now, self._next_at) + PACE_SECONDS

    async def _read(self, reader: asyncio.StreamReader) -> None:
        reason = "closed the connection"
        try:
            async with aclosing(lines_of(reader, self._budget)) as lines:
                async for line in lines:
                    self._take(line)
        except (ParseError, UnreachableError) as error:
            reason = str(error)
        except OSError as error:
            reason = str(error)
        finally:
            broken = UnreachableError(f"{self._endpoint.words}: {reason}")
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(broken)
        raise broken

    def _take(self, line: bytes) -> None:
        text = line.strip()  # some servers pad their replies
        if not text:
            return
        if is_too_wide(text):
            raise ParseError("electrs: more items than any answer has")
        try:
            message = msgspec.json.decode(text, type=_Message)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ParseError(f"electrs: {error}") from error
        if message.method is not None:
            if message.params:
                self._notified(message.method, bytes(message.params[0]))
            return
        answer = self._waiting.get(message.id) if message.id is not None else None
        if answer is None or answer.done():
            return
        if message.error is not None:
            answer.set_exception(_refusal(message.error))
        else:
            answer.set_result(msgspec.Raw(bytes(message.result)))


def _refusal(error: object) -> NodeRefusedError:
    """Decode an error: servers send {code, message}, or only a string."""
    if isinstance(error, dict):
        code = error.get("code")
        return NodeRefusedError(
            f"electrs: {error.get('message', error)}", code if isinstance(code, int) else 0
        )
    return NodeRefusedError(f"electrs: {error}", 0)
