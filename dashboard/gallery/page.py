"""The gallery's one page: a card for each component of the library, with what its docstring says of it."""

import inspect
from decimal import Decimal
from typing import Any, Literal

from bokeh.models import ColumnDataSource
from panel.viewable import Viewable
from pydantic import BaseModel, Field, SecretStr

from dashboard import components as library
from dashboard import figures
from dashboard.forms import ModelForm
from dashboard.page import PageSources, SpoutPage

ROWS = 240
HALF = (
    *(library.Charted, library.Counters, library.HealthChanges, library.CalledHosts),
    *(library.Choice, library.Sentence, library.DataChart, library.FigureStrip, library.Links),
)
"""What has room in half the width."""


class Example(BaseModel):
    """A form of each kind of field; the amount and the name can be wrong."""

    name: str = Field(default="Kitchen", min_length=1, description="as you call it")
    above_btc: Decimal = Field(default=Decimal(500), gt=0, title="Above, BTC")
    kind: Literal["webhook", "email", "telegram"] = "email"
    flows: list[Literal["inflow", "outflow", "internal"]] = ["inflow"]
    secret: SecretStr = Field(default=SecretStr(""), description="left empty it stays as it is")
    quiet: bool = Field(default=True, title="Quiet at night")


def gallery(_sources: PageSources) -> SpoutPage:
    page = SpoutPage(title="Components", channel="gallery")
    for made in _shown():
        kind = type(made)
        page.add_section(kind.__name__, kind.__name__, note=_words(kind), wide=_is_wide(made), part=made)
    page.add_panel("announcements", library.Announcements())
    page.add_panel("drawer", library.WhaleDrawer())
    _add_form(page)
    return page


def _shown() -> list[Viewable]:
    return [
        library.StatusStrip(),
        library.WhaleFilters(),
        library.WhaleTable(which="pending", most=4, most_phone=3),
        library.QueueChart(figures.queue_figure()),
        library.FlowCharts(figures.flow_figure(), figures.other_figure()),
        library.BubbleChart(figures.bubble_figure()),
        library.LineChart(figures.line_figure("lag"), series="lag", unit="ms", least=10),
        library.ComponentHealth(),
        library.Counters(),
        library.HealthChanges(),
        library.CalledHosts(),
        library.LogLines(),
        library.Choice(field="days", label="Days", options=[["7", "7 d"], ["30", "30 d"]], first="7"),
        library.Sentence(
            text="Nine of ten forecasts held.", more="Of the last ten that came due.", tone="ok"
        ),
        library.FigureStrip(
            figures=[
                {"label": "held", "value": "9 of 10", "note": "of those that came due", "tone": "ok"},
                {"label": "waiting", "value": "unknown", "note": "nobody has said yet", "tone": ""},
            ]
        ),
        library.DataChart(
            _bars(), label="Five bars", text="The second is the tallest.", head=["Bar", "Tall"], rows=BARS
        ),
        library.Links(
            text="As a file:", links=[["CSV", "./api/v1/predictions.csv", "All predictions as CSV"]]
        ),
        library.PagedTable(_numbers, COLUMNS, page_size=6, label="Numbers"),
    ]


def _is_wide(made: Viewable) -> bool:
    return not isinstance(made, HALF)


def _words(kind: type) -> str:
    """What its docstring says, as one paragraph."""
    return " ".join((inspect.getdoc(kind) or "").replace("`", "").split())


def _add_form(page: SpoutPage) -> None:
    form = ModelForm(Example)

    async def save() -> None:
        if form.read() is None:
            page.toasts.error("Not saved: look at the marked field")
            return
        form.saved()
        page.toasts.success("Saved, for as long as this page is open")

    async def say() -> None:
        page.toasts.info("Said in passing")

    words = f"{_words(library.Field)} {_words(library.Buttons)} {_words(library.Toasts)}"
    buttons = library.Buttons({"Save": save, "Say something": say})
    page.add_section("form", "Field, Buttons, Toasts", note=words, fields=form.fields, buttons=buttons)


COLUMNS = (
    library.Column(field="number", title="Number", kind="num"),
    library.Column(field="square", title="Square", kind="num"),
    library.Column(field="note", title="Every seventh", sortable=False),
)


async def _numbers(asked: library.PageAsked) -> library.PageOfRows:
    numbers = range(ROWS)[::-1] if asked.descending else range(ROWS)
    page = numbers[asked.offset : asked.offset + asked.limit]
    return library.PageOfRows(
        total=ROWS, rows=[[str(n), str(n * n), None if n % 7 else "seventh"] for n in page]
    )


BARS = [["1", "3"], ["2", "5"], ["3", "2"], ["4", "4"], ["5", "1"]]


def _bars() -> Any:  # noqa: ANN401 - Bokeh's
    numbers, heights = zip(*(map(int, bar) for bar in BARS), strict=True)
    source = ColumnDataSource({"x": list(numbers), "y": list(heights)})
    plot = figures.plain_figure("own", height=160, x_range=(0, 6), y_range=(0, 6))
    figures.coloured(plot.vbar(x="x", top="y", width=0.7, source=source), "fill:accent", "line:card")
    return plot
