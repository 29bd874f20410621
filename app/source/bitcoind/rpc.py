"""bitcoind's JSON-RPC: retries, few requests in flight, exact amounts."""

import asyncio
import contextlib
import errno
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec

from app.clock import Clock
from app.core.units import SATS_PER_BTC, Sats, believable
from app.errors import (
    ForbiddenError,
    LoginRefusedError,
    NodeBusyError,
    NodeLoadingError,
    NodeRefusedError,
    ParseError,
    SettingsError,
    TooSlowError,
    UnreachableError,
)
from app.source.resilience import (
    Budget,
    Guard,
    Http,
    HttpAnswer,
    HttpClient,
    Limits,
    SourceHealth,
    basic_login,
    is_too_wide,
)

T = TypeVar("T")

RPC_LOADING = -28
"""RPC_IN_WARMUP: "Loading block index" and the like."""
RPC_NOT_FOUND = -5

BATCH = 100
"""Calls per batch request; the node processes them one after the other on one thread."""
AT_ONCE = 3
"""Requests in flight: bitcoind has 4 RPC threads by default (16 since v28), and other clients need some."""
_COOKIE_CHARACTERS = 1_000
TIMEOUT_SECONDS = 15.0
"""A node validating a block does not reply for seconds; a frozen one must be noticed."""
CONNECT_SECONDS = 5.0
LARGE_TIMEOUT_SECONDS = 60.0
"""For a whole block, or the txids of a full mempool, on a small computer."""
MOST_BYTES = 32 * 1024 * 1024
"""A transaction as large as a block takes some 24 MB as verbose JSON."""
BATCH_MOST_BYTES = 64 * 1024 * 1024
LARGE_MOST_BYTES = 96 * 1024 * 1024
LARGE = {"getblock", "getrawmempool", "getblocktemplate"}
ONE_LIMITS = Limits(MOST_BYTES, TIMEOUT_SECONDS)
BATCH_LIMITS = Limits(BATCH_MOST_BYTES, TIMEOUT_SECONDS)
LARGE_LIMITS = Limits(LARGE_MOST_BYTES, LARGE_TIMEOUT_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcEndpoint:
    """The node's address and credentials. A cookie file, if given, takes precedence over the password."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    cookie_file: Path | None = None

    @classmethod
    def parse(cls, url: str, cookie_file: Path | None = None) -> "RpcEndpoint":
        """Parse `http://user:password@host:port`; the password may be percent-encoded.

        Raises:
            SettingsError: if it is not such an address. Never repeats the password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise SettingsError("bitcoind's address has no valid port; a / in the password is %2F") from error
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SettingsError("bitcoind's address should look like http://user:password@host:8332")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return cls(
            url=f"{parts.scheme}://{host}:{port or 8332}{parts.path or '/'}",
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            cookie_file=cookie_file,
        )


class RpcCall(NamedTuple):
    method: str
    params: tuple[Any, ...] = ()


class BitcoindRpc:
    """An RPC client for one node. Every call goes through one Guard."""

    def __init__(
        self,
        endpoint: RpcEndpoint,
        clock: Clock,
        guard: Guard,
        health: SourceHealth,
        http: Http | None = None,
        budget: Budget | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._guard = guard
        self._health = health
        self._door = asyncio.Semaphore(AT_ONCE)
        self._unread: str | None = None
        """The reason why the cookie file could not be read, as text."""
        self._login = self._read_login()
        self._ids = 0
        self._http = http or HttpClient(endpoint.url, tls=tls, connect_seconds=CONNECT_SECONDS, budget=budget)

    async def close(self) -> None:
        await self._http.close()

    async def ask(self, shape: type[T], method: str, *params: object) -> T:
        """Return the result of one call, decoded as `shape`.

        Raises:
            NodeRefusedError: the node replied with an RPC error.
            NodeLoadingError: it is still starting (RPC_IN_WARMUP).
            LoginRefusedError: wrong user, password or cookie; ForbiddenError: not permitted.
            NodeBusyError: its work queue is full.
            UnreachableError: no reply.
            ParseError: a reply of another shape.
        """
        limits = LARGE_LIMITS if method in LARGE else ONE_LIMITS
        raw = await self._guard.call(lambda: self._post(self._envelope(RpcCall(method, params)), limits))
        return _result(_read(_Reply, raw), shape)

    async def ask_each(self, shape: type[T], calls: Sequence[RpcCall]) -> list[T | NodeRefusedError]:
        """Return one result or RPC error per call, in order; at most `BATCH` calls per request.

        Raises:
            As `ask`, except for RPC errors, which are returned.
        """
        answers: list[T | NodeRefusedError] = []
        for start in range(0, len(calls), BATCH):
            answers += await self._batch(shape, calls[start : start + BATCH])
        return answers

    async def ping(self) -> None:
        """Send a trivial call; an RPC error proves liveness too.

        Raises:
            UnreachableError: no reply; LoginRefusedError: wrong user, password or cookie.
        """
        with contextlib.suppress(NodeRefusedError, ForbiddenError, NodeBusyError, NodeLoadingError):
            await self.ask(int, "uptime")

    async def _batch(self, shape: type[T], calls: Sequence[RpcCall]) -> list[T | NodeRefusedError]:
        envelopes = [self._envelope(call) for call in calls]
        raw = await self._guard.call(lambda: self._post(envelopes, BATCH_LIMITS))
        replies = {reply.id: reply for reply in _read(list[_Reply], raw)}
        answers: list[T | NodeRefusedError] = []
        for envelope in envelopes:
            reply = replies.get(envelope["id"])
            if reply is None:
                raise ParseError("bitcoind: a call of a batch has no answer")
            try:
                answers.append(_result(reply, shape))
            except NodeRefusedError as refusal:
                answers.append(refusal)
        return answers

    def _envelope(self, call: RpcCall) -> dict[str, Any]:
        self._ids += 1
        return {"jsonrpc": "1.0", "id": self._ids, "method": call.method, "params": call.params}

    async def _post(self, body: object, limits: Limits) -> bytes:
        payload = msgspec.json.encode(body)
        async with self._door:
            started = self._clock.monotonic()
            response = await self._send(payload, limits)
            if response.status == 401 and self._endpoint.cookie_file:
                self._login = self._read_login()  # a restarted node has written a new cookie
                response = await self._send(payload, limits)
        self._health.answered(self._clock.monotonic() - started)
        if response.status == 401:
            words = self._unread or "check user and password, or the cookie file"
            raise LoginRefusedError(f"bitcoind refuses the login: {words}")
        if response.status == 403:
            words = "this question (rpcwhitelist in bitcoin.conf) or this address (rpcallowip)"
            raise ForbiddenError(f"bitcoind refuses {words}")
        if response.status == 503 and b"work queue" in response.body[:80].lower():
            raise NodeBusyError("bitcoind takes no more questions for the moment (its work queue is full)")
        if response.body.lstrip()[:1] not in {b"{", b"["}:
            raise UnreachableError(f"bitcoind answered HTTP {response.status} without JSON")
        return response.body

    async def _send(self, payload: bytes, limits: Limits) -> HttpAnswer:
        where = f"bitcoind at {self._endpoint.url}"
        try:
            return await self._http.ask("POST", "", limits=limits, content=payload, headers=self._login)
        except TooSlowError as error:
            raise TooSlowError(f"{where}: no whole answer within {limits.seconds:.0f} s") from error
        except UnreachableError as error:
            raise UnreachableError(f"{where}: {error}") from error

    def _read_login(self) -> dict[str, str]:
        if not self._endpoint.cookie_file:
            return basic_login(self._endpoint.user, self._endpoint.password)
        try:
            user, _, password = _cookie(self._endpoint.cookie_file).partition(":")
        except (OSError, UnicodeDecodeError) as error:
            # the node may not be running yet: a 401 says so later, and the file is read again then
            self._unread = f"{self._endpoint.cookie_file} cannot be read: {_reason(error)}"
            return basic_login("", "")
        self._unread = None
        return basic_login(user, password)


def _cookie(path: Path) -> str:
    """Return the text of the cookie file. Raises OSError for a pipe too, which would be waited for."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no plain file")
    with path.open(encoding="utf-8") as file:
        return file.read(_COOKIE_CHARACTERS).strip()


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or "it is not there") if isinstance(error, OSError) else "it is not text"


def sats(amount: Decimal) -> Sats:
    """Convert a BTC amount as printed by the node into satoshi, exactly.

    Raises:
        ParseError: if it is not a whole number of satoshi.
    """
    scaled = believable(amount) * SATS_PER_BTC
    if scaled != scaled.to_integral_value():
        raise ParseError(f"bitcoind: {amount} is no whole number of satoshi")
    return Sats(int(scaled))


class _RpcError(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Reply(msgspec.Struct):
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _RpcError | None = None


def _read(shape: type[T], raw: bytes | msgspec.Raw) -> T:
    if isinstance(raw, bytes) and is_too_wide(raw):
        raise ParseError("bitcoind: more items than any mempool holds")
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ParseError(f"bitcoind: {error}") from error


def _result(reply: _Reply, shape: type[T]) -> T:
    if reply.error is None:
        return _read(shape, reply.result)
    if reply.error.code == RPC_LOADING:
        raise NodeLoadingError(f"bitcoind is starting: {reply.error.message}")
    raise NodeRefusedError(f"bitcoind: {reply.error.message}", reply.error.code)
