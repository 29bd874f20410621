"""The Live page: what it shows (a painter for the feed) and the document that carries its charts."""

from app.views import Snapshot
from dashboard.picture import Picture, RowBook, status_part, totals_part
from dashboard.queue import queue_part


class LivePainter:
    """Paints a Snapshot for the Live page; a row is drawn again only where its whale changed."""

    def __init__(self, assets: str) -> None:
        """`assets` names the scripts in use, so that an open page notices an upgrade."""
        self._assets = assets
        self._rows = RowBook()

    def __call__(self, snapshot: Snapshot) -> Picture:
        return Picture(
            rows=self._rows.rows((*snapshot.pending, *snapshot.ended)),
            parts={
                "status": {**status_part(snapshot), "assets": self._assets},
                "totals": totals_part(snapshot),
                "queue": queue_part(snapshot.queue, snapshot.pending),
            },
        )
