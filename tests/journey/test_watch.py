"""`spout watch --json` beside a demo that is killed and started again: nothing missing, nothing twice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journey.spout import ROOT, SpoutProcess
from tests.journey.waiting import until


def sequences(file: Path) -> list[int]:
    """Of the complete lines so far."""
    lines = file.read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line)["sequence"] for line in lines]


@pytest.mark.slow
def test_a_stream_goes_on_across_a_restart_with_nothing_missing_and_nothing_twice(tmp_path: Path) -> None:
    output = tmp_path / "events.jsonl"
    with SpoutProcess(tmp_path, SPOUT_SOURCE="demo") as spout, output.open("wb") as lines:
        watching = subprocess.Popen(
            [sys.executable, "-m", "app", "watch", "--json", "--url", f"http://127.0.0.1:{spout.port}"],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=lines,
        )
        try:
            until(lambda: len(sequences(output)) >= 3, "events come", seconds=60)
            spout.kill()
            spout.start()
            before = len(sequences(output))
            until(lambda: len(sequences(output)) >= before + 3, "events come again", seconds=60)
        finally:
            watching.kill()
            watching.wait()

    followed = sequences(output)
    assert followed == list(range(followed[0], followed[0] + len(followed)))
