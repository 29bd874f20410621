"""What a whale and a revision of its forecast take on the disk, a start with them, and a quarter asked."""

import asyncio
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from app.core.events import EventType
from app.core.prediction import Prediction, Status
from app.core.units import Height, Outpoint
from app.store import PredictionStore, open_database
from tests.bench import history_queries, history_retention
from tests.bench.rows import BenchRow, at_most, shown
from tests.builders import a_txid
from tests.store.builders import NOON, a_block, a_prediction, detected, reported

WHALES = 6_000
TOGETHER = 200
REVISIONS = 3
MOST_A_WHALE, MOST_A_REVISION = 4_096, 1_024


def rows() -> list[BenchRow]:
    parts = (_measured, history_queries.measured, history_retention.measured)
    return [row for part in parts for row in asyncio.run(part())]


async def _measured() -> list[BenchRow]:
    with tempfile.TemporaryDirectory() as room:
        plain = await _bytes(Path(room) / "plain", revisions=1)
        revised = await _bytes(Path(room) / "revised", revisions=1 + REVISIONS)
        started = time.perf_counter()
        opened = await open_database(Path(room) / "revised", at=NOON)
        await PredictionStore(opened).restore(NOON + timedelta(days=1))
        opens = time.perf_counter() - started
        await opened.database.close()
    a_revision = (revised - plain) / (WHALES * REVISIONS)
    return [
        at_most("history.bytes_a_whale", plain / WHALES, MOST_A_WHALE, "bytes"),
        at_most("history.bytes_a_revision", a_revision, MOST_A_REVISION, "bytes"),
        shown("history.start_with_24000_revisions_s", opens, "s"),
    ]


async def _bytes(directory: Path, *, revisions: int) -> int:
    """Of the closed database: every whale detected, revised so often (told each time), and confirmed."""
    opened = await open_database(directory, at=NOON)
    store = PredictionStore(opened)
    chance = random.Random(5)
    height = 0
    for first in range(1, WHALES + 1, TOGETHER):
        whales = [_a_whale(number, chance) for number in range(first, first + TOGETHER)]
        await store.append([detected(whale) for whale in whales], whales)
        for _ in range(revisions):
            height += 1
            whales = [_revised(whale, height, chance) for whale in whales]
            await store.append(
                [reported(EventType.UPDATED, whale) for whale in whales], whales, [a_block(height)]
            )
        whales = [_confirmed(whale, height) for whale in whales]
        await store.append([reported(EventType.CONFIRMED, whale) for whale in whales], whales)
    await opened.database.close()
    return sum(one.stat().st_size for one in _files(directory))


def _files(directory: Path) -> Iterator[Path]:
    return directory.glob("spout.duckdb*")


def _a_whale(number: int, chance: random.Random) -> Prediction:
    """Nothing of it compresses that would not in truth: hashes, scripts and chances are all of chance."""
    whale = a_prediction(
        number, forecasts=(), first_forecast=None, prediction_id=f"whl_{a_txid(number)[:32]}"
    )
    coin = replace(
        whale.tx.inputs[0],
        outpoint=Outpoint(a_txid((number, "coin")), 1),
        script=f"0014{chance.getrandbits(160):040x}",
    )
    pays = [replace(whale.tx.outputs[0], script=f"0014{chance.getrandbits(160):040x}") for _ in range(2)]
    tx = replace(whale.tx, txid=a_txid((number, "tx")), inputs=(coin,), outputs=tuple(pays))
    return replace(whale, tx=tx)


def _revised(whale: Prediction, height: int, chance: random.Random) -> Prediction:
    at = NOON + timedelta(minutes=10 * height)
    forecast = replace(
        a_prediction(1).forecasts[0],
        made_at=at,
        at_height=Height(900_000 + height),
        txid=whale.txid,
        probabilities=tuple(sorted(chance.random() for _ in range(7))),
        p_dropped=chance.random(),
        feerate=chance.random() * 50,
        confidence_score=chance.random(),
        urgency_score=chance.random(),
        inflow_seconds=chance.random() * 3_600,
    )
    return replace(
        whale,
        version=whale.version + 1,
        updated_at=at,
        forecasts=(*whale.forecasts, forecast),
        first_forecast=whale.first_forecast or forecast,
    )


def _confirmed(whale: Prediction, height: int) -> Prediction:
    at = NOON + timedelta(minutes=10 * height + 5)
    return replace(
        whale,
        version=whale.version + 1,
        updated_at=at,
        status=Status.CONFIRMED,
        confirmed_height=Height(900_000 + height),
        confirmed_hash=a_block(height).hash,
        confirmed_at=at,
        ended_at=at,
    )
