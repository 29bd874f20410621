"""The Live page of an older checkout beside ours, one after the other in one run: BEFORE names its folder."""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from tests.bench.rows import BenchRow, at_most, shown

SCRIPT = Path(__file__).with_name("cold_page.py")
ROUNDS = 5
FIGURES = ("first_paint", "rows")


def rows() -> list[BenchRow]:
    """None without BEFORE; with it, each of ours is at most 1.15 of before."""
    if not (folder := os.environ.get("BEFORE")):
        return []
    before, now = Path(folder).resolve(), Path.cwd()
    taken = [(_cold(before), _cold(now)) for _ in range(ROUNDS)]
    made = []
    for name in FIGURES:
        old = statistics.median(one[name] for one, _ in taken)
        new = statistics.median(one[name] for _, one in taken)
        made += [
            shown(f"dashboard.{name}_before", old, "ms"),
            shown(f"dashboard.{name}_now", new, "ms"),
            at_most(f"dashboard.{name}_to_before", new / old, 1.15, ""),
        ]
    return made


def _cold(checkout: Path) -> dict[str, float]:
    own = checkout / ".venv/bin/python"
    done = subprocess.run(
        [own if own.exists() else sys.executable, "-P", SCRIPT],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
