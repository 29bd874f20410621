"""The Live page, composed of Panel objects; where they stand is in `templates/live.html`."""

from dashboard import figures
from dashboard.components import (
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
from dashboard.page import PageSources, SpoutPage


def live(_sources: PageSources) -> SpoutPage:
    return SpoutPage(
        "live.html",
        title="Live",
        channel="live",
        frozen=True,
        announcements=Announcements(),
        strip=StatusStrip(),
        filters=WhaleFilters(),
        pending=WhaleTable(which="pending", most=8, most_phone=5),
        ended=WhaleTable(which="ended", most=6, most_phone=4),
        bubbles=BubbleChart(figures.bubble_figure()),
        queue=QueueChart(figures.queue_figure()),
        flow=FlowCharts(figures.flow_figure(), figures.other_figure()),
        memory=LineChart(figures.line_figure("rss", height=110), part="memory", series="rss", unit="MB"),
        drawer=WhaleDrawer(),
    )
