"""A quarter of 400,000 whales in a database, seeded.

4,000 whales of one day are lived through the store as it writes them; 99 more days are their copies, moved in
time, with ids, hashes, amounts and chances of their own: what is packed repeats, what is searched does not.

"""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from app.core.classification import Flow
from app.core.events import EventType
from app.core.models import Block, SourceName
from app.core.prediction import HORIZONS, Forecast, Prediction, Urgency
from app.core.tracking import lifecycle
from app.core.units import BlockHash, Height, Outpoint, Script
from app.store import DATABASE_FILE, Limits, PredictionStore, connect, open_database
from tests.builders import a_txid
from tests.store.builders import NOON, a_classification, a_prediction, detected, reported

BASE: Final = 4_000
COPIES: Final = 100
"""The lived day among them."""
DAY: Final = timedelta(days=0.9)
END: Final = NOON + COPIES * DAY
HEIGHT: Final = 900_000
TOGETHER: Final = 500
NAMES: Final = ("Binance", "Kraken", "Coinbase", "Bitfinex", "OKX", "Gemini")
FLOWS: Final = (Flow.INFLOW, Flow.OUTFLOW, Flow.UNKNOWN, Flow.INTERNAL, Flow.INTER_EXCHANGE)


async def make(directory: Path) -> None:
    """Fill a fresh database; its last whale is detected at END."""
    opened = await open_database(directory, at=NOON)
    store = PredictionStore(opened)
    chance = random.Random(14)
    for start in range(0, BASE, TOGETHER):
        await _lived(store, range(start, start + TOGETHER), chance)
    await opened.database.close()
    connection = connect(directory / DATABASE_FILE, Limits(memory_mb=2_000))
    connection.execute("SELECT setseed(0.14)")
    for statement in (*_BASE, *_copies()):
        connection.execute(statement)
    connection.execute("CHECKPOINT")
    connection.close()


def a_whale(number: int, chance: random.Random, at: datetime) -> Prediction:
    """Forecast when it is first seen, with scripts and hashes of chance."""
    spread = a_classification(
        chance.choice(FLOWS), chance.choice(NAMES), int(10**10 * (1 + chance.paretovariate(1.2)))
    )
    whale = a_prediction(number, tx=_tx(number, 0, chance))
    height = HEIGHT + int((at - NOON) / timedelta(minutes=10))
    whale = lifecycle.begin(
        whale.tx,
        spread,
        source=chance.choice((SourceName.MEMPOOL_WS, SourceName.BITCOIND)),
        at=at,
        tip=_block(height),
    )
    return lifecycle.with_forecast(whale, _forecast(whale, height, chance, at), at)


def confirmed(whale: Prediction, blocks: int) -> Prediction:
    """In the block that comes so many after its forecast."""
    first = whale.first_forecast
    if first is None:
        return whale
    height = first.at_height + blocks
    for passed in range(first.at_height + 1, height):
        if lifecycle.is_overdue(whale, Height(passed)):
            whale = lifecycle.overdue(whale, _came(passed))
    return lifecycle.confirm(whale, _block(height), max(_came(height), whale.updated_at))


async def _lived(store: PredictionStore, numbers: range, chance: random.Random) -> None:
    """Detected, revised twice, some replaced, and most confirmed."""
    whales = [a_whale(number, chance, NOON + DAY * ((number + chance.random()) / BASE)) for number in numbers]
    await store.append([detected(one) for one in whales], whales)
    for turn in (1, 2):
        whales = [_revised(one, number, turn, chance) for number, one in zip(numbers, whales, strict=True)]
        await store.append([reported(EventType.UPDATED, one) for one in whales], whales)
    whales = [_ended(one, chance) for one in whales]
    await store.append([reported(EventType.CONFIRMED, one) for one in whales], whales)


def _revised(whale: Prediction, number: int, turn: int, chance: random.Random) -> Prediction:
    at = whale.updated_at + timedelta(minutes=2)
    tip = whale.forecasts[-1].at_height
    if turn == 1 and number % 20 == 0:
        tx = _tx(number, turn, chance)
        whale = lifecycle.take_over(whale, tx, whale.classification, at, tip=_block(tip), fee_spike=False)
    return lifecycle.with_forecast(whale, _forecast(whale, tip, chance, at), at)


def _ended(whale: Prediction, chance: random.Random) -> Prediction:
    if chance.random() < 0.03:
        return lifecycle.drop(whale, whale.updated_at + timedelta(hours=2), "expired")
    return confirmed(whale, chance.choice((1, 1, 1, 1, 2, 2, 3, 8)))


def _tx(number: int, turn: int, chance: random.Random) -> object:
    tx = a_prediction(number).tx
    spent = [
        replace(tx.inputs[0], outpoint=Outpoint(a_txid((number, turn, place)), 1), script=_script(chance))
        for place in range(chance.choice((1, 1, 2, 5)))
    ]
    paid = [replace(tx.outputs[0], script=_script(chance)) for _ in range(2)]
    return replace(tx, txid=a_txid((number, turn)), inputs=tuple(spent), outputs=tuple(paid))


def _script(chance: random.Random) -> Script:
    return Script(f"0014{chance.getrandbits(160):040x}")


def _forecast(whale: Prediction, height: int, chance: random.Random, at: datetime) -> Forecast:
    return replace(
        a_prediction(1).forecasts[0],
        made_at=at,
        at_height=Height(height),
        txid=whale.txid,
        probabilities=tuple(sorted(chance.random() for _ in HORIZONS)),
        predicted_block=Height(height + chance.choice((1, 1, 2, 3))),
        urgency=chance.choice(tuple(Urgency)),
        feerate=chance.random() * 50,
        urgency_score=chance.random(),
        projected_block=chance.choice((1, 1, 2, None)),
    )


def _block(height: int) -> Block:
    return Block(hash=BlockHash(f"{height:064x}"), height=Height(height), time=_came(height))


def _came(height: int) -> datetime:
    return NOON + timedelta(minutes=10 * (height - HEIGHT))


def _copies() -> Iterator[str]:
    """The other days, one after the other, as they would have been written."""
    for k in range(1, COPIES):
        later = f"+ to_microseconds({k * (DAY // timedelta(microseconds=1))})"
        for table, (first, changed) in _TABLES.items():
            changes = {name: f"{name} {later}" for name in _MOMENTS if name in changed} | {
                name: text.replace("$k", str(k)) for name, text in _CHANGES.items() if name in changed
            }
            replaced = ", ".join(f"{text} AS {name}" for name, text in changes.items())
            yield f"INSERT INTO {table} SELECT * REPLACE ({replaced}) FROM {table} WHERE {first}"


_MOMENTS: Final = ("detected_at", "updated_at", "ended_at", "made_at", "counted_at", "told_at", "since")
_BLOCKS: Final = int(DAY / timedelta(minutes=10))
_CHANGES: Final = {
    "whale": f"whale + $k * {BASE}",
    "id": "id + $k * (SELECT max(id) FROM base_parts)",
    "sequence": "sequence + $k * (SELECT max(sequence) FROM base_events)",
    "tx_part": "tx_part + $k * (SELECT max(id) FROM base_parts)",
    "seldom_part": "seldom_part + $k * (SELECT max(id) FROM base_parts)",
    "prediction_id": "'whl_' || substr(sha256(prediction_id || $k), 1, 32)",
    "txid": "sha256(txid || $k)",
    "script": "hash(script, $k)",
    "moved_sat": "(moved_sat * (0.7 + random() * 0.6))::BIGINT",
    "confirmed_height": f"confirmed_height + $k * {_BLOCKS}",
    "at_height": f"at_height + $k * {_BLOCKS}",
    "due_height": f"due_height + $k * {_BLOCKS}",
    "day": f"(epoch_us(counted_at) + $k * {DAY // timedelta(microseconds=1)}) // 86400000000",
    "final_day": f"(epoch_us(counted_at) + $k * {DAY // timedelta(microseconds=1)}) // 86400000000",
    "p1": "least(10000, (p1 * (0.8 + random() * 0.4)))::USMALLINT",
    "p3": "least(10000, (p3 * (0.8 + random() * 0.4)))::USMALLINT",
    "p6": "least(10000, (p6 * (0.8 + random() * 0.4)))::USMALLINT",
    "p12": "least(10000, (p12 * (0.8 + random() * 0.4)))::USMALLINT",
    "lead_time_seconds": "lead_time_seconds * (0.5 + random())",
}
"""How a copy differs, by column; `$k` is its number."""
_VERSION: Final = (
    *("whale", "prediction_id", "txid", "moved_sat", "detected_at", "updated_at", "ended_at"),
    *("confirmed_height", "tx_part", "seldom_part"),
)
_TABLES: Final = {
    "predictions": (f"whale <= {BASE}", _VERSION),
    "superseded": (f"whale <= {BASE}", _VERSION),
    "parts": ("id <= (SELECT max(id) FROM base_parts)", ("id",)),
    "forecasts": (f"whale <= {BASE}", ("whale", "made_at")),
    "lineage": (f"whale <= {BASE}", ("whale", "txid")),
    "whale_scripts": (f"whale <= {BASE}", ("whale", "since", "script")),
    "events": (
        "sequence <= (SELECT max(sequence) FROM base_events)",
        ("sequence", "told_at", "prediction_id", "whale"),
    ),
    "forecast_outcomes": (
        "prediction_id IN (FROM base_ids)",
        (
            *("prediction_id", "detected_at", "counted_at", "made_at", "day", "final_day"),
            *("at_height", "due_height", "p1", "p3", "p6", "p12"),
        ),
    ),
    "whale_outcomes": (
        "prediction_id IN (FROM base_ids)",
        ("prediction_id", "detected_at", "counted_at", "day", "lead_time_seconds"),
    ),
}
"""Of each table, which rows are the lived day's and which columns differ in a copy."""
_BASE: Final = (
    "CREATE TEMP TABLE base_parts AS SELECT max(id) AS id FROM parts",
    "CREATE TEMP TABLE base_events AS SELECT max(sequence) AS sequence FROM events",
    "CREATE TEMP TABLE base_ids AS SELECT prediction_id FROM predictions",
)
