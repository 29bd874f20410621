"""The frames of the charts: Bokeh figures without data. Each open page fills its own, from its own feed.

Nothing of a chart goes over Bokeh's own socket after the page is made: no cost a session, no echo of
ranges, and a page that has lost its Bokeh session goes on. Names are what the modules look for.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bokeh.models import (
    ColumnDataSource,
    FixedTicker,
    HoverTool,
    Range1d,
)
from bokeh.models.renderers import GlyphRenderer
from bokeh.plotting import figure

from dashboard.queue import SHOWN_BLOCKS

FONT = "system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif"
WHALE_TIP = [("", "@title"), ("moves", "@btc BTC"), ("feerate", "@fee sat/vB"), ("", "@note")]


def queue_figure() -> figure:
    plot = _frame("queue", height=268, y_log=True, x=(0, SHOWN_BLOCKS), y=(1, 20))
    plot.xaxis.ticker = FixedTicker(ticks=[block + 0.5 for block in range(SHOWN_BLOCKS)])
    names = ["next", *(f"+{block + 1}" for block in range(1, SHOWN_BLOCKS))]
    plot.xaxis.major_label_overrides = {block + 0.5: name for block, name in enumerate(names)}
    plot.xgrid.visible = False
    plot.yaxis.axis_label = "sat/vB"
    _quads(plot, "queue-vessels")
    plot.patches(
        "xs",
        "ys",
        source=_source("queue-water", "xs", "ys", "fill", "hatch", "alpha"),
        fill_color="fill",
        fill_alpha="alpha",
        line_color=None,
        hatch_pattern="/",
        hatch_color="hatch",
        hatch_scale=9,
        hatch_weight=1.4,
        hatch_alpha="alpha",
    )
    plot.multi_line(
        "xs", "ys", source=_source("queue-surface", "xs", "ys", "line"), line_color="line", line_width=1.8
    )
    _texts(plot, "queue-prices", size="11px", style="normal")
    whales = _whales(plot, "queue-whales")
    _texts(plot, "queue-names", size="10.5px", style="bold")
    plot.add_tools(HoverTool(renderers=[whales], tooltips=WHALE_TIP, attachment="vertical"))
    return plot


def flow_figure() -> figure:
    plot = _frame("flow", height=196, x=(0, 1), y=(-1, 1))
    bars = _bars(plot, "flow-bars")
    plot.segment(
        "x0",
        "y",
        "x1",
        "y",
        source=_source("flow-zero", "x0", "x1", "y", "color"),
        line_color="color",
        line_width=1,
    )
    plot.line("x", "y", source=_source("flow-net", "x", "y"), name="flow-net-line", line_width=1.7)
    plot.add_tools(HoverTool(renderers=[*bars], tooltips=[("", "@title"), ("", "@btc BTC")]))
    return plot


def other_figure() -> figure:
    plot = _frame("other", height=104, x=(0, 1), y=(0, 1))
    bars = _bars(plot, "other-bars")
    plot.add_tools(HoverTool(renderers=[*bars], tooltips=[("", "@title"), ("", "@btc BTC")]))
    return plot


def bubble_figure() -> figure:
    plot = _frame("bubbles", height=236, y_log=True, x=(0, 1), y=(0.5, 50))
    plot.yaxis.axis_label = "sat/vB"
    done = _whales(plot, "bubbles-done")
    waiting = _whales(plot, "bubbles-waiting", dashed=True)
    plot.add_tools(HoverTool(renderers=[done, waiting], tooltips=WHALE_TIP, attachment="vertical"))
    return plot


def line_figure(name: str, *, height: int = 150) -> figure:
    """A quantity over time, with a second, dashed line for its limit."""
    plot = _frame(name, height=height, x=(0, 1), y=(0, 1))
    shown = _source(f"{name}-line", "x", "y", "zero")
    plot.varea("x", "zero", "y", source=shown, name=f"{name}-area")
    plot.line("x", "y", source=shown, name=f"{name}-stroke", line_width=1.8)
    plot.line(
        "x",
        "y",
        source=_source(f"{name}-limit", "x", "y"),
        name=f"{name}-limit-stroke",
        line_width=1.4,
        line_dash="dashed",
    )
    return plot


def _frame(
    name: str, *, height: int, x: tuple[float, float], y: tuple[float, float], y_log: bool = False
) -> figure:
    plot = figure(
        name=name,
        height=height,
        sizing_mode="stretch_width",
        x_range=Range1d(start=x[0], end=x[1]),
        y_range=Range1d(start=y[0], end=y[1]),
        y_axis_type="log" if y_log else "linear",
        tools="",
        toolbar_location=None,
        min_border_right=8,
        min_border_top=8,
        outline_line_color=None,
    )
    for axis in plot.axis:
        axis.major_label_text_font = FONT
        axis.major_label_text_font_size = "11px"
        axis.axis_label_text_font = FONT
        axis.axis_label_text_font_size = "11px"
        axis.axis_label_text_font_style = "normal"
        axis.minor_tick_line_color = None
        axis.major_tick_line_color = None
        axis.axis_line_color = None
    plot.xgrid.visible = False
    for axis in plot.axis:
        axis.ticker = FixedTicker(ticks=[])
    return plot


def _source(name: str, *columns: str) -> ColumnDataSource:
    empty: Mapping[str, Sequence[object]] = {column: [] for column in columns}
    return ColumnDataSource(data=dict(empty), name=name)


def _quads(plot: figure, name: str) -> None:
    plot.quad(
        left="left",
        right="right",
        bottom="bottom",
        top="top",
        source=_source(name, "left", "right", "bottom", "top", "line", "fill"),
        fill_color="fill",
        line_color="line",
        line_alpha=0.5,
        line_dash="dashed",
    )


def _bars(plot: figure, name: str) -> "Sequence[GlyphRenderer[Any]]":
    """Solid for what is final; hatched and dashed, from a second source, for what waits."""
    columns = ("left", "right", "bottom", "top", "color", "title", "btc")
    solid = plot.quad(
        left="left",
        right="right",
        bottom="bottom",
        top="top",
        source=_source(name, *columns),
        fill_color="color",
        line_color=None,
    )
    hatched = plot.quad(
        left="left",
        right="right",
        bottom="bottom",
        top="top",
        source=_source(f"{name}-waiting", *columns),
        fill_color=None,
        line_color="color",
        line_dash=[3, 2],
        hatch_pattern="/",
        hatch_color="color",
        hatch_scale=7,
        hatch_weight=1,
        hatch_alpha=0.7,
    )
    return [solid, hatched]


def _whales(plot: figure, name: str, *, dashed: bool = False) -> "GlyphRenderer[Any]":
    columns = ("x", "y", "size", "fill", "line", "id", "title", "btc", "fee", "note")
    return plot.scatter(
        "x",
        "y",
        size="size",
        source=_source(name, *columns),
        fill_color="fill",
        fill_alpha=0.3 if dashed else 1.0,
        line_color="line",
        line_width=1.6,
        line_dash=[3, 2] if dashed else "solid",
    )


def _texts(plot: figure, name: str, *, size: str, style: str) -> None:
    plot.text(
        "x",
        "y",
        text="text",
        source=_source(name, "x", "y", "text", "color"),
        text_color="color",
        text_font={"value": FONT},
        text_font_size=size,
        text_font_style=style,
        text_align="center",
        text_baseline="middle",
    )
