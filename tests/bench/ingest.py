"""What taking in costs: bytes of the wire to observations, and on through the tracker.

Beside it, in the same run, what no program can do without: a typed decode of the same bytes. Timings on a
shared machine are noisy, so the bars are ratios within one run, and the better of some runs. Run alone:
python -m tests.bench ingest
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
from websockets.asyncio.server import ServerConnection, serve

from app.core.flow.classifier import classify, is_whale
from app.core.flow.entities import Entities
from app.core.flow.labels import parse_table
from app.core.forecasting import Forecaster
from app.core.models import Transaction
from app.core.observations import Observation, TransactionSeen
from app.core.tracking.beliefs import WhalePolicy
from app.core.tracking.tracker import Tracker
from app.core.units import Outpoint, Sats, Script
from app.data import entities_table
from app.source.backend.frames import FrameReader
from app.source.resilience.seen_txids import SeenTxids
from tests.backend.crowd import Crowd
from tests.bench.rows import NEIGHBOUR, BenchRow, at_least, at_most, shown
from tests.builders import a_txid
from tests.fakes import NoForecasts

THRESHOLD = Sats(100 * 100_000_000)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TRANSACTIONS, IN_A_FRAME = 40_000, 100
WHALES_PER_MILLE = 0.5
RUNS = 7
OF_BARE_DECODE = 0.4
BIG_FRAME_TRANSACTIONS = 100_000
BIG_FRAME_SECONDS, BIG_FRAME_STALL_MS, BIG_FRAME_PEAK = 1.5, 50, 2.5
PATIENCE_SECONDS = 240


class _In(msgspec.Struct):
    txid: str
    vout: int


class _Out(msgspec.Struct):
    value: int
    scriptpubkey: str


class _Tx(msgspec.Struct):
    txid: str
    vin: list[_In]
    vout: list[_Out]
    fee: float
    weight: int


class _Added(msgspec.Struct):
    added: list[_Tx]


class _Bare(msgspec.Struct, rename={"delta": "mempool-transactions"}):
    delta: _Added


def rows() -> Iterator[BenchRow]:
    """Yield rates in transactions a second of processor time, and what one large frame takes."""
    whales = round(TRANSACTIONS * WHALES_PER_MILLE / 1000)
    frames = list(_frames(Crowd(TRANSACTIONS, whales), IN_A_FRAME))
    decoder = msgspec.json.Decoder(_Bare)
    plain = min(_seconds(lambda: [json.loads(frame) and None for frame in frames]) for _ in range(RUNS))
    # In alternation: what else runs on the machine takes memory's speed from both.
    pairs = [
        (_seconds(lambda: [decoder.decode(frame) and None for frame in frames]), _taken_in(frames))
        for _ in range(RUNS)
    ]
    bare, whole = min(one for one, _ in pairs), min(one for _, one in pairs)
    yield shown("ingest.frame_bytes", sum(map(len, frames)) / len(frames), "bytes")
    yield shown("ingest.bare_decode_rate", TRANSACTIONS / bare, "tx/s")
    yield shown("ingest.plain_json_rate", TRANSACTIONS / plain, "tx/s")
    yield shown("ingest.neighbour_rate", NEIGHBOUR["rate"], "tx/s, not measured here")
    yield shown("ingest.rate", TRANSACTIONS / whole, "tx/s")
    yield at_least("ingest.of_bare_decode", bare / whole, OF_BARE_DECODE, "x")
    yield shown("ingest.tracker_per_whale", _per_whale(frames) * 1e6, "us")
    yield from _big_frame()


def a_tracker() -> Tracker:
    known = Entities(parse_table(entities_table()))
    return Tracker(
        WhalePolicy(
            threshold=THRESHOLD,
            classify=lambda tx, peels: classify(tx, known, peels),
            is_whale=is_whale,
            forecast_source=NoForecasts(),
        )
    )


def _frames(crowd: Crowd, in_a_frame: int) -> Iterator[bytes]:
    for sequence, start in enumerate(range(0, crowd.count, in_a_frame)):
        bodies = b",".join(crowd.body(index) for index in range(start, min(start + in_a_frame, crowd.count)))
        yield (
            b'{"mempool-transactions":{"sequence":%d,"added":[%b],"removed":[],"mined":[],"replaced":[]}}'
            % (
                sequence + 1,
                bodies,
            )
        )


def _taken_in(frames: Iterable[bytes]) -> float:
    """Seconds of the product's way: read, remember, measure the inflow, follow; labels were read before."""
    reader, seen, forecaster, tracker = _reader(), SeenTxids(), Forecaster(), a_tracker()

    def take_in() -> None:
        for frame in frames:
            for observation in seen.noting(reader.feed(frame)):
                forecaster.receive(observation, NOON)
                tracker.handle(observation, NOON)

    return _seconds(take_in)


def _reader() -> FrameReader:
    return FrameReader(lambda: THRESHOLD)


def _big_frame() -> Iterator[BenchRow]:
    (frame,) = _frames(Crowd(BIG_FRAME_TRANSACTIONS, whales=200), BIG_FRAME_TRANSACTIONS)
    found = asyncio.run(_sent(frame))
    yield shown("ingest.big_frame_bytes", len(frame), "bytes")
    yield at_most("ingest.big_frame_s", found["seconds"], BIG_FRAME_SECONDS, "s")
    yield at_most("ingest.big_frame_stall_ms", found["stall_ms"], BIG_FRAME_STALL_MS, "ms")
    yield at_most("ingest.big_frame_peak", found["peak_bytes"] / len(frame), BIG_FRAME_PEAK, "of frame")


async def _sent(frame: bytes) -> dict[str, float]:
    """Send it over a WebSocket to a process of its own; return what that one measured."""

    async def send(connection: ServerConnection) -> None:
        await connection.send(frame, text=True)
        await connection.wait_closed()

    async with serve(send, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        command = (sys.executable, "-m", "tests.bench.big_frame", str(port), str(BIG_FRAME_TRANSACTIONS))
        child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        try:
            printed, _ = await asyncio.wait_for(child.communicate(), PATIENCE_SECONDS)
        finally:
            if child.returncode is None:
                child.kill()
    found: dict[str, float] = json.loads(printed)
    return found


def _per_whale(frames: Iterable[bytes]) -> float:
    """Seconds for one whale from sight to announcement, its prevouts known."""
    reader = _reader()
    seen = [one for frame in frames for one in reader.feed(frame) if isinstance(one, TransactionSeen)]
    ready = [replace(one, tx=_with_prevouts(one.tx, number)) for number, one in enumerate(seen)]
    tracker = a_tracker()
    return _seconds(lambda: _follow(tracker, ready)) / max(1, len(ready))


def _follow(tracker: Tracker, reported: Iterable[Observation]) -> None:
    for one in reported:
        tracker.handle(one, NOON)


def _with_prevouts(tx: Transaction, number: int) -> Transaction:
    """Every input of one owner, told apart by its number, as no two whales share a coin."""
    owner = Script(f"0014{number:040x}")
    return replace(
        tx,
        inputs=tuple(
            replace(spent, outpoint=Outpoint(a_txid(number), index), script=owner, value=tx.gross)
            for index, spent in enumerate(tx.inputs)
        ),
    )


def _seconds(work: Callable[[], object]) -> float:
    """Processor time, not the time of day: others are at work on this machine too."""
    started = time.process_time()
    work()
    return time.process_time() - started
