"""`spout doctor`: is everything there that Spout needs, and what to do where it is not."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import typer
from rich.console import Console
from rich.text import Text

from app.clock import Clock, SystemClock
from app.commands.own_ground import examine_data_dir, examine_disk
from app.commands.surroundings import DataDir, quiet_logs, settings_here
from app.settings import Settings, Source
from app.source.bitcoind_rpc import BitcoindRpc, RpcEndpoint
from app.source.breaker import Guard, Patience
from app.source.electrs import Electrs
from app.source.electrum_line import ElectrumEndpoint
from app.source.examine import Finding, KnownBlock, Verdict, examine_bitcoind, examine_electrs, known_to_node
from app.source.examine_mempool import SKEW_SECONDS, BackendExam, examine_backend
from app.source.health import SourceHealth

_COLOURS = {"ok": "green", "degraded": "yellow", "failed": "red", "off": "dim"}
_ONCE = Patience(attempts=1)
_MEMPOOL = ("mempool_ws", "mempool_rest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One component; `required`: Spout cannot do its work without it."""

    name: str
    status: str
    words: str
    mend: str = ""
    latency_ms: float | None = None
    required: bool = False


def doctor(data_dir: DataDir = None) -> None:
    """Look at each thing that Spout needs: one line each, and what to do. Exit 1 if a required one failed."""
    settings = settings_here(data_dir)
    quiet_logs(settings)
    lines = asyncio.run(examine(settings, SystemClock()))
    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(_shown(line))
    failed = [line.name for line in lines if line.required and line.status == Verdict.FAILED]
    if failed:
        typer.echo(f"Spout cannot do its work: {', '.join(failed)} failed.")
        sys.exit(1)


async def examine(settings: Settings, clock: Clock) -> list[Line]:
    """Return a line for each component, in the contract's order; never raises for what it finds."""
    required = _required(settings)
    backend: BackendExam | None = None
    lines = []
    if _uses_backend(settings):
        backend = await examine_backend(settings.mempool_url, clock)
        lines += _lines(backend.findings, required)
    else:
        lines += [_off(name, "not used with these settings") for name in _MEMPOOL]
    beside = backend.beside if backend else None
    rpc = _rpc_of(settings, clock)
    try:
        to_match = await known_to_node(rpc) if rpc is not None and backend is None else beside
        electrs, bitcoind = await asyncio.gather(
            _electrs(settings, clock, to_match), _bitcoind(rpc, settings, clock, beside, required)
        )
        lines += [*electrs, *bitcoind]
    finally:
        if rpc is not None:
            await rpc.close()
    ground = [examine_data_dir(settings.data_dir), examine_disk(settings.data_dir)]
    data_directory, free_disk = _lines(ground, {"data directory", "free disk"})
    return [*lines, data_directory, clock_line(backend.off_by if backend else None), free_disk]


def _uses_backend(settings: Settings) -> bool:
    match settings.source:
        case Source.DEMO:
            return False
        case Source.BITCOIND:
            return "mempool_url" in settings.given
        case Source.MEMPOOL:
            return True
    return "mempool_url" in settings.given or not settings.source_configured


def _required(settings: Settings) -> set[str]:
    """The source that Spout lives on; beside it the others only help."""
    if settings.source is Source.DEMO:
        return set()
    return (
        set(_MEMPOOL) if _uses_backend(settings) and settings.source is not Source.BITCOIND else {"bitcoind"}
    )


async def _electrs(settings: Settings, clock: Clock, beside: KnownBlock | None) -> list[Line]:
    if settings.electrs_url is None:
        return [_off("electrs", "not configured: set SPOUT_ELECTRS_URL to use one")]
    guard, health = Guard("electrs", clock, lambda: 0.0, _ONCE), SourceHealth("electrs", clock)
    electrs = Electrs(ElectrumEndpoint.parse(settings.electrs_url), clock, guard, health)
    return _lines(await examine_electrs(electrs, clock, beside), set())


def _rpc_of(settings: Settings, clock: Clock) -> BitcoindRpc | None:
    if not (settings.bitcoind_url or settings.bitcoind_cookie_file):
        return None
    endpoint = RpcEndpoint.parse(
        settings.bitcoind_url or "http://127.0.0.1:8332", settings.bitcoind_cookie_file
    )
    guard, health = Guard("bitcoind", clock, lambda: 0.0, _ONCE), SourceHealth("bitcoind", clock)
    return BitcoindRpc(endpoint, clock, guard, health)


async def _bitcoind(
    rpc: BitcoindRpc | None,
    settings: Settings,
    clock: Clock,
    beside: KnownBlock | None,
    required: set[str],
) -> list[Line]:
    if rpc is None:
        words = "not configured: set SPOUT_BITCOIND_URL or SPOUT_BITCOIND_COOKIE_FILE to use one"
        if "bitcoind" in required:
            return [Line(name="bitcoind", status=Verdict.FAILED, words=words, required=True)]
        return [_off("bitcoind", words), _off("bitcoind ZMQ", "not configured")]
    lines = _lines(await examine_bitcoind(rpc, _zmq_urls(settings), clock, beside), required)
    if any("ZMQ" in line.name for line in lines):
        return lines
    return [*lines, _off("bitcoind ZMQ", "looked at once bitcoind answers")]


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
    words = f"{abs(off_by):.0f} s {'ahead of' if off_by > 0 else 'behind'} the backend's"
    if abs(off_by) <= SKEW_SECONDS:
        return Line(name="clock", status=Verdict.OK, words=words)
    mend = "Turn on time synchronisation (timedatectl set-ntp true) on both machines."
    return Line(name="clock", status=Verdict.DEGRADED, words=words, mend=mend)


def _lines(findings: Sequence[Finding], required: set[str]) -> list[Line]:
    return [
        Line(
            name=one.component,
            status=one.status,
            words=one.words,
            mend=one.mend,
            latency_ms=one.latency_ms,
            required=one.component in required,
        )
        for one in findings
    ]


def _off(name: str, words: str) -> Line:
    return Line(name=name, status="off", words=words)


def _shown(line: Line) -> Text:
    latency = "" if line.latency_ms is None else f"{line.latency_ms:.0f} ms"
    said = " ".join(f"{line.words}{'.' if line.mend else ''} {line.mend}".split())
    text = Text(f"{line.status:<9}", style=_COLOURS[line.status])
    return text.append(f" {line.name:<24} {latency:>8}  {said}", style="default")
