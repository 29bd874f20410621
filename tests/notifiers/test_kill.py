"""kill -9 while alerts are sent: nothing that was stored is lost, and what comes twice has the same id."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.notifiers.receivers import receiving
from tests.notifiers.stage import staged, until
from tests.soak import share

KILLS = share(100)
ROOT = Path(__file__).parents[2]


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_kills_lose_nothing_and_repeat_only_under_the_same_id(tmp_path: Path) -> None:
    chance = random.Random(15)
    with receiving() as receiver:
        async with staged(tmp_path, run=False) as stage:
            await stage.add(receiver.url())
        reported = max([_killed(tmp_path, chance.uniform(0.0, 0.6)) for _ in range(KILLS)])
        async with staged(tmp_path) as stage:
            last = stage.store.last_sequence
            await until(lambda: bool(receiver.got) and _sequence(receiver.got[-1].body) == last, 120)

    sequences = [_sequence(got.body) for got in receiver.got]
    ids = {got.headers["webhook-id"] for got in receiver.got}
    print(f"{KILLS} kills: {last} events, {len(sequences) - last} came twice")
    assert (sorted(set(sequences)), len(ids)) == (list(range(1, last + 1)), last)
    assert last >= reported
    firsts = list(dict.fromkeys(sequences))
    assert firsts == sorted(firsts)


def _killed(room: Path, after_seconds: float) -> int:
    """The last sequence that a sender said was stored, before it was killed."""
    sender = subprocess.Popen(
        [sys.executable, "-m", "tests.notifiers.sender", str(room)], stdout=subprocess.PIPE, cwd=ROOT
    )
    try:
        assert sender.stdout is not None
        reported = [sender.stdout.readline()]
        time.sleep(after_seconds)
        sender.kill()
        reported += sender.stdout.read().split(b"\n")
    finally:
        sender.kill()
        sender.wait(10)
    return max(int(line) for line in reported if line.strip().isdigit())


def _sequence(body: bytes) -> int:
    return int(json.loads(body)["sequence"])
