"""How long after a source is back does Spout see again by itself? Real node, backend beside it.

Timed from the moment the source answers (a node: from its start) to `source.recovered` with rung live.
"""

import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import recovery_hostile
from tests.bench.rows import BenchRow, at_most
from tests.journey.stage import Stage, recovery, staged
from tests.journey.waiting import until

BAR_SECONDS = 30.0
"""It must; the aim is 5 s."""
BAR_FROZEN_SECONDS = 30.0
"""Until a backend that is frozen is told; the aim is 20 s."""


def rows() -> list[BenchRow]:
    """One row a fault and a choice of sources."""
    with tempfile.TemporaryDirectory() as room, staged(Path(room)) as stage:
        found = [
            *_rows(
                stage, "node_killed", ("everything", "backend", "node"), stage.kill_node, stage.node.start
            ),
            *_rows(stage, "backend_killed", ("backend",), stage.kill_mirror, stage.start_mirror),
        ]
        found += [*_frozen(stage), _electrum(stage), _reconnect(stage)]
    return [*found, *recovery_hostile.rows()]


def _frozen(stage: Stage) -> list[BenchRow]:
    """The backend's process stopped, its sockets open: how soon it is told, and its thaw."""
    stage.settle()
    before = len(stage.steps("backend"))
    frozen = time.monotonic()
    os.kill(stage.mirror.pid, signal.SIGSTOP)
    try:
        until(lambda: len(stage.steps("backend")) > before, "it is told", seconds=150)
        reported = time.monotonic() - frozen
    finally:
        thawed = time.monotonic()
        os.kill(stage.mirror.pid, signal.SIGCONT)
    back = recovery(stage, "backend", before + 1, thawed)
    return [
        at_most("recovery.backend_frozen_told", reported, BAR_FROZEN_SECONDS, "s"),
        at_most("recovery.backend_frozen_backend", back, BAR_SECONDS, "s"),
    ]


def _electrum(stage: Stage) -> BenchRow:
    """From the moment its port is open again."""
    stage.electrum.kill()
    until(lambda: stage.everything.component("electrs")["status"] == "degraded", "it shows", seconds=60)
    stage.electrum.start()
    started = time.monotonic()
    until(lambda: stage.everything.component("electrs")["status"] == "ok", "it is back", seconds=60)
    return at_most("recovery.electrum_killed_everything", time.monotonic() - started, BAR_SECONDS, "s")


def _rows(
    stage: Stage, fault: str, names: tuple[str, ...], kill: Callable[[], None], start: Callable[[], None]
) -> list[BenchRow]:
    stage.settle()
    before = {name: len(stage.steps(name)) for name in names}
    kill()
    for name in names:
        until(lambda name=name: len(stage.steps(name)) > before[name], f"{name} tells it", seconds=60)
    started = time.monotonic()
    start()
    return [
        at_most(
            f"recovery.{fault}_{name}", recovery(stage, name, before[name] + 1, started), BAR_SECONDS, "s"
        )
        for name in names
    ]


def _reconnect(stage: Stage) -> BenchRow:
    """A link that breaks and may come back at once."""
    stage.settle()
    before = stage.backend_only.count("reconnects")
    started = time.monotonic()
    stage.mirror.call("cut")
    until(lambda: stage.backend_only.count("reconnects") > before, "it is connected again", seconds=60)
    return at_most("recovery.link_cut_backend", time.monotonic() - started, BAR_SECONDS, "s")
