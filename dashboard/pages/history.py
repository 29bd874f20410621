"""The History page, `/history`: all that is kept, searched, by day, and as it was known at a moment."""

from dataclasses import replace
from typing import Any

from bokeh.events import SelectionGeometry

from app.api.models import PredictionFilters
from app.errors import StoreError
from app.views import Order, PredictionQuery, SortKey
from dashboard.components import (
    Buttons,
    DataChart,
    Links,
    PageAsked,
    PagedTable,
    PageOfRows,
    Sentence,
    WhaleDrawer,
)
from dashboard.forms import ModelForm
from dashboard.history import figures, words
from dashboard.page import PageSources, SpoutPage

_DAYS = ("start_date", "end_date")
NOT_READ = "The database cannot be read at the moment. Try again in a moment."


def history(sources: PageSources) -> SpoutPage:
    return HistoryPage(sources).compose()


class HistoryPage:
    """The filters stand in the address; each change of one searches anew: sentence, chart and table."""

    def __init__(self, sources: PageSources) -> None:
        self._history = sources.history
        self.form = ModelForm(PredictionFilters, only=tuple(words.LABELS))
        choices = words.choices()
        for name, field in self.form.fields.items():
            label, hint = words.LABELS[name]
            known = choices.get(name, {})
            titles = [known.get(value, value) for value in field.options]
            field.param.update(label=label, hint=hint, in_address=True, titles=titles)
        for name in _DAYS:
            self.form.fields[name].kind = "day"
        self.form.fields["as_of"].kind = "moment"
        self.clear = Buttons({"Clear the filters": self._clear})
        self.sentence = Sentence(lead=True)
        self.days = DataChart(figures.days_figure(), head=words.chart_head(), text="")
        self.whales = PagedTable(
            self._page,
            words.COLUMNS,
            sorted_by=SortKey.DETECTED.value,
            label="Whales",
            empty="No whale matches.",
        )
        self.files = Links(text="All that is filtered, as a file:")
        self._page_of: SpoutPage | None = None
        self._due = False
        self._asked: PredictionQuery | None = None
        """What the table's rows were last asked with."""

    def compose(self) -> SpoutPage:
        page = SpoutPage("history.html", title="History")
        for name, field in self.form.fields.items():
            page.add_panel(f"filter-{name}", field)
            field.param.watch(lambda _: self._changed(), "value")
        for name in ("clear", "sentence", "days", "files", "whales"):
            page.add_panel(name, getattr(self, name))
        page.add_panel("drawer", WhaleDrawer())
        self.days.figure.object.on_event(SelectionGeometry, self._brushed)
        self._page_of = page
        self._changed()
        return page

    def _changed(self) -> None:
        """Search once for all that changes at a time."""
        if not self._due and self._page_of is not None:
            self._due = True
            self._page_of.soon(self._search)

    async def _search(self) -> None:
        self._due = False
        query = self._query()
        if query is None:
            return
        self.files.links = words.file_links({name: one.value for name, one in self.form.fields.items()})
        try:
            shown = await self._history.flows(query)
            everything = shown
            if query.start is not None or query.end is not None:
                everything = await self._history.flows(replace(query, start=None, end=None))
        except StoreError:
            self.sentence.param.update(text=NOT_READ, more="")
            return
        days = words.by_day(everything)
        self.sentence.param.update(text=words.sentence(shown, query.as_of), more=words.beside(shown))
        figures.fill_days(self.days.figure.object, days)
        figures.mark_days(self.days.figure.object, query.start, query.end)
        self.days.param.update(
            text=words.chart_words(days), rows=words.chart_rows(days), idle="" if days else "no whale matches"
        )
        if self._asked is not None and self._asked != query:
            self.whales.again()

    async def _page(self, asked: PageAsked) -> PageOfRows:
        query = self._query()
        if query is None:
            return PageOfRows(total=0, rows=[])
        self._asked = query
        try:
            found = await self._history.page(
                replace(
                    query,
                    order=Order(SortKey(asked.sort), asked.descending),
                    limit=asked.limit,
                    offset=asked.offset,
                )
            )
        except StoreError:
            return PageOfRows(total=0, rows=[])
        return PageOfRows(
            total=found.total_count,
            rows=[words.row(one) for one in found.predictions],
            ids=[one.prediction_id for one in found.predictions],
        )

    def _query(self) -> PredictionQuery | None:
        """What is searched; None where a filter is wrong, which is then said beside it or in the sentence."""
        try:
            read = self.form.read()
        except ValueError as error:
            self.sentence.param.update(text=f"{str(error)[:1].upper()}{str(error)[1:]}.", more="")
            return None
        return None if read is None else read.query()

    def _brushed(self, event: Any) -> None:  # noqa: ANN401 - Bokeh's event
        x0, x1 = event.geometry.get("x0"), event.geometry.get("x1")
        if event.final and x0 is not None and x1 is not None:
            for name, day in zip(_DAYS, figures.brushed_days(x0, x1), strict=True):
                self.form.fields[name].value = day.isoformat()

    async def _clear(self) -> None:
        for field in self.form.fields.values():
            field.value = ""
