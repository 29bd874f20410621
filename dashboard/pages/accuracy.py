"""The Accuracy page, `/accuracy`: how often forecasts held, beside the naive one, and what was missed."""

from datetime import datetime, timedelta
from functools import partial

from app.core.prediction import HORIZONS
from app.core.scoring import ENOUGH, Period
from app.errors import StoreError
from app.views import ComponentStatus, Correlation, PeriodFigures
from dashboard.accuracy import figures, words
from dashboard.components import (
    Choice,
    Column,
    DataChart,
    FigureStrip,
    PageAsked,
    PagedTable,
    PageOfRows,
    Sentence,
    WhaleDrawer,
)
from dashboard.page import PageSources, SpoutPage

GROUP_HEAD = ["", "n", "held", "hit rate", "95 %", "position + 1"]
MISS_COLUMNS = (
    Column(field="whale", title="Whale", sortable=False),
    Column(field="at", title="When", kind="time", sortable=False),
    Column(field="flow", title="Flow", sortable=False),
    Column(field="missed", title="Missed", sortable=False),
    Column(field="why", title="Why", sortable=False),
)
NOT_READ = "The database cannot be read at the moment. Spout asks again by itself within a minute."
EVERY_MILLISECONDS = 60_000


def accuracy(sources: PageSources) -> SpoutPage:
    return AccuracyPage(sources).compose()


class AccuracyPage:
    """The page's parts, filled for the window that is chosen, and again every minute."""

    def __init__(self, sources: PageSources) -> None:
        self._sources = sources
        windows = [[key, one.name] for key, one in words.WINDOWS.items()]
        self.window = Choice(field="window", label="Window of time", options=windows, first="7d")
        horizons = [[str(n), "next block" if n == 1 else f"{n} blocks"] for n in HORIZONS]
        self.horizon = Choice(field="horizon", label="Blocks", options=horizons, first="1")
        self.sentence = Sentence(lead=True)
        self.strip = FigureStrip()
        self.rate = DataChart(figures.rate_figure(), head=["From", *GROUP_HEAD[1:]])
        self.calibration = DataChart(
            figures.calibration_figure(), head=["Stated", "n", "on the mean", "came true"]
        )
        self.lead = DataChart(figures.lead_figure(), head=["Known before its block", "whales"])
        self.by_flow = DataChart(figures.group_figure("flow"), head=["Flow", *GROUP_HEAD[1:]])
        self.by_urgency = DataChart(figures.group_figure("urgency"), head=["Urgency", *GROUP_HEAD[1:]])
        self.missed = PagedTable(
            self._misses, MISS_COLUMNS, label="Misses", page_size=20, empty="Nothing was missed."
        )
        self._found: Correlation | None = None

    def compose(self) -> SpoutPage:
        page = SpoutPage("accuracy.html", title="Accuracy")
        for name in (
            *("window", "horizon", "sentence", "strip", "rate", "calibration", "lead"),
            *("by_flow", "by_urgency", "missed"),
        ):
            page.add_panel(name, getattr(self, name))
        page.add_panel("drawer", WhaleDrawer())
        self.window.param.watch(lambda change: page.soon(partial(self._chosen, change.old)), "value")
        self.horizon.param.watch(lambda _: self._show_calibration(), "value")
        page.every(EVERY_MILLISECONDS, self.show)
        return page

    async def show(self) -> None:
        """Read the window anew and show it."""
        window, now = self._window(), self._sources.now()
        try:
            accounts = self._sources.accounts()
            found = await accounts.correlation(now - timedelta(days=window.days), now)
            leads = await accounts.lead_time_counts(found.start, found.end)
            periods = await accounts.statistics(
                Period.WEEKLY if window.weekly else Period.DAILY,
                now - timedelta(days=window.chart_days),
                now,
            )
        except StoreError:
            self.sentence.param.update(text=NOT_READ, more="")
            return
        self._found = found
        self._say(found, window)
        self._show_rate(periods, window, now)
        self._show_calibration()
        figures.fill_lead(self.lead.figure.object, leads)
        self.lead.param.update(
            text=words.lead_words(found.figures, leads),
            rows=words.lead_rows(leads),
            idle="" if any(leads) else f"nothing confirmed {window.words}",
        )
        self._show_groups("flow", self.by_flow, found)
        self._show_groups("urgency", self.by_urgency, found)

    def _say(self, found: Correlation, window: words.AccuracyWindow) -> None:
        state = next((one for one in self._sources.live.snapshot.components if one.name == "accuracy"), None)
        fallen = state is not None and state.status is ComponentStatus.DEGRADED
        more = [words.beside(found.figures)]
        if fallen and state is not None and state.error:
            more.append(state.error)
        self.sentence.param.update(
            text=words.sentence(found.figures, window, demo=self._sources.live.snapshot.demo),
            more=" ".join(one for one in more if one),
            tone="miss" if fallen else "",
        )
        self.strip.figures = words.strip(found.figures)

    def _show_rate(
        self, periods: tuple[PeriodFigures, ...], window: words.AccuracyWindow, now: datetime
    ) -> None:
        line = self._sources.accuracy_line()
        figures.fill_rate(self.rate.figure.object, periods, window, now=now, line=line)
        rated = any(one.figures.hit_rate is not None for one in periods)
        self.rate.param.update(
            text=words.rate_words(periods, weekly=window.weekly, line=line),
            rows=words.rate_rows(periods),
            idle="" if rated else words.no_rate_yet(weekly=window.weekly),
        )

    def _show_calibration(self) -> None:
        if self._found is None:
            return
        horizon = self.horizon.value or "1"
        bins = self._found.calibration.get(horizon, ())
        figures.fill_calibration(self.calibration.figure.object, bins)
        self.calibration.param.update(
            text=words.calibration_words(bins, horizon),
            rows=words.calibration_rows(bins),
            idle="" if any(one.n >= ENOUGH for one in bins) else "too few yet",
        )

    def _show_groups(self, kind: str, chart: DataChart, found: Correlation) -> None:
        groups = words.ordered(kind, found.by_flow if kind == "flow" else found.by_urgency)
        figures.fill_groups(chart.figure.object, kind, groups)
        chart.param.update(
            text=words.group_words(groups),
            rows=words.group_rows(kind, groups),
            idle="" if groups else "nothing came due",
        )

    async def _chosen(self, before: str | None) -> None:
        await self.show()
        if before is not None:
            self.missed.again()

    async def _misses(self, asked: PageAsked) -> PageOfRows:
        now = self._sources.now()
        try:
            found = await self._sources.accounts().misses(
                now - timedelta(days=self._window().days), now, offset=asked.offset, limit=asked.limit
            )
        except StoreError:
            return PageOfRows(total=0, rows=[])
        return PageOfRows(
            total=found.total,
            rows=[words.miss_row(one) for one in found.misses],
            ids=[one.prediction_id if one.whale else None for one in found.misses],
        )

    def _window(self) -> words.AccuracyWindow:
        return words.WINDOWS[self.window.value or self.window.first]
