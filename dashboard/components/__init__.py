"""The component library: serves any page of a Spout server.

From the page's feed, drawn before Panel is there: StatusStrip, WhaleFilters, WhaleTable, WhaleDrawer,
QueueChart, FlowCharts, BubbleChart, LineChart, Announcements; ComponentHealth, Counters, HealthChanges,
CalledHosts, LogLines.
With Python behind them, on a page with sessions: Choice, Sentence, FigureStrip, DataChart, Links, PagedTable;
Field, Buttons, Toasts.
Anything else is Panel's own: `pn.Column`, `pn.Card`, `pn.pane.Bokeh` with a figure of `dashboard.figures`.
"""

from dashboard.components.base import Charted, EarlyComponent, FileComponent, pane
from dashboard.components.form import Buttons, Field, Toasts
from dashboard.components.live import (
    Announcements,
    BubbleChart,
    FlowCharts,
    LineChart,
    QueueChart,
    StatusStrip,
    WhaleDrawer,
    WhaleFilters,
    WhaleTable,
)
from dashboard.components.paged_table import Column, PageAsked, PagedTable, PageOfRows
from dashboard.components.shown import Choice, DataChart, FigureStrip, Links, Sentence
from dashboard.components.system import CalledHosts, ComponentHealth, Counters, HealthChanges, LogLines

__all__ = [
    "Announcements",
    "BubbleChart",
    "Buttons",
    "CalledHosts",
    "Charted",
    "Choice",
    "Column",
    "ComponentHealth",
    "Counters",
    "DataChart",
    "EarlyComponent",
    "Field",
    "FigureStrip",
    "FileComponent",
    "FlowCharts",
    "HealthChanges",
    "LineChart",
    "Links",
    "LogLines",
    "PageAsked",
    "PageOfRows",
    "PagedTable",
    "QueueChart",
    "Sentence",
    "StatusStrip",
    "Toasts",
    "WhaleDrawer",
    "WhaleFilters",
    "WhaleTable",
    "pane",
]
