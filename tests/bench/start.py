"""How soon the program is there after its start, beside a backend, from outside; the best of some starts.

The best, for all else that runs on the machine only makes a start later.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.backend.process import BackendProcess
from tests.bench.rows import NEIGHBOUR, BenchRow, at_most, shown
from tests.journey.spout import SpoutProcess

STARTS = 5
BARS = {"healthz": 0.4, "subscribed": 1.5, "pages": 2.5}
PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.01


def rows() -> Iterator[BenchRow]:
    """Yield seconds from the start of the process on: to an answer, to the backend's stream, to the pages."""
    runs = [_started() for _ in range(STARTS)]
    for name, bar in BARS.items():
        yield at_most(f"start.{name}_s", min(run[name] for run in runs), bar, "s")
    yield shown("start.neighbour_s", NEIGHBOUR["start_s"], "s, not measured here")


def _started() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as room, BackendProcess() as backend, ExitStack() as ending:
        spout = SpoutProcess(Path(room), SPOUT_MEMPOOL_URL=backend.url)
        ending.push(spout)  # entered, it would wait until it watches
        looks: dict[str, Callable[[], object]] = {
            "healthz": lambda: spout.get_or_none("/healthz", "status"),
            "subscribed": lambda: backend.state()["subscribed"],
            "pages": lambda: spout.get_or_none("/healthz", "pages") == "ready",
        }
        began = time.monotonic()
        spout.start(ready=False)
        return {name: _seconds_until(look, began) for name, look in looks.items()}


def _seconds_until(look: Callable[[], object], began: float) -> float:
    while not look():
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise TimeoutError(f"not within {PATIENCE_SECONDS:g} s")
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - began
