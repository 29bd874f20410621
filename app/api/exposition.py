"""`GET /metrics`: process counters and figures from the Snapshot, in Prometheus' text format."""

from collections.abc import Iterable
from dataclasses import fields

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.api.base import ApiHandler
from app.api.guard import Caller, identify
from app.api.limits import PAGE
from app.core.access import Scope
from app.core.scoring import ENOUGH
from app.core.totals import moved_in_all
from app.views import BreakerState, ComponentStatus, LiveSnapshot, Snapshot
from app.web import asked_on_this_machine

_NAMES_OUTSIDE = {"unloaded": "shed"}
"""Counters whose name in the code has changed since scrapers know them."""
_OF_THE_DATABASE = frozenset({"events"})
"""Counters that go on over a restart: an event's number is its place in the history."""


class MetricsHandler(ApiHandler):
    """A scraper on this machine needs no key; any other needs one of scope read."""

    async def recognise_caller(self) -> Caller:
        gate = self.parts.gate
        visitor = gate.visitor(self.request)
        here = not visitor.trusted and asked_on_this_machine(
            self.request.headers, visitor.peer, self.request.version
        )
        if here and not gate.is_foreign(self.request):
            return Caller(name="scraper", scope=Scope.READ, quota=PAGE)
        return await identify(self.request, self.parts)

    async def get(self) -> None:
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        shown = CollectorRegistry()
        shown.register(SnapshotCollector(self.parts.live))
        self.finish(generate_latest(self.parts.metrics.registry) + generate_latest(shown))


class SnapshotCollector(Collector):
    def __init__(self, live: LiveSnapshot) -> None:
        self._live = live

    def collect(self) -> Iterable[Metric]:
        snapshot = self._live.snapshot
        yield from _counters(snapshot)
        yield from _gauges(snapshot)
        yield from _sources(snapshot)
        states = GaugeMetricFamily(
            "spout_component_status", "1 for the state it is in.", labels=["component", "status"]
        )
        for component in snapshot.components:
            for status in ComponentStatus:
                states.add_metric([component.name, status.value], float(component.status is status))
        yield states


def _counters(snapshot: Snapshot) -> Iterable[Metric]:
    for counter in fields(snapshot.counters):
        name = _NAMES_OUTSIDE.get(counter.name, counter.name)
        since = "in all" if counter.name in _OF_THE_DATABASE else "since start"
        yield CounterMetricFamily(
            f"spout_{name}",
            f"{name.replace('_', ' ')} {since}.",
            getattr(snapshot.counters, counter.name),
        )


def _sources(snapshot: Snapshot) -> Iterable[Metric]:
    """Yield what is told of each source."""
    first = CounterMetricFamily(
        "spout_source_first", "Transactions that this source reported first.", labels=["source"]
    )
    lead = GaugeMetricFamily(
        "spout_source_lead_milliseconds", "Median lead over the next source.", labels=["source"]
    )
    for one in snapshot.leads:
        first.add_metric([one.source.value], one.first)
        if one.median_lead_ms is not None:
            lead.add_metric([one.source.value], one.median_lead_ms)
    attempts = CounterMetricFamily(
        "spout_source_reconnects",
        "Attempts to connect again, as they ended.",
        labels=["source", "result"],
    )
    breaker = GaugeMetricFamily(
        "spout_source_breaker_open", "1 while the circuit breaker lets no call through.", labels=["source"]
    )
    for part in snapshot.components:
        if part.reconnects is not None:
            attempts.add_metric([part.name, "success"], part.reconnects.successes)
            attempts.add_metric([part.name, "failure"], part.reconnects.failures)
        if part.breaker is not None:
            breaker.add_metric([part.name], float(part.breaker is BreakerState.OPEN))
    yield from (first, lead, attempts, breaker)


def _gauges(snapshot: Snapshot) -> Iterable[Metric]:
    """Yield the gauges; an unknown value is absent, not zero."""
    seen = snapshot.accuracy
    known: dict[str, tuple[str, float | None]] = {
        "spout_demo": ("1 while the demo is played.", float(snapshot.demo)),
        "spout_pending_whales": ("Whales that wait.", len(snapshot.pending)),
        "spout_whales_set_aside": ("Pending whales that memory has no room for.", snapshot.unloaded),
        "spout_last_sequence": ("Sequence of the last event.", snapshot.last_sequence),
        "spout_block_height": ("Height of the tip.", snapshot.tip.height if snapshot.tip else None),
        "spout_mempool_transactions": (
            "Transactions in the node's mempool.",
            snapshot.mempool.count if snapshot.mempool else None,
        ),
        "spout_pending_moved_satoshi": ("What pending whales move.", moved_in_all(snapshot.pending)),
        "spout_accuracy_hit_rate": (
            "Share of forecasts that held, once there are enough of them.",
            seen.on_time / seen.n if seen and seen.n >= ENOUGH else None,
        ),
        "spout_accuracy_forecasts": ("Forecasts that the hit rate is of.", seen.n if seen else None),
        "spout_memory_limit_megabytes": ("SPOUT_MEMORY_LIMIT_MB.", snapshot.memory_limit_mb),
        "spout_rss_megabytes": ("Resident memory.", snapshot.rss_mb),
        "spout_database_bytes": ("Size of the database.", snapshot.database_bytes),
        "spout_loop_lag_milliseconds": ("How late the event loop runs.", snapshot.loop_lag_ms),
    }
    for name, (words, value) in known.items():
        if value is not None:
            yield GaugeMetricFamily(name, words, value)
