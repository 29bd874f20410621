"""What a database takes on the disk after 120 days of rolling retention, beside what is live in it.

Compacted, as a night does it once the file has 1.3 times what is live (1.86 times without).
"""

import random
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Final

import duckdb

from app.core.events import EventType
from app.store import DATABASE_FILE, PredictionStore, open_database
from tests.bench import quarter
from tests.bench.rows import BenchRow, at_most
from tests.store.builders import NOON, detected, reported

DAYS: Final = 120
KEPT_DAYS: Final = 90
WHALES_A_DAY: Final = 150
MOST_OVER_LIVE: Final = 1.5


async def measured() -> list[BenchRow]:
    with tempfile.TemporaryDirectory() as room:
        directory = Path(room)
        await _lived(directory)
        file = directory / DATABASE_FILE
        return [at_most("history.file_over_live", file.stat().st_size / _live(file), MOST_OVER_LIVE, "times")]


async def _lived(directory: Path) -> None:
    """Every day its whales are detected and confirmed, and what is too old is forgotten."""
    opened = await open_database(directory, at=NOON)
    store = PredictionStore(opened)
    chance = random.Random(5)
    for day in range(DAYS):
        at = NOON + timedelta(days=day)
        numbers = range(day * WHALES_A_DAY, (day + 1) * WHALES_A_DAY)
        whales = [quarter.a_whale(number, chance, at) for number in numbers]
        await store.append([detected(one) for one in whales], whales)
        ended = [quarter.confirmed(one, 1) for one in whales]
        await store.append([reported(EventType.CONFIRMED, one) for one in ended], ended)
        await store.prune(at - timedelta(days=KEPT_DAYS))
    await opened.database.compact()
    await opened.database.close()


def _live(file: Path) -> int:
    """The size of a database that was given nothing but the rows that are there."""
    copy = file.with_name("live.duckdb")
    connection = duckdb.connect()
    connection.execute(f"ATTACH '{file}' AS whole (READ_ONLY)")
    connection.execute(f"ATTACH '{copy}' AS live")
    connection.execute("COPY FROM DATABASE whole TO live")
    connection.execute("CHECKPOINT live")
    connection.close()
    return copy.stat().st_size
