import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.backend.process import BackendProcess
from tests.backend.transactions import a_whale
from tests.commands.conftest import ROOT, Spout, one_line

Json = dict[str, Any]


def lines_of(path: Path) -> list[Json]:
    with gzip.open(path) as file:
        return [json.loads(line) for line in file]


class Recording:
    """`spout record` as a process, until it is told to stop."""

    def __init__(self, backend: BackendProcess, file: Path, *arguments: str) -> None:
        self._backend = backend
        self.file = file
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app", "record", str(file), *arguments],
            env=os.environ | {"PYTHONPATH": str(ROOT), "SPOUT_MEMPOOL_URL": backend.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.until(lambda: self._backend.state()["subscribed"] == 1)

    def until(self, condition: Any) -> None:
        give_up = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < give_up, "it did not happen in a minute"
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        self.process.send_signal(number)
        reported, complained = self.process.communicate(timeout=60)
        return self.process.returncode, reported, complained


@pytest.fixture
def backend() -> Iterator[BackendProcess]:
    with BackendProcess() as running:
        yield running


def test_what_is_recorded_is_replayed(backend: BackendProcess, here: Path, spout: Spout) -> None:
    recording = Recording(backend, here / "live.ws.jsonl.gz", "--rest", "answers.jsonl.gz")
    whale = a_whale()
    backend.add(whale)
    recording.until(lambda: asked(backend, "/prevouts"))
    block = backend.mine([whale])
    recording.until(lambda: asked(backend, f"/block/{block['hash']}/summary"))

    ended, reported, complained = recording.stop()

    assert (ended, complained) == (0, "")
    assert "frames" in reported
    summary = json.loads(
        spout("replay", recording.file, "--rest", here / "answers.jsonl.gz", "--json").stdout
    )
    assert (summary["whales"], summary["by_status"]["confirmed"]) == (1, 1)


def asked(backend: BackendProcess, end: str) -> bool:
    return any(request.endswith(end) for request in backend.state()["requests"])


def test_a_cut_link_is_taken_up_again_and_marked(backend: BackendProcess, here: Path) -> None:
    recording = Recording(backend, here / "live.ws.jsonl.gz")
    backend.call("cut")
    recording.until(lambda: backend.state()["connections"] >= 2 and backend.state()["subscribed"] == 1)

    recording.stop(signal.SIGTERM)

    events = [line["frame"]["event"] for line in lines_of(recording.file) if line["dir"] == "meta"]
    assert events[:3] == ["open", "close", "open"]


def test_what_was_flushed_before_a_kill_can_be_replayed(
    backend: BackendProcess, here: Path, spout: Spout
) -> None:
    recording = Recording(backend, here / "live.ws.jsonl.gz")
    recording.until(lambda: recording.file.stat().st_size > 0)

    recording.stop(signal.SIGKILL)

    assert spout("replay", recording.file, "--json").returncode == 0


def test_it_ends_by_itself_after_its_time(backend: BackendProcess, spout: Spout, here: Path) -> None:
    ended = spout("record", "short.ws.jsonl.gz", "--seconds", "0.5", SPOUT_MEMPOOL_URL=backend.url)

    assert ended.returncode == 0
    assert {line["dir"] for line in lines_of(here / "short.ws.jsonl.gz")} == {"in", "out", "meta"}


def test_a_file_that_is_there_is_kept_unless_forced(
    backend: BackendProcess, spout: Spout, here: Path
) -> None:
    (here / "live.gz").write_text("mine")
    asked = ("record", "live.gz", "--seconds", "0.5")

    refused = spout(*asked, SPOUT_MEMPOOL_URL=backend.url)
    kept = (here / "live.gz").read_text()
    forced = spout(*asked, "--force", SPOUT_MEMPOOL_URL=backend.url)

    assert (refused.returncode, kept, forced.returncode) == (2, "mine", 0)
    assert "--force" in one_line(refused.stderr)


def test_a_backend_that_was_never_there_is_one_line_and_no_file(spout: Spout, here: Path) -> None:
    ended = spout("record", "live.gz", SPOUT_MEMPOOL_URL="http://127.0.0.1:9")

    assert ended.returncode == 2
    assert "check SPOUT_MEMPOOL_URL" in one_line(ended.stderr)
    assert not (here / "live.gz").exists()


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_no_time_is_refused(spout: Spout, seconds: str) -> None:
    assert spout("record", "live.gz", "--seconds", seconds).returncode == 2
