"""What the process counts about itself, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector


class Metrics:
    """Its own registry, so that two in one process (tests) do not meet."""

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

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        self._answers.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def stream_opened(self) -> None:
        self._streams.inc()

    def stream_gone(self) -> None:
        self._streams.dec()

    def stream_closed(self, reason: str) -> None:
        """`reason` is one of a few codes, never free text: each one is a series of its own."""
        self._stream_closed.labels(reason).inc()
