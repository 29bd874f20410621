"""Bokeh figures in our look. Those of Live and System are without data: each open page fills its own.

Nothing of theirs goes over Bokeh's own socket after the page is made: no cost a session, no echo of
ranges, and a page that has lost its Bokeh session goes on. Names are what the modules look for.
A page of its own data begins with `plain_figure`; `coloured` says which colour of the theme a glyph has.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bokeh.models import (
    ColumnDataSource,
    DatetimeTickFormatter,
    FixedTicker,
    HoverTool,
    Line,
    MultiLine,
    Quad,
    Range1d,
    Scatter,
    Segment,
    Text,
    VArea,
)
from bokeh.models.glyph import Glyph
from bokeh.models.glyphs import Patches
from bokeh.models.renderers import DataRenderer, GlyphRenderer
from bokeh.plotting import figure

from dashboard.feed.queue import SHOWN_BLOCKS

FONT = "system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif"
WHALE_TIP = [("", "@title"), ("moves", "@btc BTC"), ("feerate", "@fee sat/vB"), ("", "@note")]


def queue_figure() -> figure:
    plot = _frame("queue", height=268, y_log=True, x=(0, SHOWN_BLOCKS), y=(1, 20))
    plot.xaxis.ticker = FixedTicker(ticks=[block + 0.5 for block in range(SHOWN_BLOCKS)])
    names = ["next", *(f"+{block + 1}" for block in range(1, SHOWN_BLOCKS))]
    plot.xaxis.major_label_overrides = {block + 0.5: name for block, name in enumerate(names)}
    plot.yaxis.axis_label = "sat/vB"
    vessels = Quad(fill_color="fill", line_color="line", line_alpha=0.5, line_dash="dashed")
    _draw(plot, "queue-vessels", vessels, "left", "right", "bottom", "top", "line", "fill")
    water = Patches(
        fill_color="fill",
        fill_alpha="alpha",
        line_color=None,
        hatch_pattern="/",
        hatch_color="hatch",
        hatch_scale=9,
        hatch_weight=1.4,
        hatch_alpha="alpha",
    )
    _draw(plot, "queue-water", water, "xs", "ys", "fill", "hatch", "alpha")
    _draw(plot, "queue-surface", MultiLine(line_color="line", line_width=1.8), "xs", "ys", "line")
    _texts(plot, "queue-prices", size="11px", style="normal")
    whales = _whales(plot, "queue-whales")
    _texts(plot, "queue-names", size="10.5px", style="bold")
    plot.add_tools(HoverTool(renderers=[whales], tooltips=WHALE_TIP, attachment="vertical"))
    return plot


def flow_figure() -> figure:
    plot = _frame("flow", height=196, x=(0, 1), y=(-1, 1))
    bars = _bars(plot, "flow-bars")
    zero = Segment(x0="x0", x1="x1", y0="y", y1="y", line_color="color", line_width=1)
    _draw(plot, "flow-zero", zero, "x0", "x1", "y", "color")
    _draw(plot, "flow-net", Line(line_width=1.7), "x", "y").name = "flow-net-line"
    plot.add_tools(HoverTool(renderers=bars, tooltips=[("", "@title"), ("", "@btc BTC")]))
    return plot


def other_figure() -> figure:
    plot = _frame("other", height=104, x=(0, 1), y=(0, 1))
    bars = _bars(plot, "other-bars")
    plot.add_tools(HoverTool(renderers=bars, tooltips=[("", "@title"), ("", "@btc BTC")]))
    return plot


def bubble_figure() -> figure:
    plot = _frame("bubbles", height=236, y_log=True, x=(0, 1), y=(0.5, 50))
    plot.yaxis.axis_label = "sat/vB"
    done = _whales(plot, "bubbles-done")
    waiting = _whales(plot, "bubbles-waiting", dashed=True)
    _texts(plot, "bubbles-names", size="10px", style="bold")
    plot.add_tools(HoverTool(renderers=[done, waiting], tooltips=WHALE_TIP, attachment="vertical"))
    return plot


def line_figure(name: str, *, height: int = 150) -> figure:
    """A quantity over time, with a second, dashed line for its limit."""
    plot = _frame(name, height=height, x=(0, 1), y=(0, 1))
    shown = _source(f"{name}-line", "x", "y", "zero")
    plot.add_glyph(shown, VArea(x="x", y1="zero", y2="y"), name=f"{name}-area")
    plot.add_glyph(shown, Line(line_width=1.8), name=f"{name}-stroke")
    limit = Line(line_width=1.4, line_dash="dashed")
    _draw(plot, f"{name}-limit", limit, "x", "y").name = f"{name}-limit-stroke"
    return plot


def plain_figure(name: str, *, height: int, **more: Any) -> figure:  # noqa: ANN401 - Bokeh's own options
    """An empty figure as wide as its place; its ranges should be given, else a browser reports them back."""
    plot = figure(
        name=name,
        height=height,
        sizing_mode="stretch_width",
        tools="",
        toolbar_location=None,
        min_border_right=8,
        min_border_top=8,
        outline_line_color=None,
        **more,
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
    return plot


def times(**formats: str) -> DatetimeTickFormatter:
    """For an axis of times, which says nothing while it is empty; `formats` by Bokeh's names, days="%e %b".

    A chart whose figures have not come stands at the first moments of 1970.
    """
    formatter = DatetimeTickFormatter(microseconds="", milliseconds="", hide_repeats=True)
    formatter.update(**formats)
    return formatter


def coloured(renderer: "GlyphRenderer[Any]", *tags: str) -> "GlyphRenderer[Any]":
    """Give a glyph colours of the theme, which follow the light: "fill:accent", "line:card".

    `fill`, `line`, `hatch` or `text`, and a name of `dashboard.theme`.
    """
    renderer.glyph.tags = list(tags)
    return renderer


def _frame(
    name: str, *, height: int, x: tuple[float, float], y: tuple[float, float], y_log: bool = False
) -> figure:
    plot = plain_figure(
        name,
        height=height,
        x_range=Range1d(start=x[0], end=x[1]),
        y_range=Range1d(start=y[0], end=y[1]),
        y_axis_type="log" if y_log else "linear",
    )
    for axis in plot.axis:
        axis.ticker = FixedTicker(ticks=[])
    return plot


def _draw(plot: figure, name: str, glyph: Glyph, *columns: str) -> "GlyphRenderer[Any]":
    """Draw `glyph` from a source of its own, empty and called `name`.

    Not by figure's own methods: they make four glyphs of each, and a session is as dear as its models.
    """
    return plot.add_glyph(_source(name, *columns), glyph)


def _source(name: str, *columns: str) -> ColumnDataSource:
    empty: Mapping[str, Sequence[object]] = {column: [] for column in columns}
    return ColumnDataSource(data=dict(empty), name=name)


def _bars(plot: figure, name: str) -> list[DataRenderer]:
    """Solid for what is final; hatched and dashed, from a second source, for what waits."""
    columns = ("left", "right", "bottom", "top", "color", "title", "btc")
    hatched = Quad(
        fill_color=None,
        line_color="color",
        line_dash=[3, 2],
        hatch_pattern="/",
        hatch_color="color",
        hatch_scale=7,
        hatch_weight=1,
        hatch_alpha=0.7,
    )
    return [
        _draw(plot, name, Quad(fill_color="color", line_color=None), *columns),
        _draw(plot, f"{name}-waiting", hatched, *columns),
    ]


def _whales(plot: figure, name: str, *, dashed: bool = False) -> "GlyphRenderer[Any]":
    whale = Scatter(
        size="size",
        fill_color="fill",
        fill_alpha=0.3 if dashed else 1.0,
        line_color="line",
        line_width=1.6,
        line_dash=[3, 2] if dashed else "solid",
    )
    return _draw(plot, name, whale, "x", "y", "size", "fill", "line", "id", "title", "btc", "fee", "note")


def _texts(plot: figure, name: str, *, size: str, style: str) -> None:
    text = Text(
        text="text",
        text_color="color",
        text_font={"value": FONT},
        text_font_size=size,
        text_font_style=style,
        text_align="center",
        text_baseline="middle",
    )
    _draw(plot, name, text, "x", "y", "text", "color")
