"""Builds the policy for whales from threshold, labels in force and forecast source."""

import asyncio
from collections.abc import Sequence
from functools import lru_cache

import structlog

from app.core.classification import Classification
from app.core.flow import Entities, Label, PeelMemory, classify, is_whale, parse_labels, parse_table
from app.core.models import Transaction
from app.core.tracking import ForecastSource, WhalePolicy
from app.data import demo_labels, entities_table
from app.settings import Settings
from app.store import LabelStore

DEMO_DAY = "2026-11-22"
"""The date of the demo's own labels."""
_log = structlog.get_logger(__name__)


class LabelsInForce:
    """The shipped table with the operator's own labels on top; reloads these when they change."""

    def __init__(self, *, demo: bool = False) -> None:
        self._shipped = _shipped(demo=demo)
        self._revision: tuple[int, int] | None = None
        self.entities = self._shipped

    def classify(self, tx: Transaction, peels: PeelMemory) -> Classification:
        return classify(tx, self.entities, peels)

    async def refresh(self, store: LabelStore) -> None:
        """Reload the operator's labels if the store has a new revision."""
        revision = await store.revision()
        if revision == self._revision:
            return
        own = [label async for part in store.in_parts() for label in part]
        # On another thread: an import may bring 100,000 of them, which takes a second of processor.
        self.entities = await asyncio.to_thread(self._with, own)
        self._revision = revision
        _log.info("labels read", own=len(own))

    def _with(self, own: Sequence[Label]) -> Entities:
        """Return what is in force already where only keys or settings have changed. Blocking."""
        return self.entities if tuple(own) == self.entities.own else self._shipped.with_labels(own)


@lru_cache(maxsize=1)
def _shipped(*, demo: bool) -> Entities:
    """Return the shipped table, read once: an engine that takes another one's place has the same."""
    table = parse_table(entities_table())
    return Entities((*table, *parse_labels(demo_labels(), today=DEMO_DAY)) if demo else table)


def make_whale_policy(
    settings: Settings, labels: LabelsInForce, forecast_source: ForecastSource
) -> WhalePolicy:
    """Build the policy from the operator's threshold, the labels in force and the forecast source."""
    return WhalePolicy(
        threshold=settings.whale_threshold_sat,
        classify=labels.classify,
        is_whale=is_whale,
        forecast_source=forecast_source,
    )
