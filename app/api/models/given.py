"""The kinds of text that requests give, each refused in words that say what it must be."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, WithJsonSchema

from app.api.models.kinds import AMOUNT, GIVEN_MOMENT, is_written_moment
from app.core.classification import Flow
from app.core.encoding import script_of
from app.core.prediction import Status, Urgency
from app.core.scoring import Period
from app.core.units import Script
from app.errors import ParseError
from app.views import Order, SortKey

MOST = 1_000
"""Predictions on a page."""
_SATOSHI = Decimal("0.00000001")
_LONGEST_NAME = 100
_LONGEST_CURSOR = 500
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_AMOUNT_TEXT = re.compile(AMOUNT)
_TXID = re.compile(r"[0-9a-f]{64}")
_SPACE_FOR_PLUS = re.compile(r"(T[\d:.]+) (\d{2}:?\d{2})")
_BTC_WORDS = "must be an amount of BTC from 0 to 21000000, with at most 8 decimals"
_TIME_WORDS = "must be a date or time in ISO 8601, like 2026-11-22 or 2026-11-22T10:00:00Z"

_ORDERS = {
    str(one): one for one in (Order(key, descending) for key in SortKey for descending in (True, False))
}

Choice = TypeVar("Choice", bound=StrEnum)


def choice(kinds: type[Choice], never: frozenset[Choice] = frozenset()) -> Callable[[Any], Choice | None]:
    """One of them but `never`, in any case of letters."""
    taken = {kind.value: kind for kind in kinds if kind not in never}

    def read(raw: object) -> Choice | None:
        try:
            return None if raw is None else taken[str(raw).lower()]
        except KeyError:
            raise ValueError("must be one of " + ", ".join(taken)) from None

    return read


def btc(raw: object) -> Decimal | None:
    """Exactly; a text or a number."""
    if raw is None:
        return None
    text = _number_text(raw)
    try:
        amount = Decimal(text) if len(text) <= 40 else Decimal("NaN")
        exact = 0 <= amount <= 21_000_000 and amount == amount.quantize(_SATOSHI)
    except ArithmeticError:
        raise ValueError(_BTC_WORDS) from None
    if not exact:
        raise ValueError(_BTC_WORDS)
    return amount


def whole_number(least: int, most: int) -> Callable[[Any], int | None]:
    def read(raw: object) -> int | None:
        if raw is None:
            return None
        text = str(raw)
        if not (text.isascii() and text.isdigit() and len(text) <= 9 and least <= int(text) <= most):
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return read


def moment(raw: object, *, whole_day: bool = False) -> datetime | None:
    """ISO 8601; without a zone it is UTC. A bare date is its first moment (`whole_day`: the next day's)."""
    if raw is None:
        return None
    # RFC 3339 takes t and z too; a plus sign that was not escaped arrives as a space.
    text = _SPACE_FOR_PLUS.sub(r"\1+\2", str(raw).upper())
    is_day = _DAY.fullmatch(text) is not None
    if not is_day and not is_written_moment(text):
        raise ValueError(_TIME_WORDS)
    try:
        if is_day:
            day = datetime.combine(date.fromisoformat(text), time(tzinfo=UTC))
            return _after(day) if whole_day else day
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(_TIME_WORDS) from None


def _after(day: datetime) -> datetime:
    """The first moment of the next day; the calendar's last day has none after it."""
    return datetime.max.replace(tzinfo=UTC) if day.date() == date.max else day + timedelta(days=1)


def end_of(raw: object) -> datetime | None:
    return moment(raw, whole_day=True)


def name(raw: object) -> str | None:
    if raw is None:
        return None
    text = raw if isinstance(raw, str) else ""
    if len(text) > _LONGEST_NAME or not text.isprintable() or not text.strip():
        raise ValueError(f"must be a name of at most {_LONGEST_NAME} characters")
    return text.strip()


def cursor(raw: object) -> str | None:
    if raw is None:
        return None
    text = str(raw)
    if len(text) > _LONGEST_CURSOR or not text.isascii() or not text.isprintable():
        raise ValueError("is not one that Spout gave")
    return text


def _number_text(raw: object) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal):
        raise ValueError("must be a text or a number")  # noqa: TRY004 - pydantic turns ValueError into words
    if isinstance(raw, str) and not _AMOUNT_TEXT.fullmatch(raw):
        raise ValueError(_BTC_WORDS)
    return str(raw)


def txid(raw: object) -> str | None:
    if raw is None:
        return None
    text = str(raw).strip().lower()
    if not _TXID.fullmatch(text):
        raise ValueError("must be a transaction id: 64 hex digits")
    return text


def script(raw: object) -> Script | None:
    """An address of any network as its script."""
    if raw is None:
        return None
    try:
        return script_of(str(raw).strip())
    except ParseError:
        raise ValueError("must be a Bitcoin address") from None


def order(raw: object) -> Order | None:
    if raw is None:
        return None
    try:
        return _ORDERS[str(raw).lower()]
    except KeyError:
        raise ValueError("must be one of " + ", ".join(_ORDERS)) from None


_AMOUNT: dict[str, Any] = {
    "type": ["string", "number", "null"],
    "pattern": AMOUNT,
    "minimum": 0,
    "maximum": 21_000_000,
    "description": "BTC, from 0 to 21000000, at most 8 decimals",
}
GivenPeriod = Annotated[Period | None, BeforeValidator(choice(Period))]
GivenDays = Annotated[
    int | None,
    BeforeValidator(whole_number(1, 90)),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 90, "default": 30}),
]
GivenStatus = Annotated[Status | None, BeforeValidator(choice(Status))]
GivenFlow = Annotated[Flow | None, BeforeValidator(choice(Flow))]
GivenUrgency = Annotated[Urgency | None, BeforeValidator(choice(Urgency))]
GivenBtc = Annotated[Decimal | None, BeforeValidator(btc), WithJsonSchema(_AMOUNT)]
GivenName = Annotated[
    str | None,
    BeforeValidator(name),
    WithJsonSchema(
        {"type": ["string", "null"], "minLength": 1, "maxLength": _LONGEST_NAME, "pattern": r"\S"}
    ),
]
GivenTxid = Annotated[
    str | None,
    BeforeValidator(txid),
    WithJsonSchema({"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}),
]
GivenAddress = Annotated[Script | None, BeforeValidator(script), WithJsonSchema({"type": "string"})]
GivenOrder = Annotated[
    Order | None,
    BeforeValidator(order),
    WithJsonSchema({"type": "string", "enum": list(_ORDERS), "default": str(Order())}),
]
GivenCursor = Annotated[str | None, BeforeValidator(cursor)]
GivenStart = Annotated[datetime | None, BeforeValidator(moment), WithJsonSchema(GIVEN_MOMENT)]
GivenEnd = Annotated[datetime | None, BeforeValidator(end_of), WithJsonSchema(GIVEN_MOMENT)]
GivenLimit = Annotated[
    int | None,
    BeforeValidator(whole_number(1, MOST)),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST, "default": 100}),
]
