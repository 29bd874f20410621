"""A process that appends until it is killed, and prints each sequence once it is acknowledged.

python -m tests.store.appender DIRECTORY [CHECKPOINT_MB [BATCHES]]
"""

import asyncio
import sys
from datetime import timedelta
from itertools import count
from pathlib import Path

from app.store.connections import Limits
from app.store.opening import open_database
from app.store.predictions import PredictionStore
from tests.store.builders import NOON, a_block, a_prediction, detected


async def append_for_ever(directory: Path, checkpoint_mb: int = 1, batches: int | None = None) -> None:
    opened = await open_database(directory, at=NOON, limits=Limits(checkpoint_mb=checkpoint_mb))
    store = PredictionStore(opened)
    for turn in count() if batches is None else range(batches):
        number = store.last_sequence + 1
        size = 1 + number % 7
        whales = [
            a_prediction(number + one, updated_at=NOON + timedelta(seconds=turn)) for one in range(size)
        ]
        events = await store.append([detected(whale) for whale in whales], whales, [a_block(number)])
        print(events[-1].sequence, flush=True)


if __name__ == "__main__":
    asyncio.run(append_for_ever(Path(sys.argv[1]), *map(int, sys.argv[2:])))
