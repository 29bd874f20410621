"""How long from sendrawtransaction to the event on the stream, by source: all at once, and each alone.

The backend's part stands on a mirror that asks the node each second; a real one asks each 2 s, so its own
figure is that much longer.
"""

import tempfile
import time
from pathlib import Path

from tests.bench.rows import BenchRow, shown
from tests.bench.sources import percentile
from tests.journey.stage import Stage, staged

SENT = 60
PAUSE_SECONDS = 0.15
PERCENTILES = (50, 95, 99)


def rows() -> list[BenchRow]:
    """One row a choice of sources and a percentile."""
    with tempfile.TemporaryDirectory() as room, staged(Path(room)) as stage:
        sent = _send(stage)
        return [
            shown(f"latency.sources.{name}_p{percent}", percentile(took, percent), "ms")
            for name in stage.ears
            for took in [_received(stage, name, sent)]
            for percent in PERCENTILES
        ]


def _send(stage: Stage) -> dict[str, float]:
    """Return when each was sent, by txid."""
    raws = [stage.whale() for _ in range(SENT)]
    sent: dict[str, float] = {}
    for raw in raws:
        started = time.monotonic()
        sent[stage.node.send(raw)] = started
        time.sleep(PAUSE_SECONDS)
    return sent


def _received(stage: Stage, name: str, sent: dict[str, float]) -> list[float]:
    ear = stage.ears[name]
    return [(ear.moment_of(ear.wait_for("whale.detected", txid)) - at) * 1000 for txid, at in sent.items()]
