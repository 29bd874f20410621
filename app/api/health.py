"""Health: liveness, and the state of each component."""

from dataclasses import asdict

from app.api.base import ApiHandler
from app.api.models import Component as ComponentShape
from app.api.models import Health, Notice, Reconnects, overall
from app.views import Component, Snapshot


class HealthHandler(ApiHandler):
    async def get(self) -> None:
        self.answer(health_of(self.parts.live.snapshot, self.parts.clock.now().timestamp()))


def health_of(snapshot: Snapshot, now: float) -> Health:
    """Return the health; `now` in Unix seconds."""
    return Health(
        status=overall(snapshot.components),
        demo=snapshot.demo,
        uptime_s=round(max(0.0, now - snapshot.started_at.timestamp()), 3),
        rung=snapshot.level,
        gaps_detected=snapshot.counters.gaps,
        components=[_component(component) for component in snapshot.components],
        notices=[
            Notice(code=notice.code, message=notice.words, since=notice.since) for notice in snapshot.notices
        ],
    )


def _component(component: Component) -> ComponentShape:
    made = component.reconnects
    return ComponentShape(
        name=component.name,
        status=component.status,
        latency_ms=component.latency_ms,
        error=component.error,
        since=component.since,
        required=component.required,
        detail=component.detail,
        reconnects=None if made is None else Reconnects(**asdict(made)),
        breaker=component.breaker,
    )
