"""Converts predictions and events to rows, and back. Pure: no database here."""

from collections.abc import Sequence
from dataclasses import MISSING, fields
from datetime import datetime, timedelta
from hashlib import blake2b, md5
from typing import Any, Final, Protocol, TypeVar

import msgspec

from app.api.models import signal_of
from app.core.events import Event, EventType, Happening
from app.core.models import Block, Input, Output
from app.core.prediction import Forecast, Prediction
from app.core.units import BlockHash, Height
from app.errors import StoreError

T = TypeVar("T")

EVENT_COLUMNS: Final = "sequence, id, type, epoch_us(told_at), prediction_id, body, whale, revision"
"""The columns that `event_of` reads; times are in microseconds, which need no time zone library."""
_ENCODE: Final = msgspec.json.Encoder()
_PREDICTION: Final = msgspec.json.Decoder(Prediction)
_FORECAST: Final = msgspec.json.Decoder(Forecast)
_BODY: Final = msgspec.json.Decoder(dict[str, Any])
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
SELDOM: Final = ("classification", "conflicts_with", "replacements", "peel_of")
"""Fields that most versions leave unchanged: stored together, once for consecutive versions."""
_DATA: Final = "6a"
"""OP_RETURN: nobody's address."""
_ELSEWHERE: Final = frozenset(
    (
        *("prediction_id", "version", "status", "detected_at", "updated_at", "confirmed_height"),
        *("tx", "replaces", "forecasts", "first_forecast"),
        *SELDOM,
    )
)
"""Fields of a prediction that are stored in columns, or once for many versions."""
_OWN: Final = tuple(one.name for one in fields(Prediction) if one.name not in _ELSEWHERE)
_DEFAULTS: Final = {one.name: one.default for one in fields(Prediction) if one.default is not MISSING}


def numbered(happenings: Sequence[Happening], *, instance: str, after: int) -> tuple[Event, ...]:
    """Give each happening the next sequence number, starting with `after + 1`."""
    return tuple(
        Event(
            type=happening.type,
            id=event_id(instance, sequence),
            sequence=sequence,
            timestamp=happening.at,
            body=_body(happening),
            prediction_id=happening.prediction.prediction_id if happening.prediction else None,
        )
        for sequence, happening in enumerate(happenings, after + 1)
    )


def life_of(prediction: Prediction, lineage: Sequence[str]) -> dict[str, Any]:
    """Return a version's own record: fields not stored elsewhere, without defaults.

    `lineage` holds at least the txids in `replaces`, in the order in which they were first added.
    """
    found: dict[str, Any] = {
        name: value
        for name in _OWN
        if (value := getattr(prediction, name)) is not _DEFAULTS.get(name, MISSING)
        and value != _DEFAULTS.get(name, MISSING)
    }
    tx = prediction.tx
    positions = [lineage.index(txid) for txid in prediction.replaces]
    found["paid"] = {
        name: value
        for name, value in (("fee", tx.fee), ("vsize", tx.vsize), ("package_feerate", tx.package_feerate))
        if value is not None
    }
    found["replaced"] = len(positions) if positions == list(range(len(positions))) else positions
    return found


def seldom_of(prediction: Prediction) -> dict[str, Any]:
    return {name: getattr(prediction, name) for name in SELDOM}


def entity_names(prediction: Prediction) -> list[str]:
    """Return the casefolded names and groups of senders and receivers."""
    seen = prediction.classification
    parties = (*seen.from_entities, *seen.to_entities)
    return sorted({name.casefold() for party in parties for name in (party.name, party.group) if name})


class _Pays(Protocol):
    """What pays from and to scripts: a transaction, or as much of it as is stored."""

    @property
    def inputs(self) -> tuple[Input, ...]: ...

    @property
    def outputs(self) -> tuple[Output, ...]: ...


def script_hashes(tx: _Pays) -> list[int]:
    """Return the hashes of the scripts that it pays from, as far as known, and to; each once, ascending."""
    scripts = (*(one.script for one in tx.inputs), *(one.script for one in tx.outputs))
    return sorted({script_hash(one) for one in scripts if one and not one.startswith(_DATA)})


def name_hash(name: str) -> int:
    """Return what DuckDB calls the lower half of its MD5: 8 bytes of a txid or an id, as a number."""
    return int.from_bytes(md5(name.encode(), usedforsecurity=False).digest()[8:], "little")


def script_hash(script: str) -> int:
    """Return the first 8 bytes of its BLAKE2b, as a number."""
    return int.from_bytes(blake2b(script.encode(), digest_size=8).digest(), "big")


def event_of(row: Sequence[Any], instance: str, reported: Prediction | None) -> Event:
    """Return the event; `reported`: the version it refers to, if the event does not hold its own body."""
    sequence, name, kind, at, prediction_id, body, *_ = row
    if body is None and reported is None:
        raise StoreError(f"event {sequence} was told of a version that is not stored")
    return Event(
        type=EventType(kind),
        id=name or event_id(instance, sequence),
        sequence=sequence,
        timestamp=moment(at),
        body=_decoded(_BODY, body) if reported is None else signal_of(reported, reported.price).body(),
        prediction_id=prediction_id,
    )


def event_id(instance: str, sequence: int) -> str:
    return f"evt_{instance}_{sequence}"


def prediction_before_4(record: str) -> Prediction:
    """Read a record of schemas 1 to 3. Raises StoreError if it is invalid."""
    return _decoded(_PREDICTION, _with_new_names(record))


def forecast_before_4(record: str) -> Forecast:
    """Read a record of schema 3. Raises StoreError if it is invalid."""
    return _decoded(_FORECAST, _with_new_names(record))


def _with_new_names(record: str) -> str:
    """Rename a field of old records; within a JSON string its quotation marks would be escaped."""
    return record.replace('"unstraightened":', '"raw":')


def block_of(row: Sequence[Any]) -> Block:
    """Return the block from hash, height, previous hash and the time in microseconds."""
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
    """Return microseconds since 1970, UTC."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def _body(happening: Happening) -> dict[str, Any]:
    if happening.prediction is not None:
        return signal_of(happening.prediction, happening.prediction.price).body()
    return dict(happening.facts or {})


def _decoded(decoder: msgspec.json.Decoder[T], text: str) -> T:
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"a stored record does not read: {error}") from error
