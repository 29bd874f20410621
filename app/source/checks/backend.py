"""Checks of the mempool backend for `spout doctor`: its WebSocket, its REST API, its clock."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from websockets.exceptions import WebSocketException

from app.clock import Clock
from app.core.units import BlockHash, Height
from app.errors import ParseError, SourceError, TooSlowError, UnreachableError
from app.settings import HttpUrl
from app.source.backend import decode_as, open_link, stream_address, txid
from app.source.checks.node import DEEP_BLOCKS, CheckVerdict, Finding, KnownBlock
from app.source.resilience import Budget, HttpAnswer, HttpClient, Limits, in_words, trusting

T = TypeVar("T")
SECONDS = 2.5
"""Time limit per check: a slower reply would be too late for a whale as well."""
KNOCK_SECONDS = 0.5
MOST_BYTES = 4 * 1024 * 1024
"""Maximum size of any reply, and of the first frame."""
SKEW_SECONDS = 30.0
"""A larger clock error makes first-seen and lead times wrong."""
_REMEDY = (
    "Check SPOUT_MEMPOOL_URL (the backend's port 8999, or the mempool page's own address) and that it runs."
)


class _BackendInfo(msgspec.Struct):
    version: str
    coreVersion: str | None = None  # noqa: N815 - the backend's own name


class _Loading(msgspec.Struct, frozen=True):
    mempool: float = 100.0


class _FirstFrame(msgspec.Struct):
    loadingIndicators: _Loading = _Loading()  # noqa: N815 - the backend's own name


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendExam:
    """`beside`: a block that other sources should know. `off_by`: how far our clock is ahead, in seconds."""

    findings: tuple[Finding, ...]
    beside: KnownBlock | None
    off_by: float | None


async def examine_backend(url: HttpUrl, clock: Clock, tls: ssl.SSLContext | None = None) -> BackendExam:
    """Run every check once; never raises. `tls`: the authorities trusted; None: the system's."""
    tls = tls or trusting(None)
    async with _client(url, tls) as client:
        stream, rest, beside, off_by = await asyncio.gather(
            _finding("mempool_ws", url, _stream(url, clock, tls)),
            _finding("mempool_rest", url, _rest(client, clock)),
            known_to_backend(url, tls),
            _off_by(client, clock),
        )
    return BackendExam(findings=(stream, rest), beside=beside, off_by=off_by)


async def known_to_backend(url: HttpUrl, tls: ssl.SSLContext | None = None) -> KnownBlock | None:
    """Return a block of the backend's chain that the other sources should have; None if it cannot say."""
    async with _client(url, tls or trusting(None)) as client:
        return await _known_block(client)


@asynccontextmanager
async def _client(url: HttpUrl, tls: ssl.SSLContext) -> AsyncIterator[HttpClient]:
    client = HttpClient(
        url, tls=tls, connect_seconds=SECONDS, silence_seconds=SECONDS / 2, budget=Budget(MOST_BYTES)
    )
    try:
        yield client
    finally:
        await client.close()


async def _finding(component: str, url: HttpUrl, examination: Awaitable[Finding]) -> Finding:
    try:
        async with asyncio.timeout(SECONDS):
            return await examination
    except (TimeoutError, TooSlowError):
        message = await why_silent(url)
    except (OSError, WebSocketException, SourceError, ParseError) as error:
        message = in_words(error) or " ".join(str(error).split()) or type(error).__name__
    return Finding(
        component=component, status=CheckVerdict.FAILED, message=f"{url.masked}: {message}", remedy=_REMEDY
    )


async def why_silent(url: str) -> str:
    """Return whether the port is closed or the service does not reply, as text."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(KNOCK_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError):
        return f"no connection within {SECONDS:.0f} s: is a firewall between?"
    writer.close()
    return f"it accepts connections, and does not answer within {SECONDS:.0f} s: it is frozen, or very busy"


async def _stream(url: HttpUrl, clock: Clock, tls: ssl.SSLContext) -> Finding:
    started = clock.monotonic()
    async with open_link(stream_address(url), most_bytes=MOST_BYTES, open_seconds=SECONDS, tls=tls) as link:
        await link.send('{"action":"init"}')
        frame = decode_as(_FirstFrame, await link.recv(decode=False), "first frame")
        latency = (clock.monotonic() - started) * 1000
    if frame.loadingIndicators.mempool < 100:
        message = f"it has read {frame.loadingIndicators.mempool:.0f} % of its mempool"
        remedy = "Wait: it is starting, or its node does not answer (then look at bitcoind)."
        return Finding(
            component="mempool_ws",
            status=CheckVerdict.DEGRADED,
            message=message,
            remedy=remedy,
            latency_ms=latency,
        )
    message = f"connected to {stream_address(HttpUrl(url.masked))}"
    return Finding(component="mempool_ws", status=CheckVerdict.OK, message=message, latency_ms=latency)


async def _rest(client: HttpClient, clock: Clock) -> Finding:
    started = clock.monotonic()
    body = await _get(client, "backend-info")
    latency = (clock.monotonic() - started) * 1000
    reported = decode_as(_BackendInfo, body, "backend-info")
    message = f"mempool {reported.version}" + (
        f", node {reported.coreVersion}" if reported.coreVersion else ""
    )
    try:
        await _get(client, "blocks/tip/hash")
    except SourceError as error:
        remedy = "Its node does not answer it: look at bitcoind."
        status = CheckVerdict.DEGRADED
        return Finding(
            component="mempool_rest",
            status=status,
            message=f"{message}, but {error}",
            remedy=remedy,
            latency_ms=latency,
        )
    return Finding(component="mempool_rest", status=CheckVerdict.OK, message=message, latency_ms=latency)


async def _known_block(client: HttpClient) -> KnownBlock | None:
    """Return the block to compare; None if the backend cannot say: then nothing is compared."""
    try:
        tip = Height(int(await _get(client, "blocks/tip/height")))
        height = tip - DEEP_BLOCKS
        named = (await _get(client, f"block-height/{max(height, 0)}")).decode().strip()
        return KnownBlock(Height(max(height, 0)), BlockHash(txid(named, "block-height")), tip=tip)
    except (SourceError, ParseError, ValueError):
        return None


async def _off_by(client: HttpClient, clock: Clock) -> float | None:
    """Return the clock difference by a reply's `Date` header, resolution 1 s; None without the header."""
    try:
        date = (await _ask(client, "backend-info")).headers.get("date", "")
        reported = parsedate_to_datetime(date)
    except (SourceError, ValueError):
        return None
    return (clock.now() - _aware(reported)).total_seconds()


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def _get(client: HttpClient, path: str) -> bytes:
    answer = await _ask(client, path)
    if answer.status != HTTPStatus.OK:
        raise UnreachableError(f"{path} answers with status {answer.status}")
    return answer.body


async def _ask(client: HttpClient, path: str) -> HttpAnswer:
    limits = Limits(MOST_BYTES, SECONDS + 1)  # a connection that fails is reported first, as such
    return await client.ask("GET", f"/api/v1/{path}", limits=limits)
