"""The History page's Bokeh figure: flows a day, stacked, with the net line; a brush across days."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from bokeh.models import (
    BoxSelectTool,
    ColumnDataSource,
    DatetimeTicker,
    HoverTool,
    Line,
    NumeralTickFormatter,
    Quad,
    Range1d,
    Scatter,
)
from bokeh.models.annotations import BoxAnnotation, Span
from bokeh.models.renderers import DataRenderer
from bokeh.plotting import figure

from app.core.classification import Flow
from app.core.units import SATS_PER_BTC
from dashboard.figures import coloured, plain_figure, times
from dashboard.format import FLOW_MARKS, FLOW_WORDS, amount
from dashboard.history.words import Amounts, net_of

UP = (Flow.INFLOW, Flow.INTER_EXCHANGE, Flow.INTERNAL, Flow.UNKNOWN)
"""Stacked above zero, from there on; Flow.OUTFLOW hangs below."""
DAY_MS = 86_400_000
_GAP_MS = 0.09 * DAY_MS


def days_figure() -> figure:
    plot = plain_figure(
        "days",
        height=270,
        x_axis_type="datetime",
        x_range=Range1d(start=0, end=1),
        y_range=Range1d(start=-1, end=1),
    )
    plot.xaxis.ticker = DatetimeTicker(desired_num_ticks=6)
    plot.xaxis.formatter = times(days="%e %b", months="%e %b", hours="%e %b")
    plot.yaxis.formatter = NumeralTickFormatter(format="0,0")
    chosen = BoxAnnotation(
        name="days-chosen", visible=False, fill_alpha=0.16, line_color=None, level="underlay"
    )
    chosen.tags = ["fill:accent"]
    plot.add_layout(chosen)
    bars: list[DataRenderer] = []
    for flow in (*UP, Flow.OUTFLOW):
        source = _source(f"days-{flow.value}", "left", "right", "bottom", "top", "day", "btc", "flow")
        quads = Quad(left="left", right="right", bottom="bottom", top="top", line_color=None)
        bars.append(coloured(plot.add_glyph(source, quads), f"fill:{flow.value}"))
    zero = Span(location=0, dimension="width", line_width=1)
    zero.tags = ["line:soft"]
    plot.add_layout(zero)
    net = _source("days-net", "x", "y")
    coloured(plot.add_glyph(net, Line(x="x", y="y", line_width=1.8)), "line:ink")
    coloured(plot.add_glyph(net, Scatter(x="x", y="y", size=4, line_color=None)), "fill:ink")
    plot.add_tools(
        HoverTool(renderers=bars, tooltips=[("", "@day"), ("", "@flow"), ("", "@btc BTC")]),
        brush := BoxSelectTool(dimensions="width", renderers=[]),
    )
    plot.toolbar.active_drag = brush
    return plot


def fill_days(plot: figure, days: Mapping[date, Amounts]) -> None:
    """Bars by day and flow, the net line, and ranges that hold them."""
    first, last = min(days, default=None), max(days, default=None)
    if first is not None and last is not None:
        plot.x_range.update(start=_millis(first) - DAY_MS / 2, end=_millis(last) + 1.5 * DAY_MS)
    highest = max((sum(moved[flow] for flow in UP) for moved in days.values()), default=0) / SATS_PER_BTC
    lowest = max((moved[Flow.OUTFLOW] for moved in days.values()), default=0) / SATS_PER_BTC
    plot.y_range.update(start=-max(lowest, highest * 0.04, 1) * 1.08, end=max(highest, 1) * 1.08)
    stacks: dict[Flow, list[tuple[date, float, float, int]]] = {flow: [] for flow in Flow}
    for day, moved in days.items():
        top = 0.0
        for flow in UP:
            above = top + moved[flow] / SATS_PER_BTC
            stacks[flow].append((day, top, above, moved[flow]))
            top = above
        stacks[Flow.OUTFLOW].append((day, -moved[Flow.OUTFLOW] / SATS_PER_BTC, 0.0, moved[Flow.OUTFLOW]))
    for flow, stack in stacks.items():
        _put(plot, f"days-{flow.value}", _bars(flow, [one for one in stack if one[3]]))
    _put(
        plot,
        "days-net",
        {
            "x": [_millis(day) + DAY_MS / 2 for day in days],
            "y": [net_of(moved) / SATS_PER_BTC for moved in days.values()],
        },
    )


def mark_days(plot: figure, start: datetime | None, end: datetime | None) -> None:
    """Show which days are chosen; `end` is where they end, not their last moment."""
    chosen = plot.select_one({"name": "days-chosen"})
    if chosen is None:
        return
    chosen.update(
        visible=start is not None or end is not None,
        left=_edge(plot, "start") if start is None else start.timestamp() * 1000,
        right=_edge(plot, "end") if end is None else end.timestamp() * 1000,
    )


def brushed_days(x0: float, x1: float) -> tuple[date, date]:
    """The first and the last day that a brush from x0 to x1 touches by more than a sliver."""
    low, high = sorted((x0, x1))
    first = _day(low + _GAP_MS)
    return first, max(first, _day(high - _GAP_MS))


def _edge(plot: figure, side: str) -> float:
    return float(getattr(plot.x_range, side))


def _bars(flow: Flow, stack: list[tuple[date, float, float, int]]) -> dict[str, list[Any]]:
    return {
        "left": [_millis(day) + _GAP_MS for day, *_ in stack],
        "right": [_millis(day) + DAY_MS - _GAP_MS for day, *_ in stack],
        "bottom": [bottom for _, bottom, _, _ in stack],
        "top": [top for _, _, top, _ in stack],
        "day": [f"{day:%a %d %b %Y}" for day, *_ in stack],
        "btc": [amount(moved) for *_, moved in stack],
        "flow": [f"{FLOW_MARKS[flow]} {FLOW_WORDS[flow]}" for _ in stack],
    }


def _source(name: str, *columns: str) -> ColumnDataSource:
    return ColumnDataSource({column: [] for column in columns}, name=name)


def _put(plot: figure, name: str, columns: Mapping[str, list[Any]]) -> None:
    next(one for one in plot.references() if one.name == name).update(data=dict(columns))


def _day(millis: float) -> date:
    return datetime.fromtimestamp(millis / 1000, UTC).date()


def _millis(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp() * 1000
