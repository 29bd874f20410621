"""`spout record`: a live backend's frames and answers into files that `spout replay` plays."""

import asyncio
import random
import signal
from collections.abc import Coroutine, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from app.clock import Clock, SystemClock
from app.commands.asking import Asking
from app.commands.surroundings import quiet_logs, settings_here
from app.core.units import counted
from app.errors import CommandError
from app.settings import Settings
from app.source import HttpTransport, JsonLines, Recorder, RecordingTransport, trusting

Work = Coroutine[Any, Any, None]


def record_backend(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to, like sunday.ws.jsonl.gz.")],
    seconds: Annotated[
        float | None, typer.Option(metavar="N", help="Stop after so long; else at Ctrl-C.")
    ] = None,
    rest: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Ask what Spout would ask, and keep the answers there."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,  # noqa: FBT002 - typer
) -> None:
    """Record the backend at SPOUT_MEMPOOL_URL, as it is, for `spout replay`. Ctrl-C ends it."""
    if seconds is not None and not 0 < seconds < 1e9:
        raise CommandError(f"--seconds {seconds:g} is no time to record: give a number above 0")
    if rest and rest.absolute() == file.absolute():
        raise CommandError(f"{file} cannot hold frames and answers both: give --rest a file of its own")
    settings = settings_here()
    quiet_logs(settings)
    with ExitStack() as stack:
        frames = JsonLines(file, overwrite=force)
        stack.callback(frames.close)
        answers = JsonLines(rest, overwrite=force) if rest else None
        if answers:
            stack.callback(answers.close)
        recorder = asyncio.run(_record(settings, frames, answers, seconds))
    typer.echo(f"{counted(recorder.frames, 'frame')}, {counted(recorder.bytes, 'byte')} in {file}")
    if answers:
        typer.echo(f"{counted(answers.lines, 'answer')} in {answers.path}")


async def _record(
    settings: Settings, frames: JsonLines, answers: JsonLines | None, seconds: float | None
) -> Recorder:
    clock = SystemClock()
    recorder = Recorder(settings.mempool_url, frames, clock, random.random, trusting(settings.ca_file))
    if answers is None:
        await _until_stopped([recorder.run(), frames.flush_now_and_then(clock)], clock, seconds)
        return recorder
    transport = HttpTransport(settings.mempool_url, clock, tls=trusting(settings.ca_file))
    recorder.listener = asking = Asking(
        settings, RecordingTransport(transport, answers, lambda: recorder.moment), clock
    )
    try:
        flushes = [lines.flush_now_and_then(clock) for lines in (frames, answers)]
        works = [recorder.run(), asking.run(), *flushes]
        await _until_stopped(works, clock, seconds)
    finally:
        await transport.close()
    return recorder


async def _until_stopped(works: Sequence[Work], clock: Clock, seconds: float | None) -> None:
    """Do all of them until the time is over or somebody says stop; an error of one ends them all."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    tasks = [asyncio.create_task(work) for work in (*works, _over(stop, clock, seconds))]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in done:
        task.result()


async def _over(stop: asyncio.Event, clock: Clock, seconds: float | None) -> None:
    if seconds is None:
        await stop.wait()
        return
    over = asyncio.create_task(clock.sleep(seconds))
    reported = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({over, reported}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        over.cancel()
        reported.cancel()
