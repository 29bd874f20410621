"""`spout doctor`: is everything there that Spout needs, and what to do where it is not."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import typer
from rich.console import Console
from rich.text import Text

from app.clock import Clock, SystemClock
from app.commands.own_ground import examine_data_dir, examine_disk
from app.commands.surroundings import DataDir, quiet_logs, settings_here
from app.redaction import printable
from app.settings import Settings, Source
from app.source import (
    COOKIE_NODE,
    SKEW_SECONDS,
    BackendExam,
    BitcoindRpc,
    CheckVerdict,
    Electrs,
    ElectrumEndpoint,
    Finding,
    Guard,
    KnownBlock,
    Patience,
    RpcEndpoint,
    SourceHealth,
    examine_backend,
    examine_bitcoind,
    examine_electrs,
    known_to_backend,
    known_to_node,
    trusting,
    why_silent,
    within,
)

_COLOURS = {"ok": "green", "degraded": "yellow", "failed": "red", "off": "dim"}
_ONCE = Patience(attempts=1)
_MEMPOOL = ("mempool_ws", "mempool_rest")
COMPARE_SECONDS = 1.0
EXAMINE_SECONDS = 2.5
"""With the above less than five: who waits for an answer wants one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One component; `required`: Spout cannot do its work without it."""

    name: str
    status: str
    message: str
    remedy: str = ""
    latency_ms: float | None = None
    required: bool = False


def doctor(data_dir: DataDir = None) -> None:
    """Look at each thing that Spout needs: one line each, and what to do. Exit 1 if a required one failed."""
    settings = settings_here(data_dir)
    quiet_logs(settings)
    lines = asyncio.run(examine(settings, SystemClock()))
    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(shown(line))
    failed = [line.name for line in lines if line.required and line.status == CheckVerdict.FAILED]
    if failed:
        typer.echo(f"Spout cannot do its work: {', '.join(failed)} failed.")
        sys.exit(1)


async def examine(settings: Settings, clock: Clock) -> list[Line]:
    """Return a line for each component, in the contract's order, in five seconds at most.

    Never raises for what it finds.
    """
    rpc = _rpc_of(settings, clock)
    try:
        beside = await _known_block(settings, rpc, clock)
        backend, electrs, bitcoind = await asyncio.gather(
            _backend(settings, clock),
            _electrs(settings, clock, beside),
            _bitcoind(rpc, settings, clock, beside),
        )
    finally:
        if rpc is not None:
            await rpc.close()
    off_by = backend.off_by if backend else None
    seen = (
        _lines(backend.findings)
        if backend
        else [_off(name, "not used with these settings") for name in _MEMPOOL]
    )
    lines = _with_required(seen, bitcoind, settings)
    ground = [examine_data_dir(settings.data_dir), examine_disk(settings.data_dir)]
    data_directory, free_disk = (replace(line, required=True) for line in _lines(ground))
    at = len(seen)
    return [*lines[:at], *electrs, *lines[at:], data_directory, clock_line(off_by), free_disk]


async def _known_block(settings: Settings, rpc: BitcoindRpc | None, clock: Clock) -> KnownBlock | None:
    """Of the chain that is believed: the backend's, or the node's where there is no backend."""
    if _uses_backend(settings):
        tls = trusting(settings.ca_file)
        return await within(known_to_backend(settings.mempool_url, tls), COMPARE_SECONDS, clock)
    return await within(known_to_node(rpc), COMPARE_SECONDS, clock) if rpc is not None else None


async def _backend(settings: Settings, clock: Clock) -> BackendExam | None:
    if not _uses_backend(settings):
        return None
    return await examine_backend(settings.mempool_url, clock, trusting(settings.ca_file))


def _uses_backend(settings: Settings) -> bool:
    match settings.source:
        case Source.DEMO:
            return False
        case Source.BITCOIND:
            return "mempool_url" in settings.given
        case Source.MEMPOOL:
            return True
    return "mempool_url" in settings.given or not settings.source_configured


def _with_required(backend: list[Line], bitcoind: list[Line], settings: Settings) -> list[Line]:
    """What has failed decides only where nothing else tells the mempool: then Spout cannot do its work."""
    if settings.source is Source.DEMO:
        return [*backend, *bitcoind]
    sources = [
        [line for line in backend if line.name in _MEMPOOL],
        [one for one in bitcoind if one.name == "bitcoind"],
    ]
    works = any(
        lines and all(line.status not in (CheckVerdict.FAILED, "off") for line in lines) for lines in sources
    )
    return [
        replace(line, required=not works and line.status == CheckVerdict.FAILED)
        for line in (*backend, *bitcoind)
    ]


async def _electrs(settings: Settings, clock: Clock, beside: KnownBlock | None) -> list[Line]:
    if settings.electrs_url is None:
        return [_off("electrs", "not configured: set SPOUT_ELECTRS_URL to use one")]
    guard, health = Guard("electrs", clock, lambda: 0.0, _ONCE), SourceHealth("electrs", clock)
    electrs = Electrs(ElectrumEndpoint.parse(settings.electrs_url, settings.ca_file), clock, guard, health)
    found = await within(examine_electrs(electrs, clock, beside), EXAMINE_SECONDS, clock)
    return _lines(found or [await _silent("electrs", settings.electrs_url)])


def _rpc_of(settings: Settings, clock: Clock) -> BitcoindRpc | None:
    if not (settings.bitcoind_url or settings.bitcoind_cookie_file):
        return None
    endpoint = RpcEndpoint.parse(settings.bitcoind_url or COOKIE_NODE, settings.bitcoind_cookie_file)
    guard, health = Guard("bitcoind", clock, lambda: 0.0, _ONCE), SourceHealth("bitcoind", clock)
    return BitcoindRpc(endpoint, clock, guard, health, tls=trusting(settings.ca_file))


async def _bitcoind(
    rpc: BitcoindRpc | None, settings: Settings, clock: Clock, beside: KnownBlock | None
) -> list[Line]:
    if rpc is None:
        message = "not configured: set SPOUT_BITCOIND_URL or SPOUT_BITCOIND_COOKIE_FILE to use one"
        if settings.source is Source.BITCOIND:
            return [Line(name="bitcoind", status=CheckVerdict.FAILED, message=message)]
        return [_off("bitcoind", message), _off("bitcoind ZMQ", "not configured")]
    examination = examine_bitcoind(rpc, _zmq_urls(settings), clock, beside)
    found = await within(examination, EXAMINE_SECONDS, clock)
    lines = _lines(found or [await _silent("bitcoind", settings.bitcoind_url or COOKIE_NODE)])
    if any("ZMQ" in line.name for line in lines):
        return lines
    return [*lines, _off("bitcoind ZMQ", "looked at once bitcoind answers")]


async def _silent(component: str, url: str) -> Finding:
    remedy = "Look whether it runs, and whether its address is right."
    return Finding(
        component=component, status=CheckVerdict.FAILED, message=await why_silent(url), remedy=remedy
    )


def _zmq_urls(settings: Settings) -> dict[str, str]:
    urls = {
        "rawtx": settings.bitcoind_zmq_rawtx,
        "sequence": settings.bitcoind_zmq_sequence,
        "hashblock": settings.bitcoind_zmq_hashblock,
    }
    return {topic: url for topic, url in urls.items() if url is not None}


def clock_line(off_by: float | None) -> Line:
    if off_by is None:
        return _off("clock", "nothing to compare it with: no backend tells its time")
    message = f"{abs(off_by):.0f} s {'ahead of' if off_by > 0 else 'behind'} the backend's"
    if abs(off_by) <= SKEW_SECONDS:
        return Line(name="clock", status=CheckVerdict.OK, message=message)
    remedy = "Turn on time synchronisation (timedatectl set-ntp true) on both machines."
    return Line(name="clock", status=CheckVerdict.DEGRADED, message=message, remedy=remedy)


def _lines(findings: Sequence[Finding]) -> list[Line]:
    return [
        Line(
            name=one.component,
            status=one.status,
            message=one.message,
            remedy=one.remedy,
            latency_ms=one.latency_ms,
        )
        for one in findings
    ]


def _off(name: str, message: str) -> Line:
    return Line(name=name, status="off", message=message)


def shown(line: Line) -> Text:
    latency = "" if line.latency_ms is None else f"{line.latency_ms:.0f} ms"
    said = " ".join(f"{line.message}{'.' if line.remedy else ''} {line.remedy}".split())
    said = printable(said)
    text = Text(f"{line.status:<9}", style=_COLOURS[line.status])
    return text.append(f" {line.name:<24} {latency:>8}  {said}", style="default")
