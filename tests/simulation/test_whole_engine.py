"""The whole engine through seeded misfortune: nothing missed, nothing twice, and everything as it really is.

A failing seed prints what happened in it, and happens again by its number:

    SPOUT_SEED=17 .venv/bin/python -m pytest -s tests/simulation/test_whole_engine.py

`make soak` plays 10,000, `make test` the first 300, of which most are short. Half of what a seed costs is
DuckDB (a file opened, each version and event written and read back), the most of the rest HTTP.
"""

import asyncio
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from tests.simulation.misfortunes import has_room
from tests.simulation.receiver_in_memory import ReceiverInMemory
from tests.simulation.virtual import VirtualLoop
from tests.simulation.whole import Simulation
from tests.simulation.zmq_in_memory import zmq_in_memory

STEPS, FEW_STEPS = 14, 4
OFTEN = 300
"""The seeds of `make test`: short ones but for each thirtieth, so that it can play many."""
SEEDS = 10_000 if os.environ.get("SPOUT_SOAK") else OFTEN
MEMORY = Path("/dev/shm")


ALWAYS = 10
"""Of these, the fast part of the tests has so many too: all together take minutes."""


def seeds() -> list[object]:
    named = os.environ.get("SPOUT_SEED")
    wanted = [int(named)] if named else range(SEEDS)
    return [pytest.param(one, marks=() if one < ALWAYS else pytest.mark.slow) for one in wanted]


@pytest.mark.soak
@pytest.mark.parametrize("seed", seeds())
def test_misfortune_loses_nothing_tells_nothing_twice_and_ends_in_the_truth(
    seed: int, receiver: ReceiverInMemory
) -> None:
    assert play(seed, receiver).lives >= 1


def steps_of(seed: int) -> int:
    return FEW_STEPS if seed < OFTEN and seed % 30 else STEPS


def play(seed: int, receiver: ReceiverInMemory) -> Simulation:
    """Play one seed; print what happened in it if something did not hold."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    room = Path(tempfile.mkdtemp(prefix="spout-seed-", dir=MEMORY if MEMORY.is_dir() else None))
    simulation = Simulation(seed, room / "life", receiver, loop)
    try:
        with zmq_in_memory(simulation.publishers):
            loop.run_until_complete(simulation.run(steps_of(seed)))
    except BaseException:
        print(f"seed {seed}:", *simulation.log, sep="\n  ")
        raise
    finally:
        has_room()
        receiver.hang_up()
        end(loop)
        shutil.rmtree(room)
    return simulation


def end(loop: VirtualLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    with suppress(Exception):
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()
    asyncio.set_event_loop(None)
