"""A page with a session, of everything that calls Python: fields, buttons, toasts, a paged table, a chart."""

from typing import Literal

import panel as pn
from bokeh.models import ColumnDataSource, Range1d
from pydantic import BaseModel, Field, SecretStr

from dashboard import figures
from dashboard.components import Buttons, Column, PageAsked, PagedTable, PageOfRows, WhaleDrawer
from dashboard.forms import ModelForm
from dashboard.page import PageSources, SpoutPage
from dashboard.pages import PAGES, Page

COUNTED = 1_000
COLUMNS = (
    Column(field="number", title="Number", kind="num"),
    Column(field="square", title="Square", kind="num"),
    Column(field="note", title="Note", sortable=False),
)


class Tried(BaseModel):
    name: str = Field(min_length=1, description="of anything")
    most: int = Field(default=20, ge=1, le=99)
    kind: Literal["one", "two"] = "one"
    secret: SecretStr = SecretStr("")
    quiet: bool = Field(default=False, title="Quiet at night")


async def rows(asked: PageAsked) -> PageOfRows:
    numbers = range(COUNTED)[::-1] if asked.descending else range(COUNTED)
    page = numbers[asked.offset : asked.offset + asked.limit]
    return PageOfRows(total=COUNTED, rows=[[str(n), str(n * n), None if n % 7 else "seventh"] for n in page])


def chart() -> pn.pane.Bokeh:
    source = ColumnDataSource({"x": [0, 1, 2, 3], "y": [1.0, 4.0, 2.0, 3.0]}, name="trial-values")
    plot = figures.plain_figure("trial", height=160, x_range=Range1d(-1, 4), y_range=Range1d(0, 5))
    figures.coloured(plot.vbar(x="x", top="y", width=0.7, source=source, line_color=None), "fill:accent")
    return pn.pane.Bokeh(plot, sizing_mode="stretch_width")


def trial(_: PageSources) -> SpoutPage:
    page = SpoutPage(title="Trial")
    form = ModelForm(Tried, Tried(name="before"))

    async def save() -> None:
        read = form.read()
        if read is None:
            pn.state.notifications.error("Not saved: look at the marked field")
            return
        form.saved()
        pn.state.notifications.success(f"Saved {read.name}")

    async def fail() -> None:
        raise RuntimeError("it does")

    page.add_panel("drawer", WhaleDrawer())
    page.add_section("form", "Form", fields=form.fields, buttons=Buttons({"Save": save, "Fail": fail}))
    page.add_section("chart", "Chart", note="of four numbers", wide=False, chart=chart())
    page.add_section("table", "Table", rows=PagedTable(rows, COLUMNS, page_size=20, label="Numbers"))
    return page


TRIAL = (*PAGES, Page(path="/trial", name="Trial", compose=trial))
