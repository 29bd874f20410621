"""What a page shows that has no news of its own: the line at the top and the banners."""

from app.views import Snapshot
from dashboard.feed.page_state import PageState, status_part


class StatusRenderer:
    def __init__(self, assets: str) -> None:
        """`assets` names the scripts in use, so that an open page notices an upgrade."""
        self._assets = assets

    def __call__(self, snapshot: Snapshot) -> PageState:
        return PageState(rows={}, parts={"status": {**status_part(snapshot), "assets": self._assets}})
