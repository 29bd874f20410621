"""How Spout is: alive at all, and each of its components."""

from typing import Any

from app.api.base import ApiHandler
from app.core.contract import iso
from app.views import Component, ComponentStatus, Snapshot

_WELL = frozenset({ComponentStatus.OK, ComponentStatus.OFF})


class HealthHandler(ApiHandler):
    async def get(self) -> None:
        self.answer(health_body(self.parts.live.snapshot, self.parts.clock.now().timestamp()))


def health_body(snapshot: Snapshot, now: float) -> dict[str, Any]:
    """`now` in Unix seconds."""
    return {
        "status": overall(snapshot.components),
        "demo": snapshot.demo,
        "uptime_s": round(max(0.0, now - snapshot.started_at.timestamp()), 3),
        "rung": snapshot.rung.value,
        "components": [_component(component) for component in snapshot.components],
        "notices": [
            {"code": notice.code, "message": notice.words, "since": iso(notice.since)}
            for notice in snapshot.notices
        ],
    }


def overall(components: tuple[Component, ...]) -> str:
    """unhealthy: one that is required has failed; degraded: another is not well, or nothing is known."""
    if any(part.required and part.status is ComponentStatus.FAILED for part in components):
        return "unhealthy"
    if not components or any(part.status not in _WELL for part in components):
        return "degraded"
    return "healthy"


def _component(component: Component) -> dict[str, Any]:
    return {
        "name": component.name,
        "status": component.status.value,
        "latency_ms": component.latency_ms,
        "error": component.error,
        "since": iso(component.since),
        "required": component.required,
        "detail": component.detail,
    }
