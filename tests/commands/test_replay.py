import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pytest

from app.commands.replay import Speed, pace_of
from tests.commands.conftest import ROOT, Spout
from tests.journey.spout import bare_environment

CONTRACT = [
    *("transactions", "blocks", "whales", "by_status", "by_flow", "replacements", "reorgs", "conflicts"),
    *("gaps", "skipped_messages", "events", "elapsed_s", "transactions_per_s", "peak_rss_mb", "accuracy"),
]


@pytest.fixture(scope="module")
def demo() -> list[str]:
    room = Path(str(resources.files("app.data")))
    return [str(room / "demo.ws.jsonl.gz"), "--rest", str(room / "demo.rest.jsonl.gz")]


@dataclass(frozen=True, slots=True)
class Replayed:
    """One replay of the demo by a process of its own, and the folder of what it wrote."""

    ended: subprocess.CompletedProcess[str]
    room: Path


@pytest.fixture(scope="module")
def replayed(demo: list[str], tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """Played once for all that is read of it: it takes seconds."""
    room = tmp_path_factory.mktemp("replayed")
    written = ["--dump", str(room / "whales.jsonl"), "--data-dir", str(room / "kept")]
    ended = subprocess.run(
        [sys.executable, "-m", "app", "replay", *demo, "--json", *written],
        env={**bare_environment(), "PYTHONPATH": str(ROOT)},
        cwd=room,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    return Replayed(ended, room)


def test_json_is_exactly_the_contracts_object(replayed: Replayed) -> None:
    ended = replayed.ended

    assert (ended.returncode, ended.stderr) == (0, "")
    assert list(json.loads(ended.stdout)) == CONTRACT
    assert ended.stdout.count("\n") == 1


def test_people_get_a_table_of_the_same_figures(spout: Spout, demo: list[str]) -> None:
    reported = spout("replay", *demo)

    assert (reported.returncode, reported.stderr) == (0, "")
    assert [name for name in CONTRACT if name.replace("_", " ") not in reported.stdout] == []


def test_the_dump_holds_each_whale_once_with_its_forecasts(replayed: Replayed) -> None:
    whales = [json.loads(line) for line in (replayed.room / "whales.jsonl").read_text().splitlines()]

    assert len(whales) == json.loads(replayed.ended.stdout)["whales"] > 0
    assert len({whale["prediction_id"] for whale in whales}) == len(whales)
    assert all(isinstance(whale["forecasts"], list) for whale in whales)
    assert not (replayed.room / "whales.jsonl.part").exists()


def test_without_a_data_directory_nothing_stays(
    spout: Spout, demo: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    spout("replay", *demo, "--json")

    assert list(tmp_path.iterdir()) == []


def test_the_data_directory_keeps_what_was_found(replayed: Replayed) -> None:
    assert (replayed.room / "kept" / "spout.duckdb").stat().st_size > 100_000


def test_what_is_not_to_be_read_of_a_recording_is_counted(
    spout: Spout, tmp_path: Path, recording: Path
) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"t": 1, "dir": "in", "frame": {"mempool-transactions": 7}}\n')

    ended = spout("replay", recording, broken, "--json")

    assert json.loads(ended.stdout)["skipped_messages"] == 1


class Sleeper:
    """A clock that stands still and notes how long it was asked to sleep."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))


@pytest.mark.parametrize(
    ("speed", "waits"), [(Speed.RECORDED, [60.0, 30.0]), (Speed.MINUTE_A_SECOND, [1.0, 0.5])]
)
async def test_the_pace_is_that_of_the_recording(speed: Speed, waits: list[float]) -> None:
    clock = Sleeper()
    pace = pace_of(speed, clock)  # type: ignore[arg-type]

    for t in (1000.0, 1060.0, 1090.0):
        await pace(t)

    assert clock.slept == waits


async def test_a_second_recording_that_begins_earlier_is_not_waited_for() -> None:
    clock = Sleeper()
    pace = pace_of(Speed.RECORDED, clock)  # type: ignore[arg-type]

    for t in (1000.0, 5.0, 6.0):
        await pace(t)

    assert clock.slept == [1.0]
