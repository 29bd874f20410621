"""What shows the whales of now: the strip, the filters, the tables, the drawer, three charts."""

from typing import Any, ClassVar

import panel as pn
import param
from panel.custom import Child

from dashboard.components.base import Charted, EarlyComponent, pane

WINDOWS = ("1h", "6h", "24h", "7d")


class StatusStrip(EarlyComponent):
    """Six figures: what waits, by flow, the feerates, how the forecasts held. No parameters."""

    module = "status_strip.js"


class WhaleFilters(EarlyComponent):
    """The filters of both tables; what is chosen stands in the address, and survives a reload.

    `flow`: names of flows, none for all. `status`, `urgency` (that or more), `min` (BTC), `entity`, `text`:
    as in the address, "" for any.
    """

    flow = param.List(default=[], item_type=str)
    status = param.Selector(default="", objects=["", "pending", "confirmed", "replaced", "dropped"])
    urgency = param.Selector(default="", objects=["", "low", "medium", "high"])
    min = param.String(default="")
    entity = param.String(default="")
    text = param.String(default="")

    module = "whale_filters.js"


class WhaleTable(EarlyComponent):
    """Whales that wait (`which="pending"`) or ended (`"ended"`); only the rows in sight exist.

    `most`, `most_phone`: rows in sight on a screen and on a phone. `selected`: the id of the open whale.
    """

    which = param.Selector(default="pending", objects=["pending", "ended"])
    most = param.Integer(default=8)
    most_phone = param.Integer(default=5)
    selected = param.String(default=None, allow_None=True)

    module = "whale_table.js"


class WhaleDrawer(EarlyComponent):
    """Everything about one whale, over the page. `whale`: the id of the open one, None while it is closed.

    On any page: what a module opens with `choose(id)` is shown, and stands in the address.
    """

    whale = param.String(default=None, allow_None=True)

    module = "whale_drawer.js"
    later = True


class Announcements(EarlyComponent):
    """Sound and a browser's notification when a whale above an amount begins to wait. No parameters.

    Both are off until somebody turns them on, and kept in that browser. It stands in the top line of a page
    whose part is called `announcements`.
    """

    module = "announcements.js"
    later = True


class QueueChart(Charted):
    """The projected blocks as depth by feerate, every whale where it floats. `figure`: `queue_figure()`."""

    module = "queue_chart.js"


class BubbleChart(Charted):
    """Time against feerate, at most six hours. `figure`: `bubble_figure()`."""

    module = "bubble_chart.js"


class FlowCharts(Charted):
    """Flow over time in two figures under one choice of `window` (1h, 6h, 24h, 7d).

    `figure`: `flow_figure()`, to and from exchanges with the net; `other`: `other_figure()`, the rest.
    """

    other = Child(class_=pn.pane.Bokeh)
    window = param.Selector(default="24h", objects=list(WINDOWS))

    module = "flow_charts.js"

    def __init__(self, figure: Any, other: Any, **params: Any) -> None:  # noqa: ANN401 - Bokeh's
        super().__init__(figure, other=pane(other), **params)


class LineChart(Charted):
    """A quantity over time, and its limit where there is one.

    `part`: of the page's feed, with columns `at` (ms), `<series>`, the `limit` and a sentence
    `words[<series>]`. `unit`: as the table writes it. `least`: the axis reaches at least so far.
    `figure`: `line_figure(series)`.
    """

    part = param.String(default="figures")
    series = param.String(default="rss")
    unit = param.String(default="MB")
    least = param.Number(default=1)

    module: ClassVar[str] = "line_chart.js"
