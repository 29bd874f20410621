"""What taking in costs: bytes of the wire to observations, and on through the tracker, stage by stage.

One frame as after a backend's restart on mainnet (100 MB, some 2.5 kB a transaction). Timings on a shared
machine are noisy, so what must hold are ratios within one run. Run alone: python -m tests.bench ingest
"""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from app.core.classify import classify, is_whale
from app.core.entities import Entities
from app.core.labels import parse_table
from app.core.models import Transaction
from app.core.observations import Observation, TransactionSeen
from app.core.tracker import Tracker
from app.core.tracking.beliefs import Judgement
from app.core.tracking.foreteller import Silent
from app.core.units import Outpoint, Sats, Script
from app.data import entities_table
from app.source import wire
from app.source.examined import Examined
from app.source.frames import FrameReader
from app.source.wire_shapes import WireTransaction
from tests.backend.crowd import Crowd
from tests.bench.rows import BenchRow, at_least, at_most, shown
from tests.builders import a_txid

FRAME_BYTES = 100_000_000
THRESHOLD = Sats(100 * 100_000_000)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SMALL_PART = 0.1
"""Plain json makes ten times as many bytes of objects: it is measured on this part of the frame only."""
JOURNEY_OVER_JSON = 0.2
"""All of our journey costs no more than five times what the standard library's decoding alone does."""
TRACKER_SHARE = 0.25
"""Of the whole journey; one that is no whale is looked at and forgotten."""


def rows() -> list[BenchRow]:
    """Rates in transactions a second; the frame's stages in seconds."""
    crowd = Crowd.of_bytes(FRAME_BYTES, whales=200)
    frame = _frame(crowd, crowd.count)
    part = int(crowd.count * SMALL_PART)
    small = _frame(crowd, part)
    plain = part / _seconds(lambda: json.loads(small))
    split, decoding = _split(frame)
    told: list[Observation] = []
    reading = _seconds(lambda: told.extend(FrameReader().feed(frame)))
    noting = _seconds(lambda: _drain(Examined().noting(told)))
    following = _seconds(lambda: _follow(told))
    whales = [one for one in told if isinstance(one, TransactionSeen) and one.tx.gross > THRESHOLD]
    journey = crowd.count / (reading + noting + following)
    return [
        shown("ingest.frame_bytes", len(frame), "bytes"),
        shown("ingest.frame_transactions", crowd.count, "tx"),
        shown("ingest.frame_split", split, "s"),
        shown("ingest.frame_decode", decoding, "s"),
        shown("ingest.frame_to_observations", reading, "s"),
        shown("ingest.frame_examined", noting, "s"),
        shown("ingest.frame_tracker", following, "s"),
        shown("ingest.plain_json_rate", plain, "tx/s"),
        shown("ingest.decoding_rate", crowd.count / reading, "tx/s"),
        shown("ingest.journey_rate", journey, "tx/s"),
        at_least("ingest.journey_over_plain_json", journey / plain, JOURNEY_OVER_JSON, "x"),
        shown("ingest.tracker_per_transaction", following / crowd.count * 1e6, "us"),
        at_most(
            "ingest.tracker_share", following / (reading + noting + following), TRACKER_SHARE, "of journey"
        ),
        shown("ingest.tracker_per_whale", _per_whale(whales) * 1e6, "us"),
    ]


def _frame(crowd: Crowd, count: int) -> bytes:
    bodies = b",".join(crowd.body(index) for index in range(count))
    return (
        b'{"mempool-transactions":{"sequence":1,"added":['
        + bodies
        + b'],"removed":[],"mined":[],"replaced":[]}}'
    )


def _split(frame: bytes) -> tuple[float, float]:
    """Seconds to find where each transaction begins and ends, and to decode them to structs."""
    started = time.perf_counter()
    delta = wire.fields(wire.fields(frame, "frame")["mempool-transactions"], "delta")
    bodies = wire.items(delta["added"], "added")
    split = time.perf_counter() - started
    started = time.perf_counter()
    for body in bodies:
        wire.decode(WireTransaction, body, "transaction")
    return split, time.perf_counter() - started


def _a_tracker() -> Tracker:
    known = Entities(parse_table(entities_table()))
    return Tracker(
        Judgement(
            threshold=THRESHOLD,
            classify=lambda tx, peels: classify(tx, known, peels),
            is_whale=is_whale,
            foreteller=Silent(),
        )
    )


def _follow(told: Iterable[Observation]) -> None:
    tracker = _a_tracker()
    for one in told:
        tracker.handle(one, NOON)


def _per_whale(whales: list[TransactionSeen]) -> float:
    """Seconds for one whale from sight to announcement, its prevouts known."""
    ready = [replace(one, tx=_with_prevouts(one.tx, number)) for number, one in enumerate(whales)]
    return _seconds(lambda: _follow(ready)) / max(1, len(ready))


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


def _drain(observations: Iterable[Observation]) -> None:
    for _ in observations:
        pass


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
