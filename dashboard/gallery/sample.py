"""The sample data of the gallery: what a page's feed said of one scene, with the hour it said it.

The page counts ages from the appliance's clock, not the browser's, so they stand still with it.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from app.core.events import Event
from app.core.prediction import Prediction
from app.views import DayFlow, LiveSnapshot, PredictionPage, PredictionQuery, Snapshot
from dashboard.feed.page_state import PageState

FILE = Path(__file__).with_name("sample.json")


@cache
def sample() -> dict[str, Any]:
    """`rows` and `parts` of a page state, `whales` by id for the drawer, and `now` in ms since 1970."""
    read: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return read


def sample_live() -> LiveSnapshot:
    """A Snapshot of that hour which holds nothing: the gallery's own renderer has it all."""
    at = datetime.fromtimestamp(sample()["now"] / 1000, UTC)
    return LiveSnapshot(Snapshot(version=1, made_at=at, started_at=at))


def sample_renderer(assets: str) -> Callable[[Snapshot], PageState]:
    """`assets` names the scripts in use, as every page is told."""
    parts = sample()["parts"]
    state = PageState(
        rows={row["id"]: row for row in sample()["rows"]},
        parts={**parts, "status": {**parts["status"], "assets": assets}},
    )
    return lambda _snapshot: state


async def sample_whale(prediction_id: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = sample()["whales"].get(prediction_id)
    return found


class NoHistory:
    """A History that is empty."""

    async def page(self, _query: PredictionQuery) -> PredictionPage:
        return PredictionPage(predictions=(), total_count=0, next_cursor=None)

    async def flows(self, _query: PredictionQuery) -> tuple[DayFlow, ...]:
        return ()

    async def one(self, _txid: str) -> Prediction | None:
        return None

    async def events_after(self, _sequence: int, _limit: int) -> tuple[Event, ...]:
        return ()

    async def events_of(self, _prediction_id: str) -> tuple[Event, ...]:
        return ()
