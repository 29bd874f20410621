"""What was predicted: a list with filters, and one with its whole life."""

import re
from typing import Any

from app.api.base import ApiHandler
from app.api.problems import Problem, bad_parameter
from app.api.query import prediction_query, refuse_unknown
from app.core.contract import forecast_body, iso, whale_body
from app.core.events import Event
from app.core.prediction import Prediction
from app.errors import ParseError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


class PredictionsHandler(ApiHandler):
    async def get(self) -> None:
        query = prediction_query(self.query())
        try:
            page = await self.parts.open_history().page(query)
        except ParseError as error:
            raise bad_parameter("cursor", "is not one that Spout gave") from error
        self.answer(
            {
                "predictions": [whale_body(prediction) for prediction in page.predictions],
                "total_count": page.total_count,
                "page_info": {
                    "limit": query.limit,
                    "has_next": page.next_cursor is not None,
                    "next_cursor": page.next_cursor,
                },
            }
        )


class PredictionHandler(ApiHandler):
    async def get(self, name: str) -> None:
        refuse_unknown(self.query(), ())
        if not _NAME.fullmatch(name):
            raise bad_parameter("txid", "must be a transaction id (64 hex digits) or a prediction_id")
        history = self.parts.open_history()
        prediction = await history.one(name.lower() if len(name) == 64 else name)
        if prediction is None:
            raise Problem(404, "not_found", f"No prediction has or had {name}")
        events = await history.events_of(prediction.prediction_id)
        self.answer(life_body(prediction, events))


def life_body(prediction: Prediction, events: tuple[Event, ...]) -> dict[str, Any]:
    """The whale, and how it came to be what it is. `events` ascending."""
    return {
        **whale_body(prediction),
        "lineage": lineage(prediction, events),
        "forecasts": [forecast_body(forecast) for forecast in prediction.forecasts],
        "first_forecast": prediction.first_forecast and forecast_body(prediction.first_forecast),
        "events": [event_body(event) for event in events],
    }


def lineage(prediction: Prediction, events: tuple[Event, ...]) -> list[dict[str, Any]]:
    """Every txid it had, oldest first; `since` and the fee are those told then, None where nothing was."""
    first_told: dict[str, Event] = {}
    for event in events:
        first_told.setdefault(str(event.body.get("txid")), event)
    chain = (*prediction.replaces, prediction.txid)
    return [_link(txid, first_told.get(txid), chain[at + 1 : at + 2]) for at, txid in enumerate(chain)]


def event_body(event: Event) -> dict[str, Any]:
    """The contract's envelope, on the stream and here alike."""
    return {
        "type": event.type.value,
        "id": event.id,
        "sequence": event.sequence,
        "timestamp": iso(event.timestamp),
        "data": event.body,
    }


def _link(txid: str, told: Event | None, following: tuple[str, ...]) -> dict[str, Any]:
    return {
        "txid": txid,
        "since": iso(told.timestamp) if told else None,
        "fee_sat": told.body.get("fee_sat") if told else None,
        "fee_rate": told.body.get("fee_rate") if told else None,
        "replaced_by": following[0] if following else None,
    }
