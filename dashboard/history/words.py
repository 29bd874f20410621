"""What the History page says of a search, in words and rows. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from urllib.parse import urlencode

from app.core.classification import Flow
from app.core.prediction import Prediction, Status, Urgency
from app.views import DayFlow, SortKey
from dashboard.components import Column
from dashboard.feed.rows import row_of
from dashboard.format import FLOW_MARKS, FLOW_WORDS, amount, count

COLUMNS = (
    Column(field=SortKey.MOVED.value, title="Moves"),
    Column(field=SortKey.DETECTED.value, title="First seen", kind="time"),
    Column(field=SortKey.FLOW.value, title="Flow"),
    Column(field="parties", title="Who", sortable=False),
    Column(field=SortKey.STATUS.value, title="Became"),
    Column(field=SortKey.URGENCY.value, title="Urgency"),
    Column(field=SortKey.CONFIRMED.value, title="Block", kind="num"),
)
LABELS = {
    "start_date": ("From", "first seen that day or later (UTC)"),
    "end_date": ("To", "that day included"),
    "status": ("Status", ""),
    "flow_type": ("Flow", ""),
    "min_btc_value": ("At least", "BTC moved"),
    "min_urgency": ("Urgency", "this or more urgent"),
    "entity": ("Name", "of a sender or receiver"),
    "txid": ("Transaction id", "a replaced one too"),
    "address": ("Address", "it pays from or to"),
    "as_of": ("As known at", "what Spout knew then"),
}
"""The filters in their order on the page, with label and hint; the names are the API's."""
_OF_CHOICES = {"status": Status, "flow_type": Flow, "min_urgency": Urgency}
Amounts = Mapping[Flow, int]


def choices() -> dict[str, dict[str, str]]:
    """The words for each value that can be chosen, by filter; "" is any."""
    words: dict[str, dict[str, str]] = {
        name: {one.value: one.value for one in kinds} | {"": "any"} for name, kinds in _OF_CHOICES.items()
    }
    words["flow_type"] |= {flow.value: f"{FLOW_MARKS[flow]} {FLOW_WORDS[flow]}" for flow in Flow}
    return words


def by_day(flows: Sequence[DayFlow]) -> dict[date, Amounts]:
    """Satoshi by day and flow, oldest first."""
    days: defaultdict[date, dict[Flow, int]] = defaultdict(lambda: dict.fromkeys(Flow, 0))
    for one in flows:
        days[one.day][one.flow] += one.moved_sat
    return dict(sorted(days.items()))


def sentence(flows: Sequence[DayFlow], as_of: datetime | None) -> str:
    """How many whales there are, what they move, and to and from exchanges."""
    whales = sum(one.count for one in flows)
    then = "" if as_of is None else f"What Spout knew on {as_of:%Y-%m-%d at %H:%M} UTC: "
    if not whales:
        return f"{then}{'no' if then else 'No'} whale matches."
    total = sum(one.moved_sat for one in flows)
    verb = "moves" if whales == 1 else "move"
    return f"{then}{count(whales, 'whale')} {verb} {amount(total)} BTC."


def beside(flows: Sequence[DayFlow]) -> str:
    into, out = _sum(flows, Flow.INFLOW), _sum(flows, Flow.OUTFLOW)
    if not into and not out:
        return ""
    net = into - out
    way = "into exchanges" if net > 0 else "out of exchanges"
    return f"{amount(into)} BTC to exchanges, {amount(out)} from them: net {amount(abs(net))} {way}."


def chart_words(days: Mapping[date, Amounts]) -> str:
    if not days:
        return "Nothing to draw."
    return (
        "By day of first sight (UTC), whatever became of it; below zero: from exchanges. The line is net: to "
        "exchanges less from them. Draw across some days to see them alone, or type them above."
    )


def chart_rows(days: Mapping[date, Amounts]) -> list[list[str]]:
    """Newest first: day, each flow, net."""
    return [
        [day.isoformat(), *(amount(moved[flow]) for flow in Flow), amount(net_of(moved))]
        for day, moved in reversed(list(days.items()))
    ]


def chart_head() -> list[str]:
    return ["Day", *(FLOW_WORDS[flow] for flow in Flow), "Net"]


def net_of(moved: Amounts) -> int:
    return moved[Flow.INFLOW] - moved[Flow.OUTFLOW]


def row(whale: Prediction) -> list[str | None]:
    """Cells in the order of COLUMNS."""
    line = row_of(whale)
    flow = whale.classification.flow
    return [
        f"{amount(whale.classification.moved)} BTC",
        whale.detected_at.isoformat(),
        f"{FLOW_MARKS[flow]} {FLOW_WORDS[flow]}",
        _parties(line["from"], line["to"]),
        line.get("words", "waiting"),
        line["urgency"],
        "" if whale.confirmed_height is None else f"{whale.confirmed_height:,}",
    ]


def file_links(filters: Mapping[str, str]) -> list[list[str]]:
    """Links to the export of what these filters let through: text, address, label."""
    asked = urlencode({name: value for name, value in filters.items() if value})
    query = f"?{asked}" if asked else ""
    return [
        [text, f"./api/v1/predictions.{kind}{query}", f"All that is filtered as {text}"]
        for text, kind in (("CSV", "csv"), ("Parquet", "parquet"))
    ]


def _parties(source: str | None, target: str | None) -> str | None:
    if source is None and target is None:
        return None
    return f"{source or 'unknown'} → {target or 'unknown'}"


def _sum(flows: Sequence[DayFlow], flow: Flow) -> int:
    return sum(one.moved_sat for one in flows if one.flow is flow)
