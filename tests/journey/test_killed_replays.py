"""SIGKILL at any point of a replay, and a restart that goes on from there: the accounts are as undisturbed.

In `make test` the demo's recording, 20 kills; in `make soak` 200, in the real backend's longest one too. What
comes out differently is who saw a whale first: after a restart, the list of the mempool may come before or
after the frame, by as much as the backend's polls are apart, and a quantile of lead times moves by so much.
"""

import asyncio
import gzip
import json
import multiprocessing
import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

import pytest

from app.core.scoring import Period
from app.source.recording.play import zero_of
from app.store.accounts import AccountStore
from app.store.opening import open_database
from tests.backend.derive import write
from tests.backend.truth import RECORDINGS
from tests.journey.steady import Recorded, play
from tests.soak import only_in_soak, share

DEMO = Path(__file__).parents[2] / "app/data"
KILLS = share(200)
SEED = 14
FIRST_NOTICE_SECONDS = 2.0
"""The backend polls its node every two seconds."""
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Whole:
    recorded: Recorded
    lines: tuple[Line, ...]
    zero: datetime


@pytest.fixture(
    params=["demo", pytest.param("mixed", marks=[only_in_soak, pytest.mark.shared])], scope="module"
)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    recording, answers = DEMO / "demo.ws.jsonl.gz", DEMO / "demo.rest.jsonl.gz"
    out = tmp_path_factory.mktemp("answers")
    if request.param != "demo":
        write(RECORDINGS, out, [request.param])
        recording = RECORDINGS / f"{request.param}.ws.jsonl.gz"
        answers = out / f"{request.param}.rest.jsonl.gz"
    return whole_of(recording, answers, out / "listings.jsonl.gz")


def whole_of(recording: Path, answers: Path, listings: Path) -> Whole:
    with gzip.open(recording, "rt", encoding="utf-8") as stream:
        lines = tuple(line for line in map(json.loads, stream) if line["dir"] in ("in", "meta"))
    write_lines(listings, mempools(lines))
    return Whole(Recorded(recording, (answers, listings)), lines, zero_of(recording))


def mempools(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield what the backend would have answered when asked for its mempool, by its frames."""
    waiting: dict[str, None] = {}
    for line in lines:
        delta = line["frame"].get("mempool-transactions")
        if delta is not None:
            waiting |= dict.fromkeys(tx["txid"] for tx in delta["added"])
            replaced = [pair["replaced"] for pair in delta["replaced"]]
            for txid in (*delta["removed"], *delta["mined"], *replaced):
                waiting.pop(txid, None)
            yield {"t": line["t"], "path": "/api/v1/mempool/txids", "status": 200, "body": list(waiting)}


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.timeout(300 if KILLS < 100 else 3_600)
def test_kills_in_a_replay_leave_the_figures_as_they_are_undisturbed(whole: Whole, tmp_path: Path) -> None:
    play(tmp_path / "undisturbed", whole.recorded, whole.zero)

    at = killed(whole, tmp_path, random.Random(SEED), kills=KILLS)

    undisturbed, disturbed = figures(tmp_path / "undisturbed"), figures(tmp_path / "killed")
    n = undisturbed["correlation.figures.n"]
    print(f"{len(at)} kills at lines {at} of {len(whole.lines)}: {len(disturbed)} figures of {n} forecasts")
    assert len(at) == KILLS
    assert n >= 20
    assert exactly(disturbed) == pytest.approx(exactly(undisturbed))
    assert disturbed == pytest.approx(undisturbed, abs=FIRST_NOTICE_SECONDS)


def exactly(found: dict[str, Any]) -> dict[str, Any]:
    """All figures but the lead times."""
    return {name: one for name, one in found.items() if "lead_times" not in name}


def killed(whole: Whole, room: Path, chance: random.Random, *, kills: int) -> list[int]:
    """Play it through, killed so often; return the lines at which it was killed, in order."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.journey.steady"])
    next_line, at = 0, list[int]()
    while True:
        left = len(whole.lines) - next_line
        lives = kills - len(at)
        cut = room / "cut.ws.jsonl.gz"
        begins_anew = [] if next_line == 0 else [opened(whole.lines[next_line])]
        write_lines(cut, [*begins_anew, *whole.lines[next_line:]])
        reading, writing = os.pipe()
        recorded = Recorded(cut, whole.recorded.rest)
        child = processes.Process(target=play, args=(room / "killed", recorded, whole.zero, DupFd(writing)))
        child.start()
        os.close(writing)
        with os.fdopen(reading, "rb") as words:
            if lives == 0:
                reached = len(words.readlines())
                child.join()
                assert child.exitcode == 0
                return at
            reached = read_some(words, chance.randrange(1, max(2, 2 * left // lives)))
            child.join(chance.random() / 10)
            child.kill()
            child.join()
            reached += len(words.readlines())
        next_line = max(next_line, min(next_line + reached - len(begins_anew) - 1, len(whole.lines) - 1))
        at.append(next_line)


def read_some(words: Any, lines: int) -> int:
    """Read at most so many lines; return how many came before the end."""
    return sum(1 for _ in range(lines) if words.readline())


def opened(line: Line) -> Line:
    return {"t": line["t"], "dir": "meta", "frame": {"event": "open"}}


def write_lines(path: Path, lines: Iterable[Line]) -> None:
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8") as stream:
        stream.writelines(json.dumps(line) + "\n" for line in lines)


def figures(data_dir: Path) -> dict[str, Any]:
    """Every figure of all times by its path, but those by the source that was first."""

    async def work() -> dict[str, Any]:
        first, last = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
        opened_database = await open_database(data_dir, at=first)
        store = AccountStore(opened_database.database)
        correlation = asdict(await store.correlation(first, last))
        days = await store.statistics(Period.DAILY, first, last)
        await opened_database.database.close()
        del correlation["by_first_source"]
        return {"correlation": correlation, "statistics": {str(one.start): asdict(one) for one in days}}

    return dict(flat(asyncio.run(work())))


def flat(found: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(found, dict):
        for name, value in found.items():
            yield from flat(value, f"{path}.{name}" if path else str(name))
    elif isinstance(found, list | tuple):
        for place, value in enumerate(found):
            yield from flat(value, f"{path}[{place}]")
    else:
        yield path, str(found) if isinstance(found, datetime) else found
