"""Flow over time: what confirmed, by flow and window, and one sentence about it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.classification import Flow
from app.core.prediction import Prediction
from dashboard.feed.page_state import amounts
from dashboard.feed.past import MovedAmounts
from dashboard.format import amount

MINUTE = 60
HOUR = 3_600


@dataclass(frozen=True, slots=True)
class FlowWindow:
    """`step` seconds a bar, `bars` of them, the last one still filling."""

    name: str
    words: str
    step: int
    bars: int

    def start(self, now: float) -> int:
        """Seconds since 1970, on a multiple of `step`."""
        return (int(now) // self.step - self.bars + 1) * self.step


WINDOWS = (
    FlowWindow("1h", "the last hour", 5 * MINUTE, 12),
    FlowWindow("6h", "the last 6 hours", 15 * MINUTE, 24),
    FlowWindow("24h", "the last 24 hours", HOUR, 24),
    FlowWindow("7d", "the last 7 days", 6 * HOUR, 28),
)


def flow_part(past: Iterable[MovedAmounts], now: datetime) -> dict[str, Any]:
    """Satoshi confirmed by window, flow and bar; `start` and `step` in ms."""
    moment = now.timestamp()
    entries = list(past)
    return {"windows": {window.name: _bars(window, entries, moment) for window in WINDOWS}}


def flow_words(
    part: dict[str, Any], pending: Iterable[Prediction], *, known: bool
) -> dict[str, dict[str, str]]:
    """One sentence a window; `known`: the store has been read, so that nothing is missing."""
    waiting = dict.fromkeys(Flow, 0)
    for one in pending:
        for flow, moved in amounts(one).items():
            waiting[flow] += moved
    more = waiting[Flow.INFLOW] - waiting[Flow.OUTFLOW]
    return {
        window.name: {"words": _sentence(window, part["windows"][window.name]["flows"], more, known=known)}
        for window in WINDOWS
    }


def _bars(window: FlowWindow, entries: Iterable[MovedAmounts], now: float) -> dict[str, Any]:
    start = window.start(now)
    flows = {flow.value: [0] * window.bars for flow in Flow}
    for entry in entries:
        bar = int(entry.at - start) // window.step
        if entry.at >= start and bar < window.bars:
            for flow, moved in entry.by_flow:
                flows[flow.value][bar] += moved
    return {"start": start * 1_000, "step": window.step * 1_000, "bars": window.bars, "flows": flows}


def _sentence(window: FlowWindow, flows: dict[str, list[int]], more: int, *, known: bool) -> str:
    inflow, outflow = sum(flows[Flow.INFLOW]), sum(flows[Flow.OUTFLOW])
    other = sum(sum(flows[flow]) for flow in (Flow.INTER_EXCHANGE, Flow.INTERNAL, Flow.UNKNOWN))
    if inflow == outflow == other == 0:
        shown = f"Nothing confirmed in {window.words}"
    elif inflow == outflow:
        shown = f"As much went to exchanges as from them in {window.words}: {amount(inflow)} BTC"
    else:
        way = "to" if inflow > outflow else "from"
        shown = f"Net {amount(abs(inflow - outflow))} BTC {way} exchanges in {window.words}"
    if more:
        shown += f"; {amount(abs(more))} BTC {'to' if more > 0 else 'from'} them if what waits confirms"
    if other:
        shown += f". Between them, inside them or unknown: {amount(other)} BTC"
    return shown + ("." if known else ". What confirmed before Spout was opened is still being read.")
