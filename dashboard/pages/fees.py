"""The Fees page: what a place in a block costs now, and what whales of the last day paid for theirs."""

from datetime import timedelta
from statistics import median

from bokeh.models import ColumnDataSource, HoverTool, NumeralTickFormatter

from app.core.prediction import Status
from app.core.units import SATS_PER_BTC
from app.views import PredictionQuery
from dashboard import figures
from dashboard.components import Column, DataChart, PageAsked, PagedTable, PageOfRows
from dashboard.feed.queue import rate_of
from dashboard.format import count, millis
from dashboard.page import PageSources, SpoutPage

TIERS = {"fastest": "the next block", "half_hour": "half an hour", "hour": "an hour", "minimum": "at all"}
COLUMNS = [Column(field=one, title=one, sortable=False) for one in ("To confirm within", "sat/vB")]
MOST = 500


def fees(sources: PageSources) -> SpoutPage:
    page = SpoutPage(title="Fees")
    dots = ColumnDataSource({"at": [], "rate": [], "btc": []}, name="fees-paid")
    axes = {"x_axis_type": "datetime", "y_axis_type": "log", "x_range": (0, 1), "y_range": (0.3, 100)}
    plot = figures.plain_figure("fees", height=240, y_axis_label="sat/vB", **axes)
    paid = plot.scatter("at", "rate", size=9, fill_alpha=0.6, source=dots)
    figures.coloured(paid, "fill:accent", "line:card")
    plot.xaxis.formatter = figures.times(hours="%H:%M", days="%-d %b")
    plot.yaxis.formatter = NumeralTickFormatter(format="0.[0]")
    plot.add_tools(HoverTool(renderers=[paid], tooltips=[("sat/vB", "@rate{0.0}"), ("BTC", "@btc{0.00}")]))
    chart = DataChart(plot, head=["Confirmed, UTC", "sat/vB", "BTC"])

    async def fill() -> None:
        end = sources.live.snapshot.made_at
        start, room = end - timedelta(days=1), timedelta(minutes=30)  # room for the last dot
        plot.x_range.update(start=millis(start), end=millis(end + room))
        kept = await sources.history.page(PredictionQuery(status=Status.CONFIRMED, start=start, limit=MOST))
        found = [
            (one.confirmed_at, rate, one.classification.moved / SATS_PER_BTC)
            for one in kept.predictions
            if one.confirmed_at and (rate := rate_of(one))
        ]
        columns = list(zip(*found, strict=True)) or [(), (), ()]
        dots.data = {"at": list(map(millis, columns[0])), "rate": list(columns[1]), "btc": list(columns[2])}
        chart.rows = [[f"{at:%d %b %H:%M}", f"{rate:.1f}", f"{btc:,.2f}"] for at, rate, btc in found]
        chart.idle = "" if found else "no whale confirmed in the last day"
        middle = f"; half of them paid at most {median(columns[1]):.1f} sat/vB" if found else ""
        chart.text = f"{count(len(found), 'whale')} confirmed{middle}."

    async def now(_: PageAsked) -> PageOfRows:
        known = sources.live.snapshot.fees
        rows = [[words, f"{getattr(known, name):g}" if known else None] for name, words in TIERS.items()]
        return PageOfRows(total=len(rows), rows=rows)

    page.soon(fill)
    page.add_section("paid", "What whales paid", note=f"in the last day, UTC, the latest {MOST}", chart=chart)
    page.add_section("now", "What a place costs now", rows=PagedTable(now, COLUMNS, label="Price of a place"))
    return page
