"""What the Live page shows at one moment."""

from typing import Any

from app.views import Snapshot
from dashboard.feed.bubbles import bubble_words
from dashboard.feed.flow import flow_part, flow_words
from dashboard.feed.page_state import PageState, RowBook, status_part, totals_part
from dashboard.feed.past import PastFlows
from dashboard.feed.queue import queue_part
from dashboard.feed.samples import SystemMemory
from dashboard.feed.system import series

FLOW_TICK_SECONDS = 30
"""The windows of the flow chart move on at least this often."""
MEMORY_POINTS = 72


class LiveRenderer:
    """Renders a Snapshot; what is dear is rendered again only where its source changed."""

    def __init__(self, assets: str, past: PastFlows, memory: SystemMemory) -> None:
        """`assets` names the scripts in use, so that an open page notices an upgrade."""
        self._assets = assets
        self._past = past
        self._memory = memory
        self._samples: tuple[object, int | None] | None = None
        self._memory_part: dict[str, Any] = {}
        self._rows = RowBook()
        self._flow_of: tuple[int, int] | None = None
        self._flow: dict[str, Any] = {}

    def __call__(self, snapshot: Snapshot) -> PageState:
        shown = (*snapshot.pending, *snapshot.ended)
        flow = self._flows(snapshot)
        return PageState(
            rows=self._rows.rows(shown),
            parts={
                "status": {**status_part(snapshot), "assets": self._assets},
                "totals": totals_part(snapshot),
                "queue": queue_part(snapshot.queue, snapshot.pending, _floor(snapshot)),
                "flow": flow,
                "flow_words": flow_words(flow, snapshot.pending, known=self._past.known),
                "bubbles": bubble_words(shown, snapshot.made_at),
                "memory": self._memory_of(snapshot),
            },
        )

    def _memory_of(self, snapshot: Snapshot) -> dict[str, Any]:
        """What the program takes against its limit, thinned: it is sent whole with each new sample."""
        samples = self._memory.samples
        drawn_of = (samples[-1] if samples else None, snapshot.memory_limit_mb)
        if drawn_of != self._samples:
            shown = series(samples, snapshot.memory_limit_mb, most=MEMORY_POINTS)
            self._samples = drawn_of
            self._memory_part = {name: shown[name] for name in ("at", "rss", "limit", "words")}
        return self._memory_part

    def _flows(self, snapshot: Snapshot) -> dict[str, Any]:
        entries = self._past.look(snapshot)
        drawn_of = (self._past.version, int(snapshot.made_at.timestamp()) // FLOW_TICK_SECONDS)
        if drawn_of != self._flow_of:
            self._flow_of, self._flow = drawn_of, flow_part(entries.values(), snapshot.made_at)
        return self._flow


def _floor(snapshot: Snapshot) -> float | None:
    """The least feerate that the mempool takes, sat/vB; None while nobody has said."""
    return None if snapshot.fees is None else snapshot.fees.minimum
