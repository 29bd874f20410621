"""Predictions: a filtered list, and one with its events."""

import re
from typing import ClassVar

from app.api.accuracy import outcome_of
from app.api.base import ApiHandler
from app.api.models import Event as EventShape
from app.api.models import Link, PageInfo, PredictionLife, PredictionPage, revision_of, signal_of
from app.api.problems import Problem, bad_parameter
from app.api.query import prediction_query
from app.core.events import Event
from app.core.prediction import Prediction
from app.core.prices import Price
from app.errors import ParseError
from app.views import PredictionPage as Page

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


class PredictionsHandler(ApiHandler):
    QUERIES: ClassVar[frozenset[str]] = frozenset(("GET",))
    REVALIDATED = True

    async def get(self) -> None:
        query = prediction_query(self.query())
        try:
            page = await self.parts.open_history().page(query)
        except ParseError as error:
            raise bad_parameter("cursor", "is not one that Spout gave") from error
        price = self.parts.live.snapshot.price
        prices = [price if query.as_of is None else one.price for one in page.predictions]
        await self.answer_from_thread(lambda: self._shown(page, prices, query.limit))

    def _shown(self, page: Page, prices: list[Price | None], limit: int) -> PredictionPage | str:
        info = PageInfo(limit=limit, has_next=page.next_cursor is not None, next_cursor=page.next_cursor)
        shape = PredictionPage(predictions=[], total_count=page.total_count, page_info=info)
        if page.digests and not self.parts.demo:
            return self.parts.texts.page(zip(page.predictions, page.digests, prices, strict=True), shape)
        whales = [signal_of(one, price) for one, price in zip(page.predictions, prices, strict=True)]
        return shape.model_copy(update={"predictions": whales})


class PredictionHandler(ApiHandler):
    REVALIDATED = True

    async def get(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise bad_parameter("txid", "must be a transaction id (64 hex digits) or a prediction_id")
        history = self.parts.open_history()
        prediction = await history.one(name.lower() if len(name) == 64 else name)
        if prediction is None:
            raise Problem(404, "not_found", f"No prediction has or had {name}")
        events = await history.events_of(prediction.prediction_id)
        self.answer(life_of(prediction, events, self.parts.live.snapshot.price))


def life_of(prediction: Prediction, events: tuple[Event, ...], price: Price | None = None) -> PredictionLife:
    """Return the whale with its lineage and events, ascending."""
    first = prediction.first_forecast
    return PredictionLife(
        **dict(signal_of(prediction, price)),
        lineage=lineage(prediction, events),
        forecasts=[revision_of(forecast) for forecast in prediction.forecasts],
        first_forecast=None if first is None else revision_of(first),
        outcome_detail=outcome_of(prediction),
        events=[event_shape(event) for event in events],
    )


def lineage(prediction: Prediction, events: tuple[Event, ...]) -> list[Link]:
    """Return every txid it had, oldest first; `since` and fee as of its first event, None without one."""
    first_event: dict[str, Event] = {}
    for event in events:
        first_event.setdefault(str(event.body.get("txid")), event)
    chain = (*prediction.replaces, prediction.txid)
    return [_link(txid, first_event.get(txid), chain[at + 1 : at + 2]) for at, txid in enumerate(chain)]


def event_shape(event: Event) -> EventShape:
    """Return the contract's envelope, the same as on the stream."""
    return EventShape(
        type=event.type, id=event.id, sequence=event.sequence, timestamp=event.timestamp, data=event.body
    )


def _link(txid: str, cause: Event | None, following: tuple[str, ...]) -> Link:
    return Link(
        txid=txid,
        since=cause.timestamp if cause else None,
        fee_sat=cause.body.get("fee_sat") if cause else None,
        fee_rate=cause.body.get("fee_rate") if cause else None,
        replaced_by=following[0] if following else None,
    )
