"""What Python shows on a page with a session: a choice, a sentence, a few figures, a chart."""

from typing import Any

import panel as pn
import param
from panel.custom import Child

from dashboard.components.base import FileComponent, pane

_BELOW_A_CHART = 64
"""Pixels of a line of words, and of the table that can be opened."""


class Choice(FileComponent):
    """One of a few as buttons: `Choice(field="days", options=[["7", "7 d"], ["30", "30 d"]], first="7")`.

    `value` is None until the page is there, then what the address says, else `first`: watch it to load.
    `field`: its name in the address. `label`: what is chosen, for screen readers.
    """

    field = param.String()
    label = param.String()
    options = param.List(default=[])
    first = param.String()
    value = param.String(default=None, allow_None=True)

    module = "choice.js"


class Sentence(FileComponent):
    """A sentence, and `more` below it in small. `lead`: the page's first one, large. `tone`: "", ok, miss."""

    text = param.String(default="")
    more = param.String(default="")
    tone = param.String(default="")
    lead = param.Boolean(default=False)

    module = "words.js"


class Links(FileComponent):
    """Links to files, after `text`. `links`: of [text, relative address, label for screen readers]."""

    text = param.String(default="")
    links = param.List(default=[])

    module = "links.js"


class FigureStrip(FileComponent):
    """A few figures side by side. `figures`: of {"label", "value", "note", "tone"}; all are texts."""

    figures = param.List(default=[])

    module = "figure_strip.js"


class DataChart(FileComponent):
    """A Bokeh figure that Python fills, over a sentence `text` and the same as a table (`head`, `rows`).

    `DataChart(figure, label="…")`: the figure's name is its name on the page. `idle`: said in its place
    where there is nothing to draw, "" where there is. `rows`: of text. Chart and table can be saved.
    """

    figure = Child(class_=pn.pane.Bokeh)
    field = param.String()
    label = param.String(default="The same as a table")
    text = param.String(default="…")
    idle = param.String(default="")
    head = param.List(default=[])
    rows = param.List(default=[])
    tall = param.Integer()

    module = "data_chart.js"

    def __init__(self, figure: Any, **params: Any) -> None:  # noqa: ANN401 - Bokeh's, Panel's shape
        super().__init__(figure=pane(figure), field=figure.name, tall=figure.height, **params)
        self.reserve = figure.height + _BELOW_A_CHART
