"""How Spout is: each of its components, and all together."""

from enum import StrEnum

from pydantic import Field

from app import views
from app.api.models.kinds import Count, Milliseconds, Moment, Seconds, Shape
from app.views import BreakerState, ComponentStatus, Level


class HealthStatus(StrEnum):
    """unhealthy: one that is required has failed; degraded: another is not well, or nothing is known."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


_WELL = frozenset({ComponentStatus.OK, ComponentStatus.OFF})


def overall(components: tuple[views.Component, ...]) -> HealthStatus:
    """Return the status of all together, by the meanings of HealthStatus."""
    if any(part.required and part.status is ComponentStatus.FAILED for part in components):
        return HealthStatus.UNHEALTHY
    if not components or any(part.status not in _WELL for part in components):
        return HealthStatus.DEGRADED
    return HealthStatus.HEALTHY


class Reconnects(Shape):
    """Attempts to connect again since the start; one that goes on is neither success nor failure."""

    attempts: Count
    successes: Count
    failures: Count


class Component(Shape):
    name: str = Field(
        description="database, mempool_ws, mempool_rest, electrs, bitcoind, memory, notifiers, accuracy"
    )
    status: ComponentStatus
    latency_ms: Milliseconds | None = Field(description="of its last answer; null: none was timed")
    error: str | None = Field(description="what is wrong and how to mend it; null: nothing is")
    since: Moment
    required: bool
    detail: str | None = Field(description="what is worth knowing when nothing is wrong; null: nothing")
    reconnects: Reconnects | None = Field(default=None, description="null: it keeps no connection")
    breaker: BreakerState | None = Field(
        default=None, description="open: no call for some seconds, the last ones failed; null: it has none"
    )


class Notice(Shape):
    """Something the operator should know; it stays until it is no longer so."""

    code: str
    message: str
    since: Moment


class Health(Shape):
    """`GET /api/v1/health`."""

    status: HealthStatus
    demo: bool
    uptime_s: Seconds
    rung: Level = Field(description="how much is seen, best first")
    gaps_detected: Count = Field(description="sequence breaks and reconnects since the start")
    components: list[Component]
    notices: list[Notice]
