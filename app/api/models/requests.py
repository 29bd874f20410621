"""What routes and sockets are asked: queries, bodies, messages of the stream."""

from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any, Self, TypeVar

from pydantic import BeforeValidator, Field, SkipValidation, WithJsonSchema, model_validator

from app.api.models.deliveries import DeliveryStatus
from app.api.models.given import (
    GivenAddress,
    GivenBtc,
    GivenCursor,
    GivenDays,
    GivenEnd,
    GivenFlow,
    GivenLimit,
    GivenName,
    GivenOrder,
    GivenPeriod,
    GivenStart,
    GivenStatus,
    GivenTxid,
    GivenUrgency,
    choice,
)
from app.api.models.kinds import Request, whole
from app.core.classification import Flow
from app.core.events import TO_ONE_ENDPOINT, EventType
from app.core.prediction import Status
from app.core.units import SATS_PER_BTC
from app.views import Order, PredictionQuery

DEFAULT_PAGE = 100
_MOST_CHOICES = 50
T = TypeVar("T")


class NoQuery(Request):
    """A route that takes no parameters."""


class StatisticsQuery(Request):
    """The query of `GET /api/v1/statistics`; whole periods that the dates touch."""

    period: GivenPeriod = Field(default=None, description="daily unless given")
    start_date: GivenStart = Field(default=None, description="without a zone, UTC")
    end_date: GivenEnd = Field(default=None, description="now unless given; a bare date counts whole")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start_date and self.end_date and self.end_date <= self.start_date:
            raise ValueError("end_date must be after start_date")
        return self


class CorrelationQuery(Request):
    """The query of `GET /api/v1/correlation`."""

    days: GivenDays = None


class ExportFilters(Request):
    """The query of `GET /api/v1/predictions.csv` and `.parquet`."""

    status: GivenStatus = None
    flow_type: GivenFlow = None
    min_btc_value: GivenBtc = Field(default=None, description="moved, in BTC, at most 8 decimals")
    min_urgency: GivenUrgency = Field(default=None, description="this or more urgent")
    entity: GivenName = Field(default=None, description="a sender's or receiver's name")
    txid: GivenTxid = Field(default=None, description="that it has or had")
    address: GivenAddress = Field(
        default=None, description="that it pays from or to, in any of its transactions"
    )
    start_date: GivenStart = Field(default=None, description="detected then or later; without a zone, UTC")
    end_date: GivenEnd = Field(default=None, description="detected before then; a bare date counts whole")
    as_of: GivenStart = Field(default=None, description="what was believed at that moment")
    sort: GivenOrder = Field(default=None, description="by what field; with - the greatest first")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start_date and self.end_date and self.end_date <= self.start_date:
            raise ValueError("end_date must be after start_date")
        return self

    def query(self) -> PredictionQuery:
        """Return what it asks of the history."""
        amount = self.min_btc_value
        return PredictionQuery(
            status=self.status,
            flow=self.flow_type,
            txid=self.txid,
            script=self.address,
            min_moved_sat=None if amount is None else int(amount * SATS_PER_BTC),
            min_urgency=self.min_urgency,
            entity=self.entity,
            start=self.start_date,
            end=self.end_date,
            as_of=self.as_of,
            order=self.sort or Order(),
        )


class PredictionFilters(ExportFilters):
    """The query of `GET /api/v1/predictions`."""

    limit: GivenLimit = None
    cursor: GivenCursor = Field(default=None, description="next_cursor of the page before, same sort")

    def query(self) -> PredictionQuery:
        """Return what it asks of the history."""
        return replace(super().query(), limit=self.limit or DEFAULT_PAGE, cursor=self.cursor)


class DeliveryFilters(Request):
    """The query of `GET /api/v1/deliveries`."""

    endpoint_id: GivenName = Field(default=None, description="of one endpoint")
    status: Annotated[DeliveryStatus | None, BeforeValidator(choice(DeliveryStatus))] = None
    since: GivenStart = Field(default=None, description="made then or later; without a zone, UTC")
    limit: GivenLimit = None
    cursor: GivenCursor = Field(default=None, description="next_cursor of the page before")


def _key(raw: object) -> object:
    if raw is not None and not (isinstance(raw, str) and raw.isascii() and raw.isprintable()):
        raise ValueError("must be the text of an API key")
    return raw


class TokenRequest(Request):
    """The body of `POST /api/v1/tokens`."""

    key: Annotated[str | None, BeforeValidator(_key)] = Field(
        default=None, description="instead of a header", json_schema_extra={"writeOnly": True}
    )


def _one_or_many(kinds: Any, never: frozenset[Any] = frozenset()) -> Any:  # noqa: ANN401 - a StrEnum
    one = choice(kinds, never)

    def read(raw: object) -> object:
        if raw is None:
            return None
        values = raw if isinstance(raw, list) else [raw]
        if not all(isinstance(value, str) for value in values) or len(values) > _MOST_CHOICES:
            raise ValueError("must be a text or a list of texts")
        return tuple(one(value) for value in values)

    return BeforeValidator(read)


def _words(kinds: type[StrEnum], never: frozenset[StrEnum] = frozenset()) -> WithJsonSchema:
    one = {"type": "string", "enum": [kind.value for kind in kinds if kind not in never]}
    many = {"type": "array", "items": one, "maxItems": _MOST_CHOICES}
    return WithJsonSchema({"anyOf": [one, many, {"type": "null"}]})


_ONE_OR_MANY = "one or a list, letters in any case; null: all"


class Subscription(Request):
    """`subscribe` of a message to the stream; each of the first three is one value or a list."""

    types: Annotated[
        tuple[EventType, ...] | None,
        _one_or_many(EventType, TO_ONE_ENDPOINT),
        _words(EventType, TO_ONE_ENDPOINT),
    ] = Field(default=None, description=_ONE_OR_MANY)
    status: Annotated[tuple[Status, ...] | None, _one_or_many(Status), _words(Status)] = Field(
        default=None, description=_ONE_OR_MANY
    )
    flow_type: Annotated[tuple[Flow, ...] | None, _one_or_many(Flow), _words(Flow)] = Field(
        default=None, description=_ONE_OR_MANY
    )
    min_btc_value: GivenBtc = Field(
        default=None, description="moved, in BTC, at most 8 decimals; null: any amount"
    )
    min_urgency: GivenUrgency = Field(default=None, description="this or more urgent; null: any")
    entity: GivenName = Field(default=None, description="a sender's or receiver's name; null: all")


def _sequence(given: object) -> object:
    raw = whole(given)
    if raw is not None and (isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw < 2**63):
        raise ValueError("must be the sequence of an event, or 0 for all that is stored")
    return raw


def _never_null(schema: dict[str, Any]) -> None:
    """None stands for what was left out; null itself is refused."""
    del schema["default"]
    (kind,) = (one for one in schema.pop("anyOf") if one.get("type") != "null")
    schema |= kind


class StreamMessage(Request):
    """What a client of the stream may say.

    Neither credential nor filter is read here: a credential of another kind is a wrong one, which is counted,
    and what is wrong with a filter is said by its own names.
    """

    token: SkipValidation[str | None] = Field(default=None, description="a token; null: none")
    key: SkipValidation[str | None] = Field(
        default=None, description="an API key, where there is no token; null: none"
    )
    subscribe: SkipValidation[Subscription | None] = Field(default=None, json_schema_extra=_never_null)
    after: Annotated[
        int | None,
        BeforeValidator(_sequence),
        WithJsonSchema({"type": ["integer", "null"], "minimum": 0, "maximum": 2**63 - 1}),
    ] = Field(default=None, description="the last sequence that was heard, 0: all; null: from now on")
