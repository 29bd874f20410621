"""`spout replay`: recordings through the whole pipeline, and what came of it."""

import asyncio
import json
import math
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.clock import Clock, SystemClock
from app.commands.dump import dump_into
from app.commands.progress import Advance, progress_bar, recorded_bytes
from app.commands.summary_table import print_summary
from app.commands.surroundings import operator_file, quiet_logs, readable_file, settings_here
from app.core.forecasting import Forecaster, MinerBeliefs, PassageTable
from app.core.prediction import Prediction
from app.core.tracking import Tracker
from app.engine import LabelsInForce, Replay, Summary, make_whale_policy
from app.errors import RecordingError
from app.settings import Settings
from app.source import moments, zero_of
from app.store import OPERATOR_FILE, LabelStore, PredictionStore, open_database

Pace = Callable[[float], Awaitable[None]]
_WHAT_IS_ONE = "a recording is made by `spout record`; recorded REST answers go to --rest"


class Speed(StrEnum):
    MAX = "max"
    RECORDED = "1"
    MINUTE_A_SECOND = "60"


def replay_recordings(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Recordings (*.ws.jsonl.gz), in order.")
    ],
    rest: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Recorded REST answers; may be given more than once."),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Keep what is found here, and use the labels kept here. Else nothing is kept."
        ),
    ] = None,
    speed: Annotated[
        Speed, typer.Option(help="As fast as it goes, as it was recorded, or a minute a second.")
    ] = Speed.MAX,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,  # noqa: FBT002 - typer
    dump: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every prediction there, one JSON a line.")
    ] = None,
) -> None:
    """Play recordings through the same pipeline that `spout run` uses, and sum up what came of it."""
    settings = settings_here(data_dir)
    quiet_logs(settings)
    recordings = [_recording(path) for path in files]
    answers = [readable_file(path, "rest.jsonl.gz") for path in rest or ()]
    with (
        dump_into(dump, untouched=[*recordings, *answers]) as write,
        _folder(data_dir) as folder,
        progress_bar(recorded_bytes(recordings)) as advance,
    ):
        summary, predictions = asyncio.run(_play(settings, folder, recordings, answers, speed, advance))
        write(predictions)
    if as_json:
        typer.echo(json.dumps(summary.as_dict()))
    else:
        print_summary(summary)


async def _play(
    settings: Settings,
    folder: Path,
    recordings: Sequence[Path],
    answers: Sequence[Path],
    speed: Speed,
    advance: Advance,
) -> tuple[Summary, Iterable[Prediction]]:
    zero = zero_of(recordings[0])
    async with AsyncExitStack() as stack:
        opened = await open_database(folder, at=SystemClock().now())
        stack.push_async_callback(opened.database.close)
        store, labels = PredictionStore(opened), await _labels(folder)
        forecaster = Forecaster(PassageTable(MinerBeliefs()))
        tracker = Tracker(make_whale_policy(settings, labels, forecaster))
        restored = await store.restore(zero)
        tracker.restore(restored.predictions, restored.blocks, restored.unread)
        replay = Replay(
            tracker=tracker, event_store=store, recordings=recordings, rest=answers, listeners=[forecaster]
        )
        summary = await replay.run(pace_of(speed, SystemClock()), advance)
        return summary, replay.kept.predictions.values()


async def _labels(folder: Path) -> LabelsInForce:
    """The shipped table, with the operator's own labels if the directory has some."""
    labels = LabelsInForce()
    if (folder / OPERATOR_FILE).exists():
        async with operator_file(folder) as file:
            await labels.refresh(LabelStore(file))
    return labels


def pace_of(speed: Speed, clock: Clock) -> Pace:
    """Return what waits for each moment's turn."""
    return _no_wait if speed is Speed.MAX else _Metronome(float(speed.value), clock).wait


class _Metronome:
    """Waits as the recording waited, `factor` times faster; where its time steps back, goes on at once."""

    def __init__(self, factor: float, clock: Clock) -> None:
        self._factor = factor
        self._clock = clock
        self._last = math.inf
        self._first = self._started = 0.0

    async def wait(self, t: float) -> None:
        if t < self._last:
            self._started, self._first = self._clock.monotonic(), t
        self._last = t
        rest = (t - self._first) / self._factor - (self._clock.monotonic() - self._started)
        if rest > 0:
            await self._clock.sleep(rest)


async def _no_wait(_t: float) -> None:
    """Hand the loop over to nobody: there is nobody else."""


def _recording(path: Path) -> Path:
    """Raises RecordingError or CommandError before anything is opened for a file that is no recording."""
    readable_file(path, "*.ws.jsonl.gz")
    try:
        first = next(moments(path), None)
    except RecordingError as error:
        raise RecordingError(f"{error}: {_WHAT_IS_ONE}") from error
    if first is None:
        raise RecordingError(f"{path} holds no recorded frames: {_WHAT_IS_ONE}")
    return path


@contextmanager
def _folder(data_dir: Path | None) -> Iterator[Path]:
    if data_dir is not None:
        yield data_dir
        return
    with tempfile.TemporaryDirectory(prefix="spout-replay-") as folder:
        yield Path(folder)
