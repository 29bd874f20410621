"""What quiet hours or a budget held back, summed up in one message."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from app.core.alerts.phrases import amount, route
from app.core.alerts.phrases import moved as moved_words
from app.core.alerts.wording import title_of
from app.core.classification import counted_sat
from app.core.contract import iso
from app.core.events import Event, EventType
from app.core.units import Sats

_MOST_IDS: Final = 100
_NAMED: Final = 5


def summary_of(type_: EventType, held: Sequence[Event], start: datetime, end: datetime) -> dict[str, Any]:
    """Return the facts of a digest or summary of the events held back in [start, end).

    A whale counts once, as it was last: `moved_sat` sums over whales, not over events.
    """
    whales: dict[str, Mapping[str, Any]] = {}
    others = list[str]()
    for event in held:
        if event.prediction_id is None:
            others.append(title_of(event.type, event.body))
        else:
            whales[event.prediction_id] = event.body
    moved = sum(body.get("moved_sat") or 0 for body in whales.values())
    return {
        "start": iso(start),
        "end": iso(end),
        "count": len(held),
        "moved_sat": moved,
        "prediction_ids": [*whales][:_MOST_IDS],
        "words": _words(type_, whales, others, Sats(moved), len(held)),
    }


def _words(
    type_: EventType, whales: Mapping[str, Mapping[str, Any]], others: list[str], moved: Sats, count: int
) -> str:
    because = "in quiet hours" if type_ is EventType.ALERT_DIGEST else "over the hourly budget"
    lines = [f"{count} {'alert' if count == 1 else 'alerts'} held back {because}"]
    if whales:
        named = "1 whale" if len(whales) == 1 else f"{len(whales)} whales"
        lines.append(f"{named}, {amount(moved)} BTC together")
        largest = sorted(whales.values(), key=counted_sat, reverse=True)[:_NAMED]
        lines += [f"{moved_words(body)} {route(body)}" for body in largest if moved_words(body)]
        if len(whales) > _NAMED:
            lines.append(f"and {len(whales) - _NAMED} more")
    if others:
        lines.append(f"{len(others)} about Spout itself or the fee market")
        titles = list(dict.fromkeys(others))
        lines += titles[:_NAMED]
        if len(titles) > _NAMED:
            lines.append(f"and {len(titles) - _NAMED} more")
    return "\n".join(lines)
