"""kill -9 while alerts are sent: nothing that was stored is lost, and what comes twice has the same id."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.notifiers.receivers import Got, Receiver, receiving
from tests.notifiers.stage import staged, until
from tests.soak import share

KILLS = share(100)
ROOT = Path(__file__).parents[2]


@pytest.mark.slow
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
            await until(lambda: last in map(_sequence, _whole(receiver)[-1:]), 120)

    whole = _whole(receiver)
    sequences = [_sequence(got) for got in whole]
    ids = {got.headers["webhook-id"] for got in whole}
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


def _whole(receiver: Receiver) -> list[Got]:
    """Without those that a kill cut between head and body: what was in them comes again."""
    return [got for got in receiver.got if len(got.body) == int(got.headers["content-length"])]


def _sequence(got: Got) -> int:
    return int(json.loads(got.body)["sequence"])
