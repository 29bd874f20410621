"""In-memory doubles at the borders of the API: keys, history."""

import asyncio
from collections.abc import Iterable

from app.core.access import ApiKey, Scope
from app.core.events import Event
from app.core.prediction import Prediction
from app.errors import ParseError
from app.views import DayFlow, PredictionPage, PredictionQuery


class DictKeys:
    def __init__(self, **keys: Scope) -> None:
        self._keys = {text: ApiKey(id=f"id-{text}", name=text, scope=scope) for text, scope in keys.items()}

    async def find(self, key: str) -> ApiKey | None:
        return self._keys.get(key)

    async def is_revoked(self, key_id: str) -> bool:
        return all(key.id != key_id for key in self._keys.values())

    def revoke(self, key: str) -> None:
        del self._keys[key]


class ListHistory:
    """Pages by position, as the cursor; keeps the queries it was asked."""

    def __init__(self, predictions: Iterable[Prediction] = (), events: Iterable[Event] = ()) -> None:
        self.predictions = list(predictions)
        self.events = list(events)
        self.asked: list[PredictionQuery] = []

    async def page(self, query: PredictionQuery) -> PredictionPage:
        self.asked.append(query)
        if query.cursor is not None and not query.cursor.isdigit():
            raise ParseError("not a cursor")
        start = int(query.cursor or 0)
        end = start + query.limit
        return PredictionPage(
            predictions=tuple(self.predictions[start:end]),
            total_count=len(self.predictions),
            next_cursor=str(end) if end < len(self.predictions) else None,
        )

    async def flows(self, query: PredictionQuery) -> tuple[DayFlow, ...]:
        self.asked.append(query)
        return ()

    async def one(self, txid: str) -> Prediction | None:
        for prediction in self.predictions:
            if txid in {prediction.txid, prediction.prediction_id, *prediction.replaces}:
                return prediction
        return None

    async def events_after(self, sequence: int, limit: int) -> tuple[Event, ...]:
        await asyncio.sleep(0)
        return tuple(event for event in self.events if event.sequence > sequence)[:limit]

    async def events_of(self, prediction_id: str) -> tuple[Event, ...]:
        return tuple(event for event in self.events if event.prediction_id == prediction_id)
