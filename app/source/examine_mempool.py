"""What `spout doctor` says about the mempool backend: its WebSocket, its REST answers, its clock."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from app.clock import Clock
from app.core.units import BlockHash, Height
from app.errors import ParseError, SourceError, UnreachableError
from app.setting_types import HttpUrl
from app.source import wire
from app.source.examine import DEEP_BLOCKS, Finding, KnownBlock, Verdict
from app.source.mempool_ws import stream_address

T = TypeVar("T")
SECONDS = 5.0
SKEW_SECONDS = 30.0
"""A clock further off makes first sights and lead times wrong."""
_MEND = (
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
    """`beside`: a block that the others should know too. `off_by`: how far our clock is ahead, in seconds."""

    findings: tuple[Finding, ...]
    beside: KnownBlock | None
    off_by: float | None


async def examine_backend(url: HttpUrl, clock: Clock) -> BackendExam:
    """Ask once for all that Spout depends on; never raises."""
    async with httpx.AsyncClient(base_url=url, timeout=SECONDS, trust_env=False) as client:
        stream, rest = await asyncio.gather(
            _finding("mempool_ws", url, _stream(url, clock)),
            _finding("mempool_rest", url, _rest(client, clock)),
        )
        beside, off_by = None, None
        if rest.status is not Verdict.FAILED:
            beside, off_by = await _known_block(client), await _off_by(client, clock)
    return BackendExam(findings=(stream, rest), beside=beside, off_by=off_by)


async def _finding(component: str, url: HttpUrl, examination: Awaitable[Finding]) -> Finding:
    try:
        async with asyncio.timeout(2 * SECONDS):
            return await examination
    except (TimeoutError, httpx.TimeoutException):
        words = "no answer in time: is a firewall between?"
    except (OSError, WebSocketException, httpx.HTTPError, SourceError, ParseError) as error:
        words = " ".join(str(error).split()) or type(error).__name__
    return Finding(component=component, status=Verdict.FAILED, words=f"{url.masked}: {words}", mend=_MEND)


async def _stream(url: HttpUrl, clock: Clock) -> Finding:
    started = clock.monotonic()
    async with connect(stream_address(url), max_size=None, open_timeout=SECONDS, proxy=None) as link:
        await link.send('{"action":"init"}')
        frame = wire.decode(_FirstFrame, await link.recv(decode=False), "first frame")
        latency = (clock.monotonic() - started) * 1000
    if frame.loadingIndicators.mempool < 100:
        words = f"it has read {frame.loadingIndicators.mempool:.0f} % of its mempool"
        mend = "Wait: it is starting, or its node does not answer (then look at bitcoind)."
        return Finding(
            component="mempool_ws", status=Verdict.DEGRADED, words=words, mend=mend, latency_ms=latency
        )
    words = f"connected to {stream_address(HttpUrl(url.masked))}"
    return Finding(component="mempool_ws", status=Verdict.OK, words=words, latency_ms=latency)


async def _rest(client: httpx.AsyncClient, clock: Clock) -> Finding:
    started = clock.monotonic()
    body = await _get(client, "backend-info")
    latency = (clock.monotonic() - started) * 1000
    told = wire.decode(_BackendInfo, body, "backend-info")
    words = f"mempool {told.version}" + (f", node {told.coreVersion}" if told.coreVersion else "")
    try:
        await _get(client, "blocks/tip/hash")
    except SourceError as error:
        mend = "Its node does not answer it: look at bitcoind."
        status = Verdict.DEGRADED
        return Finding(
            component="mempool_rest",
            status=status,
            words=f"{words}, but {error}",
            mend=mend,
            latency_ms=latency,
        )
    return Finding(component="mempool_rest", status=Verdict.OK, words=words, latency_ms=latency)


async def _known_block(client: httpx.AsyncClient) -> KnownBlock | None:
    """None where it cannot say: then nothing is compared."""
    try:
        height = int(await _get(client, "blocks/tip/height")) - DEEP_BLOCKS
        named = (await _get(client, f"block-height/{max(height, 0)}")).decode().strip()
        return KnownBlock(Height(max(height, 0)), BlockHash(wire.txid(named, "block-height")))
    except (SourceError, ParseError, ValueError, httpx.HTTPError):
        return None


async def _off_by(client: httpx.AsyncClient, clock: Clock) -> float | None:
    """By the `Date` of an answer; its resolution is a second. None if it carries none."""
    try:
        date = (await client.get("/api/v1/backend-info")).headers.get("Date", "")
        told = parsedate_to_datetime(date)
    except (httpx.HTTPError, ValueError):
        return None
    return (clock.now() - _aware(told)).total_seconds()


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def _get(client: httpx.AsyncClient, path: str) -> bytes:
    answer = await client.get(f"/api/v1/{path}")
    if answer.status_code != httpx.codes.OK:
        raise UnreachableError(f"{path} answers with status {answer.status_code}")
    return answer.content
