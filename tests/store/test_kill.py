import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from app.store.opening import open_database
from app.store.predictions import PredictionStore
from tests.soak import share
from tests.store.builders import NOON

ROOT = Path(__file__).parents[2]
KILLS = share(100)


def killed_after(lines: int, directory: Path, *, delay: float = 0.0, checkpoint_mb: int = 1) -> list[int]:
    """Kill (SIGKILL) an appender `delay` seconds after so many acknowledgements; return all it printed."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.store.appender", str(directory), str(checkpoint_mb)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    acknowledged = [int(child.stdout.readline()) for _ in range(lines)]
    with suppress(subprocess.TimeoutExpired):
        child.wait(delay)
    child.kill()
    rest, _ = child.communicate()
    return acknowledged + [int(line) for line in rest.splitlines(keepends=True) if line.endswith(b"\n")]


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.timeout(3600)  # a hundred starts, each with more to restore: at load 10 not done in 900 s
@pytest.mark.parametrize(
    "checkpoint_mb",
    [
        pytest.param(1, id="log folded in now and then"),
        pytest.param(0, id="after every append"),  # harsher than Spout is
    ],
)
async def test_whatever_was_acknowledged_outlives_a_kill_at_any_moment(
    tmp_path: Path, checkpoint_mb: int
) -> None:
    chance = random.Random(6)
    lost, unheard = 0, 0
    for _ in range(KILLS):
        acknowledged = killed_after(
            chance.randrange(1, 40), tmp_path, delay=chance.random() / 20, checkpoint_mb=checkpoint_mb
        )
        opened = await open_database(tmp_path, at=NOON)
        store = PredictionStore(opened)
        sequences = [event.sequence for event in await store.events_after(0, 1_000_000)]
        predictions = (await store.restore(NOON)).predictions
        await opened.database.close()

        lost += max(0, acknowledged[-1] - len(sequences))
        unheard += max(0, len(sequences) - acknowledged[-1])
        assert sequences == list(range(1, len(sequences) + 1))
        assert len(predictions) == len(sequences)
        assert opened.notices == ()

    print(f"{KILLS} kills, {len(sequences)} events, {lost} acknowledged lost, {unheard} kept but unheard")
    assert lost == 0
