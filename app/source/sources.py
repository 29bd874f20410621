"""The sources of one engine together: which run, which are asked, and their health."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.clock import Clock
from app.core.events import Happening
from app.core.firsts import Lead
from app.core.models import SourceName
from app.core.observations import Observation, SourceSynced
from app.core.tips import Tips
from app.core.units import Sats, counted
from app.core.visibility import Reading
from app.source.answering import Answerer
from app.source.checks import NETWORK, OLD_TIP, CheckVerdict, Examination, Finding, remedy_of
from app.source.far_sides import FarSides, blocks, is_connected
from app.source.filter import ObservationFilter
from app.source.resilience import Condition, ConnectionState, SourceHealth
from app.source.visibility_watch import tidings
from app.views import Component, ComponentStatus, Notice

Part = tuple[str, Callable[[], Awaitable[None]]]
_STATUS = {
    ConnectionState.CONNECTED: ComponentStatus.OK,
    ConnectionState.DISCONNECTED: ComponentStatus.STARTING,
    ConnectionState.RECONNECTING: ComponentStatus.DEGRADED,
    ConnectionState.FAILED: ComponentStatus.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """`parts` run until cancelled and emit; `answerers` are asked in this order."""

    parts: tuple[Part, ...]
    answerers: tuple[Answerer, ...]
    far_sides: FarSides
    clock: Clock
    observation_filter: ObservationFilter
    examination: Examination
    close: Callable[[], Awaitable[None]]
    tips: Tips = field(default_factory=Tips)
    is_main: Callable[[], bool] = lambda: False
    """Whether this is known to be the main network, where blocks come regularly."""
    demo: bool = False

    def set_threshold(self, threshold: Sats) -> None:
        """Set the threshold; a node scans its mempool again."""
        self.observation_filter.set_threshold(threshold)
        if self.far_sides.node is not None:
            self.far_sides.node.source.set_threshold(threshold)

    def receive(self, observation: Observation, at: datetime) -> Iterable[Happening]:
        """Follow the backend's sync: while it reads its mempool, its "not found" is not trusted."""
        match observation:
            case SourceSynced(source=SourceName.MEMPOOL_WS, percent=percent):
                if self.far_sides.backend is not None:
                    self.far_sides.backend.has_read(percent)
        self.tips.listen(observation, at)
        return tidings(observation, at)

    def reading(self) -> Reading:
        return self.examination.believed().reading()

    def leads(self) -> tuple[Lead, ...]:
        """Return which source saw transactions first; empty unless there are two to compare."""
        leads = self.observation_filter.firsts.leads()
        return leads if self.far_sides.backend is not None and self.far_sides.node is not None else ()

    def notices(self, at: datetime) -> tuple[Notice, ...]:
        """Return notices on the chain for the operator: that no new block arrives."""
        best = self.tips.best
        if best is None or best.time is None or (words := self._old_tip(at)) is None:
            return ()
        words = (
            f"{words[0].upper()}{words[1:]} (height {best.height}): "
            "look whether your node has peers, and whether it is on the same chain as others."
        )
        return (Notice(code="old_tip", words=words, since=best.time),)

    def components(self) -> tuple[Component, ...]:
        """Return one per configured source. A mempool source is required as long as no other one works."""
        reading = self.reading()
        alone = not (reading.stream or reading.answers)
        backend, node, electrum = self.far_sides.backend, self.far_sides.node, self.far_sides.electrum
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
        verdict, words = remedy_of(self._current_findings(health, name))
        status = _status(condition, verdict, other_chain=self.examination.is_other_chain(name))
        lag = self._lag(name)
        return Component(
            name=health.name,
            status=ComponentStatus.DEGRADED if lag and status is ComponentStatus.OK else status,
            since=condition.since,
            latency_ms=condition.latency_ms,
            error=words or condition.last_error or lag or _notes(condition),
            required=required,
            detail=self._detail(condition, name),
            reconnects=None if name is SourceName.MEMPOOL_REST else health.reconnects.counted,
            breaker=None if health.breaker is None else health.breaker(),
        )

    def _lag(self, name: SourceName) -> str | None:
        """Return as text how far the source's chain lags behind."""
        at, best = self.clock.now(), self.tips.best
        missing = self.tips.behind(name, at)
        if missing and best is not None:
            others = " and ".join(sorted(one.value for one in self.tips.ahead_of(name))) or "it was"
            return (
                f"behind by {blocks(missing)}: at height {self.tips.of(name)}, {others} at {best.height}; "
                "so it is not asked where a whale is"
            )
        return self._old_tip(at)

    def _old_tip(self, at: datetime) -> str | None:
        best = self.tips.best
        if best is None or best.time is None or self.demo or not self.is_main():
            return None
        age = at - best.time
        return f"no block for {counted(age // timedelta(hours=1), 'hour')}" if age >= OLD_TIP else None

    def _current_findings(self, health: SourceHealth, name: SourceName) -> list[Finding]:
        """Return the findings that a later reconnect or lost connection has not outdated."""
        there = is_connected(health)
        return [
            found
            for found in self.examination.findings(name)
            if found.component == NETWORK or (found.status is CheckVerdict.FAILED) is not there
        ]

    def _detail(self, condition: Condition, name: SourceName) -> str | None:
        if condition.syncing is not None:
            return _catching_up(name, condition.syncing)
        lead = next((one for one in self.leads() if one.source is name), None)
        ahead = None if lead is None else lead.median_lead_ms
        # How often it was first is counted over the whales that are shown, on the card itself.
        first = None if ahead is None else f"{ahead:.0f} ms ahead where it is the first"
        electrum = self.far_sides.electrum
        server = electrum.source.server if electrum and name is SourceName.ELECTRS else None
        return "; ".join(one for one in (server, first) if one) or None


def _status(condition: Condition, verdict: CheckVerdict, *, other_chain: bool) -> ComponentStatus:
    """Return the status; a misconfigured source is not ok, however well it replies."""
    if other_chain:
        return ComponentStatus.FAILED
    status = _STATUS[condition.state]
    if status is not ComponentStatus.OK:
        return status
    if condition.syncing is not None:
        return ComponentStatus.SYNCING
    return ComponentStatus.DEGRADED if verdict is not CheckVerdict.OK or condition.notes else status


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
    """Return components for sources that are not configured."""
    return tuple(Component(name=name, status=ComponentStatus.OFF, since=since) for name in names)
