"""The process's own counters and timings, for Prometheus."""

from contextvars import ContextVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Seconds: what takes milliseconds when all is well."""
frame_arrived: ContextVar[float | None] = ContextVar("frame_arrived", default=None)
"""When the frame being read came, in monotonic seconds; set by the source that reads it."""


class Metrics:
    """Has its own registry, so that two in one process (tests) do not collide."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._answers = Counter(
            "spout_http_requests_total",
            "Answers of the API.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "spout_http_request_seconds", "Time to answer.", ["route"], registry=self.registry
        )
        self._streams = Gauge(
            "spout_stream_clients", "Clients of the event stream that are connected.", registry=self.registry
        )
        self._stream_closed = Counter(
            "spout_stream_closed_total", "Streams that Spout closed.", ["reason"], registry=self.registry
        )

        self._latency = Histogram(
            "spout_alert_latency_seconds",
            "From the frame that shows a whale to the stream that tells it.",
            buckets=_FAST,
            registry=self.registry,
        )
        self._decode = Histogram(
            "spout_decode_seconds",
            "Time to decode a frame of the mempool backend, or small ones that came together.",
            buckets=_FAST,
            registry=self.registry,
        )
        self._pipeline = Histogram(
            "spout_pipeline_seconds",
            "Time of one batch from tracker to store, stored and told.",
            buckets=_FAST,
            registry=self.registry,
        )
        self._deliveries = Counter(
            "spout_deliveries_total", "Attempts to send an alert.", ["result"], registry=self.registry
        )
        for result in ("delivered", "failed"):
            self._deliveries.labels(result)

    def whale_published(self, seconds: float) -> None:
        """Observe the time from a whale's frame to the stream."""
        self._latency.observe(seconds)

    def decoded(self, seconds: float) -> None:
        self._decode.observe(seconds)

    def batch_done(self, seconds: float) -> None:
        self._pipeline.observe(seconds)

    def attempted(self, *, delivered: bool) -> None:
        """Count one attempt to send an alert."""
        self._deliveries.labels("delivered" if delivered else "failed").inc()

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        self._answers.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def stream_opened(self) -> None:
        self._streams.inc()

    def stream_gone(self) -> None:
        self._streams.dec()

    def stream_closed(self, reason: str) -> None:
        """Count a closed stream; `reason` is one of a few codes, as each creates a time series."""
        self._stream_closed.labels(reason).inc()
