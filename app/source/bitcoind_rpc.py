"""bitcoind's JSON-RPC: asked with patience, never more than a few at once, amounts exact."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

import httpx
import msgspec

from app.clock import Clock
from app.core.units import SATS_PER_BTC, Sats
from app.errors import (
    LoginRefusedError,
    NodeLoadingError,
    NodeRefusedError,
    ParseError,
    SettingsError,
    TooSlowError,
    UnreachableError,
)
from app.source.breaker import Guard
from app.source.health import SourceHealth

T = TypeVar("T")

RPC_LOADING = -28
"""RPC_IN_WARMUP: "Loading block index" and the like."""
RPC_NOT_FOUND = -5

BATCH = 100
"""Calls in one HTTP request; the node works them off one after the other on one thread."""
AT_ONCE = 3
"""Requests in flight: bitcoind has 4 threads by default (16 since v28), and others need it too."""
TIMEOUT_SECONDS = 15.0
"""A node that validates a block answers nothing for seconds; one that is frozen should be noticed."""
CONNECT_SECONDS = 5.0
LARGE_TIMEOUT_SECONDS = 60.0
"""A whole block, or the list of a full mempool, on a small computer."""
LARGE = {"getblock", "getrawmempool", "getblocktemplate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcEndpoint:
    """Where the node answers and how we log in. A cookie file, where given, wins over the password."""

    url: str
    user: str = ""
    password: str = ""
    cookie_file: Path | None = None

    @classmethod
    def parse(cls, url: str, cookie_file: Path | None = None) -> "RpcEndpoint":
        """Read `http://user:password@host:port`; the password may be percent-encoded.

        Raises:
            SettingsError: if it is no such address. Never repeats the password.
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


class Call(NamedTuple):
    method: str
    params: tuple[Any, ...] = ()


class BitcoindRpc:
    """One node. Every call goes through one Guard and one narrow door."""

    def __init__(
        self,
        endpoint: RpcEndpoint,
        clock: Clock,
        guard: Guard,
        health: SourceHealth,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._guard = guard
        self._health = health
        self._door = asyncio.Semaphore(AT_ONCE)
        self._unread: str | None = None
        """Why the cookie file could not be read, in words."""
        self._login = self._read_login()
        self._ids = 0
        self._http = httpx.AsyncClient(transport=transport, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, shape: type[T], method: str, *params: object) -> T:
        """Return the result of one call, read as `shape`.

        Raises:
            NodeRefusedError: the node answered with an error of its own.
            NodeLoadingError: it is still starting.
            LoginRefusedError: wrong user, password or cookie.
            UnreachableError: no answer.
            ParseError: an answer of another shape.
        """
        seconds = LARGE_TIMEOUT_SECONDS if method in LARGE else TIMEOUT_SECONDS
        raw = await self._guard.call(lambda: self._post(self._envelope(Call(method, params)), seconds))
        return _result(_read(_Reply, raw), shape)

    async def ask_each(self, shape: type[T], calls: Sequence[Call]) -> list[T | NodeRefusedError]:
        """Return one result or refusal a call, in their order; at most `BATCH` calls a request.

        Raises:
            As `ask`, except for refusals, which are returned.
        """
        answers: list[T | NodeRefusedError] = []
        for start in range(0, len(calls), BATCH):
            answers += await self._batch(shape, calls[start : start + BATCH])
        return answers

    async def _batch(self, shape: type[T], calls: Sequence[Call]) -> list[T | NodeRefusedError]:
        envelopes = [self._envelope(call) for call in calls]
        raw = await self._guard.call(lambda: self._post(envelopes, TIMEOUT_SECONDS))
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

    def _envelope(self, call: Call) -> dict[str, Any]:
        self._ids += 1
        return {"jsonrpc": "1.0", "id": self._ids, "method": call.method, "params": call.params}

    async def _post(self, body: object, seconds: float) -> bytes:
        payload = msgspec.json.encode(body)
        async with self._door:
            started = self._clock.monotonic()
            response = await self._send(payload, seconds)
            if response.status_code == 401 and self._endpoint.cookie_file:
                self._login = self._read_login()  # a restarted node wrote a new cookie
                response = await self._send(payload, seconds)
        self._health.answered(self._clock.monotonic() - started)
        if response.status_code == 401:
            words = self._unread or "check user and password, or the cookie file"
            raise LoginRefusedError(f"bitcoind refuses the login: {words}")
        if response.status_code == 403:
            words = "this address (add it to rpcallowip in bitcoin.conf) or this question (rpcwhitelist)"
            raise LoginRefusedError(f"bitcoind refuses {words}")
        if response.content.lstrip()[:1] not in {b"{", b"["}:
            raise UnreachableError(f"bitcoind answered HTTP {response.status_code} without JSON")
        return response.content

    async def _send(self, payload: bytes, seconds: float) -> httpx.Response:
        try:
            return await self._http.post(
                self._endpoint.url,
                content=payload,
                auth=self._login,
                timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS),
            )
        except httpx.ReadTimeout as error:
            raise TooSlowError(
                f"bitcoind at {self._endpoint.url}: no answer within {seconds:.0f} s"
            ) from error
        except httpx.ConnectTimeout as error:
            words = f"no connection within {CONNECT_SECONDS:.0f} s: is a firewall between?"
            raise UnreachableError(f"bitcoind at {self._endpoint.url}: {words}") from error
        except httpx.HTTPError as error:
            words = str(error) or type(error).__name__
            raise UnreachableError(f"bitcoind at {self._endpoint.url}: {words}") from error

    def _read_login(self) -> httpx.BasicAuth:
        if not self._endpoint.cookie_file:
            return httpx.BasicAuth(self._endpoint.user, self._endpoint.password)
        try:
            user, _, password = self._endpoint.cookie_file.read_text("utf-8").strip().partition(":")
        except (OSError, UnicodeDecodeError) as error:
            # perhaps the node is not up yet: a 401 says so, and it is read again then
            self._unread = f"{self._endpoint.cookie_file} cannot be read: {_reason(error)}"
            return httpx.BasicAuth("", "")
        self._unread = None
        return httpx.BasicAuth(user, password)


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or "it is not there") if isinstance(error, OSError) else "it is not text"


def sats(amount: Decimal) -> Sats:
    """Bitcoin as the node prints them, into satoshi, exactly.

    Raises:
        ParseError: if it is no whole number of satoshi.
    """
    scaled = amount * SATS_PER_BTC
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
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ParseError(f"bitcoind: {error}") from error


def _result(reply: _Reply, shape: type[T]) -> T:
    if reply.error is None:
        return _read(shape, reply.result)
    if reply.error.code == RPC_LOADING:
        raise NodeLoadingError(f"bitcoind is starting: {reply.error.message}")
    raise NodeRefusedError(f"bitcoind: {reply.error.message}", reply.error.code)
