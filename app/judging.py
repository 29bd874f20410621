"""What decides on a whale here: the operator's threshold, the labels in force, and who forecasts."""

import structlog

from app.core.classification import Classification
from app.core.classify import classify, is_whale
from app.core.entities import Entities
from app.core.flow.peel import PeelMemory
from app.core.labels import parse_labels, parse_table
from app.core.models import Transaction
from app.core.tracking.beliefs import Judgement
from app.core.tracking.foreteller import Foreteller
from app.data import demo_labels, entities_table
from app.settings import Settings
from app.store.labels import LabelStore

DEMO_DAY = "2026-11-22"
"""When the demo's own labels were made."""
_log = structlog.get_logger(__name__)


class Labels:
    """The shipped table with the operator's own labels on top; takes them up as they change."""

    def __init__(self, *, demo: bool = False) -> None:
        shipped = parse_table(entities_table())
        self._shipped = Entities(
            (*shipped, *parse_labels(demo_labels(), today=DEMO_DAY)) if demo else shipped
        )
        self._revision: tuple[int, int] | None = None
        self.entities = self._shipped

    def classify(self, tx: Transaction, peels: PeelMemory) -> Classification:
        return classify(tx, self.entities, peels)

    async def refresh(self, store: LabelStore) -> None:
        """Read the operator's labels again if somebody changed them."""
        revision = await store.revision()
        if revision == self._revision:
            return
        own = await store.listed()
        self.entities = self._shipped.with_labels(own)
        self._revision = revision
        _log.info("labels read", own=len(own))


def judgement(settings: Settings, labels: Labels, foreteller: Foreteller) -> Judgement:
    """What decides on a whale here: the operator's threshold and labels, and who forecasts."""
    return Judgement(
        threshold=settings.whale_threshold_sat,
        classify=labels.classify,
        is_whale=is_whale,
        foreteller=foreteller,
    )
