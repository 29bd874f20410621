"""What a page shows at one moment, as plain values; and the difference of two such moments."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.core.classification import Flow
from app.core.prediction import Outcome, Prediction, Status
from app.core.scoring import wilson
from app.views import Snapshot
from dashboard.feed.rows import Row, row_of
from dashboard.feed.states import banners, working_sources
from dashboard.format import LEVEL_WORDS, millis

Part = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageState:
    """`rows` by prediction id, newest first; `parts` by name, each sent whole when it changes."""

    rows: Mapping[str, Row]
    parts: Mapping[str, Part]


class RowBook:
    """Rows by prediction, drawn again only where the prediction is another object."""

    def __init__(self) -> None:
        self._drawn: dict[str, tuple[Prediction, Row]] = {}

    def rows(self, predictions: Iterable[Prediction]) -> dict[str, Row]:
        before, self._drawn = self._drawn, {}
        for prediction in predictions:
            drawn = before.get(prediction.prediction_id)
            if drawn is None or drawn[0] is not prediction:
                drawn = (prediction, row_of(prediction))
            self._drawn[prediction.prediction_id] = drawn
        return {key: row for key, (_, row) in self._drawn.items()}


def difference(old: PageState, new: PageState) -> dict[str, Any]:
    """Return what turns `old` into `new`; empty if nothing changed.

    `put`: whole new rows; `patch`: changed fields of known rows; `gone`: ids; other keys: parts.
    """
    put: list[Row] = []
    patch: dict[str, Row] = {}
    for key, row in new.rows.items():
        known = old.rows.get(key)
        if known is None:
            put.append(row)
        elif known is not row and known != row:
            patch[key] = {
                field: row.get(field) for field in {*row, *known} if row.get(field) != known.get(field)
            }
    change: dict[str, Any] = {name: part for name, part in new.parts.items() if old.parts.get(name) != part}
    if put:
        change["put"] = put
    if patch:
        change["patch"] = patch
    if gone := [key for key in old.rows if key not in new.rows]:
        change["gone"] = gone
    return change


def status_part(snapshot: Snapshot) -> Part:
    """The status line and the banners; memory in whole megabytes, so that its noise is no change."""
    return {
        "demo": snapshot.demo,
        "level": snapshot.level.value,
        "level_words": LEVEL_WORDS[snapshot.level],
        "since": millis(snapshot.level_since),
        "sources": working_sources(snapshot),
        "started": millis(snapshot.started_at),
        "banners": [banner.body() for banner in banners(snapshot)],
        "tip": None if snapshot.tip is None else snapshot.tip.height,
        "tip_at": millis(snapshot.tip_seen_at),
        "rss": None if snapshot.rss_mb is None else round(snapshot.rss_mb),
        "limit": snapshot.memory_limit_mb,
        "threshold": snapshot.threshold_sat,
        "price": price_part(snapshot),
    }


def price_part(snapshot: Snapshot) -> Part | None:
    """By what the page values amounts; None if off, unknown or too old."""
    price = snapshot.price
    if price is None:
        return None
    return {"currency": price.currency, "per_btc": price.per_btc, "at": millis(price.at)}


def totals_part(snapshot: Snapshot) -> Part:
    """The strip: what waits, by flow, in satoshi; the feerates; how the forecasts held that came due."""
    by_flow = dict.fromkeys(Flow, 0)
    for prediction in snapshot.pending:
        for flow, moved in amounts(prediction).items():
            by_flow[flow] += moved
    fees = snapshot.fees
    return {
        "waiting": sum(by_flow.values()),
        "whales": len(snapshot.pending),
        "by_flow": {flow.value: moved for flow, moved in by_flow.items()},
        "next_block": None if fees is None else fees.fastest,
        "hour": None if fees is None else fees.hour,
        **_held(snapshot.ended),
    }


def amounts(prediction: Prediction) -> Mapping[Flow, int]:
    """What moves, by flow: the split where one transaction is several."""
    seen = prediction.classification
    return seen.split or {seen.flow: seen.moved}


def _held(ended: Iterable[Prediction]) -> Part:
    due = [
        prediction.outcome
        for prediction in ended
        if prediction.status is Status.CONFIRMED
        and prediction.first_forecast is not None
        and prediction.outcome in {Outcome.ON_TIME, Outcome.LATE}
    ]
    held = due.count(Outcome.ON_TIME)
    return {"due": len(due), "on_time": held, "between": _between(held, len(due))}


def _between(held: int, due: int) -> tuple[float, float] | None:
    """The 95 % interval of the share, two decimals; None of nothing."""
    if due == 0:
        return None
    low, high = wilson(held, due)
    return round(low, 2), round(high, 2)
