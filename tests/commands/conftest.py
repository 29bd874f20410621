import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.__main__ import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ended:
    returncode: int
    stdout: str
    stderr: str


Spout = Callable[..., Ended]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, and no setting but a data directory in it."""
    for name in [name for name in os.environ if name.startswith("SPOUT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SPOUT_DATA_DIR", str(tmp_path / "kept"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def spout(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Spout:
    """The program's entry point, in this process."""

    def run(*arguments: str | Path, **settings: str) -> Ended:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["spout", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        reported = capsys.readouterr()
        return Ended(int(ended.value.code or 0), reported.out, reported.err)

    return run


@pytest.fixture
def process(here: Path) -> Spout:
    """The same as a process of its own: for what only a process shows, for it takes a second to start."""

    def run(*arguments: str | Path, **settings: str) -> Ended:
        ended = subprocess.run(
            [sys.executable, "-m", "app", *map(str, arguments)],
            env=os.environ | {"PYTHONPATH": str(ROOT)} | settings,
            cwd=here,
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

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


def one_line(reported: str) -> str:
    """The one line on standard error; anything more is a failure."""
    assert reported.startswith("spout: "), reported
    assert reported.count("\n") == 1, reported
    assert "Traceback" not in reported
    return reported
