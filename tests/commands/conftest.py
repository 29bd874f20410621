import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Spout = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def spout(tmp_path: Path) -> Spout:
    """Runs the command as a process of its own, with no setting but its data directory."""

    def run(*arguments: str | Path, **settings: str) -> "subprocess.CompletedProcess[str]":
        environ = {name: value for name, value in os.environ.items() if not name.startswith("SPOUT_")}
        environ |= {"PYTHONPATH": str(ROOT), "SPOUT_DATA_DIR": str(tmp_path / "kept"), "COLUMNS": "100"}
        return subprocess.run(
            [sys.executable, "-m", "app", *map(str, arguments)],
            env=environ | settings,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )

    return run


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A second of a backend that has nothing to say."""
    path = tmp_path / "quiet.ws.jsonl.gz"
    lines = [
        {"t": 0.0, "dir": "meta", "frame": {"event": "open"}},
        {"t": 0.1, "dir": "in", "frame": {"mempool-transactions": {"sequence": 1, "added": []}}},
        {"t": 1.0, "dir": "in", "frame": {"pong": True}},
    ]
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    return path


def one_line(told: str) -> str:
    """The one line on standard error; anything more is a failure."""
    assert told.startswith("spout: "), told
    assert told.count("\n") == 1, told
    assert "Traceback" not in told
    return told
