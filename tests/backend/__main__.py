"""Run the stand-in as a process: `python -m tests.backend [--recording FILE --speed N]`.

Prints one line of JSON with its `port` and `control` port, then serves until `POST /control/stop`, the end of
standard input (its parent is gone) or SIGTERM.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from tests.backend.answers import DerivedRest
from tests.backend.control import controlled
from tests.backend.server import FRONTEND_IDLE_SECONDS, Backend
from tests.backend.stories import RecordingStory
from tests.backend.truth import Truth
from tests.backend.world import World


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.backend", description=__doc__)
    parser.add_argument("--recording", type=Path)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--version", default="3.3.1")
    parser.add_argument("--strict", action="store_true", help="the limits of 3.4")
    parser.add_argument("--frontend", action="store_true", help="as behind the packaged nginx")
    parser.add_argument("--idle-seconds", type=float, default=FRONTEND_IDLE_SECONDS)
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(_serve(parser.parse_args()))


async def _serve(asked: argparse.Namespace) -> None:
    more = {"strict": asked.strict, "frontend": asked.frontend, "idle_seconds": asked.idle_seconds}
    async with (
        Backend(_story(asked), port=asked.port, **more) as backend,
        controlled(backend) as (control_port, control),
    ):
        print(json.dumps({"port": backend.port, "control": control_port}), flush=True)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, control.stopped.set)
        loop.add_reader(sys.stdin.fileno(), lambda: _until_closed(control.stopped))
        await control.stopped.wait()
        await asyncio.sleep(0.05)  # the answer to `stop` goes out first


def _story(asked: argparse.Namespace) -> World | RecordingStory:
    if asked.recording is None:
        return World(version=asked.version)
    truthful = (asked.recording.parent / "truth.jsonl.gz").exists()
    rest = DerivedRest(Truth.load(asked.recording.parent), asked.recording) if truthful else None
    return RecordingStory(asked.recording, rest, asked.speed)


def _until_closed(stopped: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        stopped.set()


if __name__ == "__main__":
    main()
