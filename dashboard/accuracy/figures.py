"""The Accuracy page's Bokeh figures; each `fill_…` puts what a window says into its figure.

Colours are the theme's, by tags (`dashboard.figures.coloured`). What has no rate is not drawn.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import sqrt
from typing import Any

from bokeh.models import (
    ColumnDataSource,
    DatetimeTicker,
    FactorRange,
    FixedTicker,
    HoverTool,
    Line,
    NumeralTickFormatter,
    Quad,
    Range1d,
    Scatter,
    Segment,
    VArea,
)
from bokeh.plotting import figure

from app.core.scoring import ENOUGH, CalibrationBin, Figures
from app.views import PeriodFigures
from dashboard.accuracy.words import AccuracyWindow, group_name, lead_names
from dashboard.figures import coloured, plain_figure, times

_PERCENT = "0 %"
_HOUR_MS = 3_600_000


def rate_figure() -> figure:
    plot = plain_figure(
        "hit-rate",
        height=250,
        x_axis_type="datetime",
        x_range=Range1d(start=0, end=1),
        y_range=Range1d(start=0, end=1.02),
    )
    plot.xaxis.formatter = times(days="%e %b", hours="%e %b", months="%e %b", hourmin="", minutes="")
    plot.xaxis.ticker = DatetimeTicker(desired_num_ticks=5)
    plot.yaxis.formatter = NumeralTickFormatter(format=_PERCENT)
    plot.yaxis.ticker = FixedTicker(ticks=[0, 0.25, 0.5, 0.75, 1])
    band = VArea(x="x", y1="low", y2="high", fill_alpha=0.16)
    source = _source("hit-rate-values", "x", "low", "high", "rate", "n", "on_time", "day")
    coloured(plot.add_glyph(source, band), "fill:accent")
    naive = _source("hit-rate-naive", "x", "rate")
    coloured(plot.add_glyph(naive, Line(x="x", y="rate", line_width=1.2)), "line:soft")
    limit = _source("hit-rate-line", "x", "y")
    coloured(plot.add_glyph(limit, Line(x="x", y="y", line_dash=[6, 4], line_width=1.4)), "line:miss")
    coloured(
        plot.add_glyph(source, Segment(x0="x", x1="x", y0="low", y1="high", line_width=1.6)), "line:accent"
    )
    coloured(plot.add_glyph(source, Line(x="x", y="rate", line_width=2)), "line:accent")
    points = plot.add_glyph(source, Scatter(x="x", y="rate", size=8, line_width=1.5))
    coloured(points, "fill:accent", "line:card")
    tips = [("", "@day"), ("held", "@on_time of @n"), ("hit rate", "@rate{0.0 %} (@low{0 %}-@high{0 %})")]
    plot.add_tools(HoverTool(renderers=[points], tooltips=tips))
    return plot


def fill_rate(
    plot: figure, periods: Sequence[PeriodFigures], window: AccuracyWindow, *, now: datetime, line: float
) -> None:
    """`line`: the rate under which accuracy has fallen. A point stands in the middle of its day or week."""
    rated = [one for one in periods if one.figures.hit_rate is not None]
    beside = [one for one in periods if one.figures.baseline_hit_rate is not None]
    start, end = now - timedelta(days=window.chart_days), now + timedelta(hours=12)
    plot.x_range.update(start=_millis(start) - 12 * _HOUR_MS, end=_millis(end))
    _put(
        plot,
        "hit-rate-values",
        {
            "x": [_middle(one) for one in rated],
            "low": [one.figures.hit_rate_low for one in rated],
            "high": [one.figures.hit_rate_high for one in rated],
            "rate": [one.figures.hit_rate for one in rated],
            "n": [one.figures.n for one in rated],
            "on_time": [one.figures.on_time for one in rated],
            "day": [f"{one.start:%e %b %Y}".strip() for one in rated],
        },
    )
    naive: dict[str, list[Any]] = {
        "x": [_middle(one) for one in beside],
        "rate": [one.figures.baseline_hit_rate for one in beside],
    }
    _put(plot, "hit-rate-naive", naive)
    ends = [_millis(start) - 12 * _HOUR_MS, _millis(end)]
    _put(plot, "hit-rate-line", {"x": ends, "y": [line, line]})


def calibration_figure() -> figure:
    plot = plain_figure(
        "calibration",
        height=250,
        x_range=Range1d(start=-0.02, end=1.04),
        y_range=Range1d(start=-0.02, end=1.04),
        x_axis_label="stated",
        y_axis_label="seen",
    )
    for axis in plot.axis:
        axis.formatter = NumeralTickFormatter(format=_PERCENT)
        axis.ticker = FixedTicker(ticks=[0, 0.25, 0.5, 0.75, 1])
    ideal = ColumnDataSource({"x": [0, 1], "y": [0, 1]}, name="calibration-ideal")
    coloured(plot.add_glyph(ideal, Line(x="x", y="y", line_dash=[6, 4], line_width=1.4)), "line:soft")
    source = _source("calibration-values", "stated", "seen", "n", "size", "between")
    whales = Scatter(x="stated", y="seen", size="size", fill_alpha=0.75, line_width=1.5)
    points = coloured(plot.add_glyph(source, whales), "fill:accent", "line:card")
    tips = [
        ("stated", "@between"),
        ("on the mean", "@stated{0.0 %}"),
        ("came true", "@seen{0.0 %}"),
        ("n", "@n"),
    ]
    plot.add_tools(HoverTool(renderers=[points], tooltips=tips))
    return plot


def fill_calibration(plot: figure, bins: Sequence[CalibrationBin]) -> None:
    """A point for each tenth with enough forecasts; its area is their number."""
    shown = [one for one in bins if one.n >= ENOUGH and one.stated is not None]
    most = max((one.n for one in shown), default=1)
    _put(
        plot,
        "calibration-values",
        {
            "stated": [one.stated for one in shown],
            "seen": [one.seen for one in shown],
            "n": [one.n for one in shown],
            "size": [8 + 26 * sqrt(one.n / most) for one in shown],
            "between": [f"{one.low * 100:.0f}-{one.high * 100:.0f} %" for one in shown],
        },
    )


def lead_figure() -> figure:
    names = lead_names()
    plot = plain_figure(
        "lead-time",
        height=250,
        x_range=Range1d(start=-0.1, end=len(names) + 0.1),
        y_range=Range1d(start=0, end=1),
    )
    starts = [name.split("-")[0].removeprefix("over ") for name in names]
    plot.xaxis.ticker = FixedTicker(ticks=list(range(0, len(names), 2)))  # every second: a phone is narrow
    plot.xaxis.major_label_overrides = dict(enumerate(starts))
    plot.yaxis.formatter = NumeralTickFormatter(format="0,0")
    source = _source("lead-time-values", "left", "right", "top", "n", "between")
    bars = Quad(left="left", right="right", bottom=0, top="top", line_color=None)
    shown = coloured(plot.add_glyph(source, bars), "fill:accent")
    plot.add_tools(HoverTool(renderers=[shown], tooltips=[("", "@between"), ("whales", "@n")]))
    return plot


def fill_lead(plot: figure, counts: Sequence[int]) -> None:
    """A bar for each bin of LEAD_TIME_EDGES, all of one width."""
    plot.y_range.update(end=max(4, *counts) * 1.1)
    names = lead_names()
    _put(
        plot,
        "lead-time-values",
        {
            "left": [at + 0.06 for at in range(len(counts))],
            "right": [at + 0.94 for at in range(len(counts))],
            "top": list(counts),
            "n": list(counts),
            "between": names,
        },
    )


def group_figure(kind: str) -> figure:
    """`kind`: flow or urgency."""
    plot = plain_figure(
        f"by-{kind}",
        height=210 if kind == "flow" else 150,
        x_range=Range1d(start=-0.02, end=1.02),
        y_range=FactorRange(factors=[]),
    )
    plot.xaxis.formatter = NumeralTickFormatter(format=_PERCENT)
    plot.xaxis.ticker = FixedTicker(ticks=[0, 0.5, 1])
    plot.ygrid.visible = False
    plot.xgrid.visible = True
    source = _source(f"by-{kind}-values", "name", "low", "high", "rate", "n", "on_time")
    span = Segment(x0="low", x1="high", y0="name", y1="name", line_width=7, line_alpha=0.35, line_cap="round")
    coloured(plot.add_glyph(source, span), "line:accent")
    points = plot.add_glyph(source, Scatter(x="rate", y="name", size=11, line_width=1.5))
    coloured(points, "fill:accent", "line:card")
    tips = [("", "@name"), ("held", "@on_time of @n"), ("hit rate", "@rate{0.0 %} (@low{0 %}-@high{0 %})")]
    plot.add_tools(HoverTool(renderers=[points], tooltips=tips))
    return plot


def fill_groups(plot: figure, kind: str, groups: Mapping[str, Figures]) -> None:
    """The first group stands on top; one with too few has its name and its number, and no point."""
    named = {_factor(kind, name, one): one for name, one in groups.items()}
    plot.y_range.update(factors=list(reversed(named)))
    rated = {name: one for name, one in named.items() if one.hit_rate is not None}
    _put(
        plot,
        f"by-{kind}-values",
        {
            "name": list(rated),
            "low": [one.hit_rate_low for one in rated.values()],
            "high": [one.hit_rate_high for one in rated.values()],
            "rate": [one.hit_rate for one in rated.values()],
            "n": [one.n for one in rated.values()],
            "on_time": [one.on_time for one in rated.values()],
        },
    )


def _factor(kind: str, name: str, figures: Figures) -> str:
    return f"{group_name(kind, name)} · {figures.n:,}"


def _source(name: str, *columns: str) -> ColumnDataSource:
    return ColumnDataSource({column: [] for column in columns}, name=name)


def _put(plot: figure, name: str, columns: Mapping[str, Sequence[object]]) -> None:
    source = next(one for one in plot.references() if one.name == name)
    source.update(data=dict(columns))


def _middle(one: PeriodFigures) -> float:
    return (_millis(one.start) + _millis(one.end)) / 2


def _millis(at: datetime) -> float:
    return at.timestamp() * 1000
