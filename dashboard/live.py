"""What the Live page shows at one moment."""

from typing import Any

from app.views import Snapshot
from dashboard.bubbles import bubble_words
from dashboard.flow import flow_part, flow_words
from dashboard.past import PastFlows
from dashboard.picture import Picture, RowBook, status_part, totals_part
from dashboard.queue import queue_part

FLOW_TICK_SECONDS = 30
"""The windows of the flow chart move on at least this often."""


class LivePainter:
    """Paints a Snapshot; what is dear is painted again only where its source changed."""

    def __init__(self, assets: str, past: PastFlows) -> None:
        """`assets` names the scripts in use, so that an open page notices an upgrade."""
        self._assets = assets
        self._past = past
        self._rows = RowBook()
        self._flow_of: tuple[int, int] | None = None
        self._flow: dict[str, Any] = {}

    def __call__(self, snapshot: Snapshot) -> Picture:
        shown = (*snapshot.pending, *snapshot.ended)
        flow = self._flows(snapshot)
        return Picture(
            rows=self._rows.rows(shown),
            parts={
                "status": {**status_part(snapshot), "assets": self._assets},
                "totals": totals_part(snapshot),
                "queue": queue_part(snapshot.queue, snapshot.pending),
                "flow": flow,
                "flow_words": flow_words(flow, snapshot.pending, known=self._past.known),
                "bubbles": bubble_words(shown, snapshot.made_at),
            },
        )

    def _flows(self, snapshot: Snapshot) -> dict[str, Any]:
        entries = self._past.look(snapshot)
        drawn_of = (self._past.version, int(snapshot.made_at.timestamp()) // FLOW_TICK_SECONDS)
        if drawn_of != self._flow_of:
            self._flow_of, self._flow = drawn_of, flow_part(entries.values(), snapshot.made_at)
        return self._flow
