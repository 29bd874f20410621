"""`GET /metrics`: the process's own counters and what the Snapshot holds, in Prometheus' words."""

from collections.abc import Iterable
from dataclasses import fields

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.api.base import ApiHandler
from app.api.guard import Caller, identify
from app.api.limits import PAGE
from app.core.access import Scope
from app.views import ComponentStatus, Live, Snapshot
from app.web.origin import asked_by_foreign_page, asked_on_this_machine


class MetricsHandler(ApiHandler):
    """A scraper on this machine is asked for no key; any other needs one of scope read."""

    async def recognise_caller(self) -> Caller:
        here = asked_on_this_machine(self.request.headers, self.request.remote_ip or "")
        if here and not asked_by_foreign_page(self.request.headers):
            return Caller(name="scraper", scope=Scope.READ, quota=PAGE)
        return await identify(self.request, self.parts)

    async def get(self) -> None:
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        shown = CollectorRegistry()
        shown.register(SnapshotCollector(self.parts.live))
        self.finish(generate_latest(self.parts.metrics.registry) + generate_latest(shown))


class SnapshotCollector(Collector):
    def __init__(self, live: Live) -> None:
        self._live = live

    def collect(self) -> Iterable[Metric]:
        snapshot = self._live.snapshot
        yield from _counters(snapshot)
        yield from _gauges(snapshot)
        states = GaugeMetricFamily(
            "spout_component_status", "1 for the state it is in.", labels=["component", "status"]
        )
        for component in snapshot.components:
            for status in ComponentStatus:
                states.add_metric([component.name, status.value], float(component.status is status))
        yield states


def _counters(snapshot: Snapshot) -> Iterable[Metric]:
    for counter in fields(snapshot.counters):
        name = counter.name
        yield CounterMetricFamily(
            f"spout_{name}", f"{name.replace('_', ' ')} since start.", getattr(snapshot.counters, name)
        )


def _gauges(snapshot: Snapshot) -> Iterable[Metric]:
    """Unknown is absent, not zero."""
    known: dict[str, tuple[str, float | None]] = {
        "spout_demo": ("1 while the demo is played.", float(snapshot.demo)),
        "spout_pending_whales": ("Whales that wait.", len(snapshot.pending)),
        "spout_whales_set_aside": ("Pending whales that memory has no room for.", snapshot.set_aside),
        "spout_last_sequence": ("Sequence of the last event.", snapshot.last_sequence),
        "spout_block_height": ("Height of the tip.", snapshot.tip.height if snapshot.tip else None),
        "spout_mempool_transactions": (
            "Transactions in the node's mempool.",
            snapshot.mempool.count if snapshot.mempool else None,
        ),
        "spout_rss_megabytes": ("Resident memory.", snapshot.rss_mb),
        "spout_database_bytes": ("Size of the database.", snapshot.database_bytes),
        "spout_loop_lag_milliseconds": ("How late the event loop runs.", snapshot.loop_lag_ms),
    }
    for name, (words, value) in known.items():
        if value is not None:
            yield GaugeMetricFamily(name, words, value)
