"""The filters of the API, from text to typed: what cannot be meant is refused by name. Pure."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

from app.api.problems import Problem, bad_parameter
from app.core.classification import Flow
from app.core.prediction import Status, Urgency
from app.core.units import SATS_PER_BTC
from app.views import PredictionQuery

FILTERS = (
    "status",
    "flow_type",
    "min_btc_value",
    "min_urgency",
    "entity",
    "start_date",
    "end_date",
    "limit",
    "cursor",
)
MOST = 1_000
_SATOSHI = Decimal("0.00000001")
_LONGEST_ENTITY = 100
_LONGEST_CURSOR = 500
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_SPACE_FOR_PLUS = re.compile(r"(T[\d:.]+) (\d{2}:?\d{2})")

Choice = TypeVar("Choice", bound=StrEnum)


def prediction_query(told: Mapping[str, str]) -> PredictionQuery:
    """Return what `GET /api/v1/predictions` asks for; an empty value counts as not given.

    Raises:
        Problem: 400, naming the parameter that is unknown or cannot be meant.
    """
    refuse_unknown(told, FILTERS)
    asked = {name: value for name, value in told.items() if value != ""}
    query = PredictionQuery(
        status=choice("status", asked.get("status"), Status),
        flow=choice("flow_type", asked.get("flow_type"), Flow),
        min_moved_sat=btc_to_sats("min_btc_value", asked.get("min_btc_value")),
        min_urgency=choice("min_urgency", asked.get("min_urgency"), Urgency),
        entity=entity_name(asked.get("entity")),
        start=moment("start_date", asked.get("start_date")),
        end=moment("end_date", asked.get("end_date"), whole_day=True),
        limit=count("limit", asked.get("limit"), 100, MOST),
        cursor=_cursor(asked.get("cursor")),
    )
    if query.start and query.end and query.end <= query.start:
        raise bad_parameter("end_date", "must be after start_date")
    return query


def refuse_unknown(told: Iterable[str], known: Iterable[str]) -> None:
    """Raises Problem (400) for the first name that is not known."""
    known = tuple(known)
    for name in told:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "known are " + ", ".join(known)
            raise Problem(400, "unknown_parameter", f"{name[:50]!r} is not a parameter here: {hint}")


def choice(name: str, text: str | None, choices: type[Choice]) -> Choice | None:
    if text is None:
        return None
    try:
        return choices(text.lower())
    except ValueError:
        raise bad_parameter(name, "must be one of " + ", ".join(choices)) from None


def btc_to_sats(name: str, text: str | None) -> int | None:
    """Decimal BTC to satoshi, exactly; at most 8 decimals."""
    if text is None:
        return None
    words = "must be an amount of BTC from 0 to 21000000, with at most 8 decimals"
    try:
        amount = Decimal(text) if len(text) <= 40 else Decimal("NaN")
        exact = 0 <= amount <= 21_000_000 and amount == amount.quantize(_SATOSHI)
    except ArithmeticError:
        raise bad_parameter(name, words) from None
    if not exact:
        raise bad_parameter(name, words)
    return int(amount.quantize(_SATOSHI) * SATS_PER_BTC)


def count(name: str, text: str | None, default: int, most: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= most):
        raise bad_parameter(name, f"must be a whole number from 1 to {most}")
    return int(text)


def moment(name: str, text: str | None, *, whole_day: bool = False) -> datetime | None:
    """ISO 8601; without a zone it is UTC. A bare date is its first moment (`whole_day`: the next day's)."""
    if text is None:
        return None
    try:
        if _DAY.fullmatch(text):
            day = datetime.combine(date.fromisoformat(text), time(tzinfo=UTC))
            return day + timedelta(days=1) if whole_day else day
        # A plus sign that was not escaped arrives as a space.
        told = datetime.fromisoformat(_SPACE_FOR_PLUS.sub(r"\1+\2", text))
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise bad_parameter(
            name, "must be a date or time in ISO 8601, like 2026-11-22 or 2026-11-22T10:00:00Z"
        ) from None


def entity_name(text: str | None) -> str | None:
    if text is None:
        return None
    if len(text) > _LONGEST_ENTITY or not text.isprintable() or not text.strip():
        raise bad_parameter("entity", f"must be a name of at most {_LONGEST_ENTITY} characters")
    return text.strip()


def _cursor(text: str | None) -> str | None:
    if text is not None and (len(text) > _LONGEST_CURSOR or not text.isascii() or not text.isprintable()):
        raise bad_parameter("cursor", "is not one that Spout gave")
    return text
