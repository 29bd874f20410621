"""What one whale costs, step by step: the tracker with its forecast, the store, the stream's text.

A thousand in one batch, as a backend's restart brings them. Processor time of all threads, not the time of
day: others are at work on this machine too; the best of some runs.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from app.api.predictions import event_shape
from app.api.problems import to_json
from app.core.flow.classifier import classify, is_whale
from app.core.flow.entities import Entities
from app.core.flow.labels import parse_table
from app.core.forecasting import Forecaster, MinerBeliefs, PassageTable
from app.core.models import SourceName
from app.core.observations import BlockConnected, ProjectedBlock, QueueProjected, TransactionSeen
from app.core.tracking.beliefs import WhalePolicy
from app.core.tracking.tracker import Tracker
from app.core.units import SatPerVb, Sats, VBytes
from app.data import entities_table
from app.store import PredictionStore, open_database
from tests.bench.ingest import NOON, THRESHOLD
from tests.bench.rows import BenchRow, shown
from tests.builders import a_block, a_script, a_transaction, pays, spends

WHALES = 1_000
RUNS = 3
WS = SourceName.MEMPOOL_WS


def rows() -> Iterator[BenchRow]:
    """Yield microseconds of processor time a whale, by step."""
    table = PassageTable(MinerBeliefs())
    found = [asyncio.run(_seconds_by_step(table)) for _ in range(RUNS)]
    for name, seconds in zip(("track", "store", "tell"), zip(*found, strict=True), strict=True):
        yield shown(f"ingest.whale.{name}", min(seconds) / WHALES * 1e6, "us")


async def _seconds_by_step(table: PassageTable) -> tuple[float, float, float]:
    (tracker, forecaster), whales = _tracker(table), _whales()
    with tempfile.TemporaryDirectory() as room:
        opened = await open_database(Path(room), at=NOON)
        store = PredictionStore(opened)
        began = time.process_time()
        forecaster.foresee(whales, NOON)
        drawn = [tracker.handle(one, NOON) for one in whales]
        tracked = time.process_time()
        published = [happening for one in drawn for happening in one.happenings]
        kept = [whale for one in drawn for whale in one.predictions.values()]
        events = await store.append(published, kept)
        stored = time.process_time()
        for event in events:
            to_json(event_shape(event).body())
        ended = time.process_time()
        await opened.database.close()
    if len(events) != WHALES:
        raise ValueError(f"{len(events)} of {WHALES} whales were published")
    return tracked - began, stored - tracked, ended - stored


def _whales() -> list[TransactionSeen]:
    """Each of its own sender, to its own receiver; the fee differs, so that no forecast is another's."""
    found = []
    for number in range(WHALES):
        paid = 200 + number / 1_000
        tx = a_transaction(
            spends=[spends(a_script(("from", number)), paid + 0.05)],
            pays=[pays(a_script(("to", number)), paid), pays(a_script(("rest", number)), 0.04)],
            fee=1_000 + 13 * number,
            vsize=200.0,
        )
        found.append(TransactionSeen(tx=tx, source=WS))
    return found


def _tracker(table: PassageTable) -> tuple[Tracker, Forecaster]:
    forecaster, known = Forecaster(table), Entities(parse_table(entities_table()))
    block = ProjectedBlock(
        vsize=VBytes(998_000),
        count=2_000,
        total_fees=Sats(9_000_000),
        median=SatPerVb(9.0),
        fee_range=(2.0, 90.0),
    )
    for market in (
        BlockConnected(block=a_block(0), source=WS),
        QueueProjected(blocks=(block,) * 4, source=WS),
    ):
        list(forecaster.receive(market, NOON))
    policy = WhalePolicy(
        threshold=THRESHOLD,
        classify=lambda tx, peels: classify(tx, known, peels),
        is_whale=is_whale,
        forecast_source=forecaster,
    )
    return Tracker(policy), forecaster
