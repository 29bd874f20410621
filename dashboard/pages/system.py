"""The System page; where its parts stand is in `templates/system.html`."""

from dashboard import figures
from dashboard.components import CalledHosts, ComponentHealth, Counters, HealthChanges, LineChart, LogLines
from dashboard.page import PageSources, SpoutPage


def system(_sources: PageSources) -> SpoutPage:
    return SpoutPage(
        "system.html",
        title="System",
        channel="system",
        frozen=True,
        components=ComponentHealth(),
        rss=LineChart(figures.line_figure("rss"), series="rss", unit="MB"),
        rate=LineChart(figures.line_figure("rate"), series="rate", unit="a second"),
        lag=LineChart(figures.line_figure("lag"), series="lag", unit="ms", least=10),
        counters=Counters(),
        changes=HealthChanges(),
        hosts=CalledHosts(),
        log=LogLines(),
    )
