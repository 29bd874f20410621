"""What a day at mainnet's pace leaves in memory: no object more, and less than the bar of a long run.

The rule for the verdict is in `slopes`, what is played in `long_run`. `make soak` plays it (25 minutes);
a shorter one would say nothing, so `make test` has the estimator (`test_slopes`), and that the run runs.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.core.tracking.whales import Bounds
from app.store import Limits
from tests.simulation.slopes import Slope, slope_of
from tests.soak import only_in_soak

ROOT = Path(__file__).parents[2]
HOURS = 24
MIB = 1_048_576
OBJECTS_BOUND = 64
"""Of Python's objects an hour, those that hold others: less than one a whale that comes."""
BLOCKS_BOUND = 512
"""Of Python's blocks of memory an hour, some sixty bytes each: 30 kB."""
RESIDENT_GROWTH = 10 * MIB
"""In the day, of what is resident and not DuckDB's cache, which has a limit. Malloc's saw is 6 MB high."""
PLAYED_AT_MOST = 30_000


def samples_of(path: Path, *arguments: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.simulation.long_run", str(path), *arguments]
    subprocess.run(command, cwd=ROOT, check=True, timeout=7_000, env=os.environ)
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def slope(samples: list[dict[str, Any]], name: str) -> Slope:
    values = [one[name] for one in samples]
    found = slope_of([one["hours"] for one in samples], values)
    print(f"{name}: {values[0]:,} at first, {values[-1]:,} at last, slope {found}")
    return found


@only_in_soak
@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.timeout(7_200)
def test_after_what_is_bounded_is_full_a_day_adds_no_object_and_little_memory(tmp_path: Path) -> None:
    samples = samples_of(tmp_path / "samples.jsonl", "--hours", str(HOURS))

    assert len(samples) == 4 * HOURS + 1
    assert samples[-1]["transactions"] - samples[0]["transactions"] > 500_000
    assert samples[-1]["whales"] - samples[0]["whales"] > 1_500
    assert max(one["played"] for one in samples) < PLAYED_AT_MOST, "what is played grows itself"
    assert max(one["duckdb"] for one in samples) <= Limits().memory_mb * MIB
    assert max(one["departures"] for one in samples) <= Bounds().gone
    beside_duckdb = [one | {"resident": one["rss"] - one["duckdb"]} for one in samples]
    slopes = {
        name: slope(beside_duckdb, name) for name in ("objects", "blocks", "resident", "allocated", "duckdb")
    }
    assert slopes["objects"].stays_below(OBJECTS_BOUND)
    assert slopes["blocks"].stays_below(BLOCKS_BOUND)
    assert slopes["resident"].stays_below(RESIDENT_GROWTH / HOURS)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_quarter_of_an_hour_of_it_runs(tmp_path: Path) -> None:
    samples = samples_of(
        tmp_path / "samples.jsonl", "--hours", "0.25", "--flood", "20", "--calm-quarters", "0"
    )

    first, last = samples
    assert last["transactions"] - first["transactions"] > 4_000
    assert last["played"] < PLAYED_AT_MOST
    assert MIB < last["duckdb"] < last["rss"]
