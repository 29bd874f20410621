"""The sources of one engine together: what runs, who is asked, and how they are."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.core.events import Happening
from app.core.firsts import Lead
from app.core.ladder import Reading
from app.core.models import SourceName
from app.core.observations import Observation, SourceSynced
from app.source.door import Door
from app.source.examine import Finding, Verdict
from app.source.examining import NETWORK, Examination, mending
from app.source.health import Condition, ConnectionState, SourceHealth
from app.source.inquire import Answerer
from app.source.sides import Sides, is_connected
from app.source.sight import tidings
from app.views import Component, ComponentStatus

Part = tuple[str, Callable[[], Awaitable[None]]]
_STATUS = {
    ConnectionState.CONNECTED: ComponentStatus.OK,
    ConnectionState.DISCONNECTED: ComponentStatus.STARTING,
    ConnectionState.RECONNECTING: ComponentStatus.DEGRADED,
    ConnectionState.FAILED: ComponentStatus.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """`parts` run for ever and tell; `answerers` are asked in this order."""

    parts: tuple[Part, ...]
    answerers: tuple[Answerer, ...]
    sides: Sides
    door: Door
    examination: Examination
    close: Callable[[], Awaitable[None]]
    demo: bool = False

    def hear(self, observation: Observation, at: datetime) -> Iterable[Happening]:
        """A backend that is still reading its own mempool is not believed when it misses something."""
        match observation:
            case SourceSynced(source=SourceName.MEMPOOL_WS, percent=percent):
                if self.sides.backend is not None:
                    self.sides.backend.has_read(percent)
        return tidings(observation, at)

    def reading(self) -> Reading:
        return self.examination.believed().reading()

    def leads(self) -> tuple[Lead, ...]:
        """Who saw transactions first; of use where more than one can."""
        leads = self.door.firsts.leads()
        return leads if self.sides.backend is not None and self.sides.node is not None else ()

    def components(self) -> tuple[Component, ...]:
        """One for each that is configured. A mempool source is required as long as no other one works."""
        reading = self.reading()
        alone = not (reading.stream or reading.answers)
        backend, node, electrum = self.sides.backend, self.sides.node, self.sides.electrum
        found = []
        if backend is not None:
            found.append(self._component(backend.stream, SourceName.MEMPOOL_WS, required=alone))
            if not self.demo:
                found.append(self._component(backend.answers, SourceName.MEMPOOL_REST))
        if electrum is not None:
            found.append(self._component(electrum.health, SourceName.ELECTRS))
        if node is not None:
            found.append(self._component(node.health, SourceName.BITCOIND, required=alone))
        return tuple(found)

    def _component(self, health: SourceHealth, name: SourceName, *, required: bool = False) -> Component:
        condition = health.condition
        verdict, words = mending(self._current_findings(health, name))
        return Component(
            name=health.name,
            status=_status(condition, verdict, other_chain=self.examination.is_other_chain(name)),
            since=condition.since,
            latency_ms=condition.latency_ms,
            error=words or condition.last_error or _notes(condition),
            required=required,
            detail=self._detail(condition, name),
        )

    def _current_findings(self, health: SourceHealth, name: SourceName) -> list[Finding]:
        """Without those that what we hear since has overtaken: it is there again, or it is gone."""
        there = is_connected(health)
        return [
            found
            for found in self.examination.findings(name)
            if found.component == NETWORK or (found.status is Verdict.FAILED) is not there
        ]

    def _detail(self, condition: Condition, name: SourceName) -> str | None:
        if condition.syncing is not None:
            return _catching_up(name, condition.syncing)
        lead = next((one for one in self.leads() if one.source is name), None)
        ahead = "" if lead is None or lead.median_lead_ms is None else f", {lead.median_lead_ms:.0f} ms ahead"
        first = f"first to see {lead.first} whales{ahead}" if lead else None
        electrum = self.sides.electrum
        server = electrum.source.server if electrum and name is SourceName.ELECTRS else None
        return "; ".join(one for one in (server, first) if one) or None


def _status(condition: Condition, verdict: Verdict, *, other_chain: bool) -> ComponentStatus:
    """What is configured wrongly is not well, however well it answers."""
    if other_chain:
        return ComponentStatus.FAILED
    status = _STATUS[condition.state]
    if status is not ComponentStatus.OK:
        return status
    if condition.syncing is not None:
        return ComponentStatus.SYNCING
    return ComponentStatus.DEGRADED if verdict is not Verdict.OK or condition.notes else status


def _notes(condition: Condition) -> str | None:
    return "; ".join(condition.notes) or None


def _catching_up(name: SourceName, percent: float) -> str:
    match name:
        case SourceName.BITCOIND:
            return f"bitcoind is starting or syncing: {percent:.1f} %"
        case SourceName.ELECTRS:
            return "the Electrum server is not ready yet: it indexes"
        case _:
            return f"the backend has read {percent:.0f} % of its mempool"


def off(names: Sequence[str], since: datetime) -> tuple[Component, ...]:
    """Components that are not configured."""
    return tuple(Component(name=name, status=ComponentStatus.OFF, since=since) for name in names)
