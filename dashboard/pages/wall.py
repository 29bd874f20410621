"""The wall view, `/wall`: Live without controls, large, for a screen in the room."""

from dashboard import figures
from dashboard.components import Announcements, FlowCharts, QueueChart, StatusStrip, WhaleTable
from dashboard.page import PageSources, SpoutPage


def wall(_sources: PageSources) -> SpoutPage:
    return SpoutPage(
        "wall.html",
        title="Wall",
        channel="live",
        frozen=True,
        announcements=Announcements(),
        strip=StatusStrip(),
        pending=WhaleTable(which="pending", most=8, most_phone=8),
        ended=WhaleTable(which="ended", most=4, most_phone=4),
        queue=QueueChart(figures.queue_figure()),
        flow=FlowCharts(figures.flow_figure(), figures.other_figure()),
    )
