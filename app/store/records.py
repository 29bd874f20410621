"""Predictions and events as rows, and back. Pure: no database here."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import msgspec

from app.core.contract import whale_body
from app.core.events import Event, EventType, Happening
from app.core.models import Block
from app.core.prediction import Forecast, Prediction, thinned
from app.core.units import BlockHash, Height
from app.errors import StoreError

T = TypeVar("T")

EVENT_COLUMNS: Final = "sequence, id, type, epoch_us(told_at), prediction_id, body"
"""As `event_of` reads them; times come as microseconds, which need no time zone library."""
PREDICTION_COLUMNS: Final = (
    "prediction_id, version, txid, replaces, status, flow, gross_sat, moved_sat, urgency, entities, "
    "detected_at, updated_at, ended_at, confirmed_height, record"
)
_ENCODE: Final = msgspec.json.Encoder()
_PREDICTION: Final = msgspec.json.Decoder(Prediction)
_FORECAST: Final = msgspec.json.Decoder(Forecast)
_BODY: Final = msgspec.json.Decoder(dict[str, Any])
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def numbered(happenings: Sequence[Happening], *, instance: str, after: int) -> tuple[Event, ...]:
    """Give each happening the next sequence, the first one `after + 1`."""
    return tuple(
        Event(
            type=happening.type,
            id=f"evt_{instance}_{sequence}",
            sequence=sequence,
            timestamp=happening.at,
            body=_body(happening),
            prediction_id=happening.prediction.prediction_id if happening.prediction else None,
        )
        for sequence, happening in enumerate(happenings, after + 1)
    )


def event_columns(events: Iterable[Event]) -> list[list[Any]]:
    """One list a column, as EVENT_COLUMNS has them."""
    return _columns(
        (
            event.sequence,
            event.id,
            event.type.value,
            event.timestamp,
            event.prediction_id,
            encoded(event.body),
        )
        for event in events
    )


def prediction_columns(predictions: Iterable[Prediction]) -> list[list[Any]]:
    """One list a column, as PREDICTION_COLUMNS has them."""
    return _columns(_prediction_row(prediction) for prediction in predictions)


def event_of(row: Sequence[Any]) -> Event:
    sequence, name, kind, at, prediction_id, body = row
    return Event(
        type=EventType(kind),
        id=name,
        sequence=sequence,
        timestamp=moment(at),
        body=_decoded(_BODY, body),
        prediction_id=prediction_id,
    )


def prediction_of(record: str) -> Prediction:
    """Raise StoreError if the record is not one of ours."""
    return _decoded(_PREDICTION, record)


def forecast_of(record: str) -> Forecast:
    """Raise StoreError if the record is not one of ours."""
    return _decoded(_FORECAST, record)


def block_of(row: Sequence[Any]) -> Block:
    """From hash, height, previous and the time in microseconds."""
    name, height, previous, time = row
    return Block(
        hash=BlockHash(name),
        height=Height(height),
        previous=None if previous is None else BlockHash(previous),
        time=None if time is None else moment(time),
    )


def encoded(value: object) -> str:
    return _ENCODE.encode(value).decode()


def moment(microseconds: int) -> datetime:
    return _EPOCH + (timedelta(microseconds=1) * microseconds)


def microseconds(at: datetime) -> int:
    """Since 1970, UTC."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def _body(happening: Happening) -> dict[str, Any]:
    if happening.prediction is not None:
        return whale_body(happening.prediction)
    return dict(happening.facts or {})


def _prediction_row(prediction: Prediction) -> tuple[Any, ...]:
    seen = prediction.classification
    parties = (*seen.from_entities, *seen.to_entities)
    names = {name.casefold() for party in parties for name in (party.name, party.group) if name}
    return (
        prediction.prediction_id,
        prediction.version,
        prediction.txid,
        list(prediction.replaces),
        prediction.status.value,
        seen.flow.value,
        seen.gross,
        seen.moved,
        prediction.forecast.urgency.value if prediction.forecast else None,
        sorted(names),
        prediction.detected_at,
        prediction.updated_at,
        prediction.ended_at or prediction.confirmed_at,
        prediction.confirmed_height,
        encoded(replace(prediction, forecasts=thinned(prediction.forecasts, latest=1))),
    )


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _decoded(decoder: msgspec.json.Decoder[T], text: str) -> T:
    try:
        return decoder.decode(text)
    except msgspec.DecodeError as error:
        raise StoreError(f"a stored record does not read: {error}") from error
