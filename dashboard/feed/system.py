"""What the System page shows at one moment: health, figures over time, counters, the last of the log."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeAlias

from app.core.prediction import Prediction
from app.views import Component, ComponentStatus, Reconnects, Snapshot
from dashboard.feed.page_state import PageState, status_part
from dashboard.feed.samples import Change, Sample, SystemMemory
from dashboard.feed.states import SOURCES, STATUS_WORDS, component_words
from dashboard.format import millis
from dashboard.log_tail import LogTail

Called: TypeAlias = tuple[str, str, datetime]
"""A host, what it was called for, since when."""
DRAWN_SAMPLES = 240
SHOWN_LINES = 60
TONES = {
    ComponentStatus.OK: "ok",
    ComponentStatus.STARTING: "wait",
    ComponentStatus.SYNCING: "wait",
    ComponentStatus.DEGRADED: "warn",
    ComponentStatus.FAILED: "bad",
    ComponentStatus.OFF: "off",
}
COUNTER_WORDS = {
    "transactions": "transactions seen",
    "blocks": "blocks",
    "whales": "whales",
    "events": "events told",
    "replacements": "replacements",
    "reorgs": "reorganisations",
    "conflicts": "conflicts",
    "gaps": "gaps in a stream",
    "reconnects": "reconnects",
    "skipped_messages": "messages skipped (not understood)",
    "unanswered": "questions unanswered",
    "unloaded": "left to the store for memory",
}


class SystemRenderer:
    def __init__(
        self,
        assets: str,
        memory: SystemMemory,
        log: LogTail | None,
        hosts: Callable[[], Sequence[Called]] = tuple,
    ) -> None:
        """`hosts`: every host that this machine's owner has had called, by what for, and since when."""
        self._assets = assets
        self._memory = memory
        self._log = log
        self._hosts = hosts

    def __call__(self, snapshot: Snapshot) -> PageState:
        parts: dict[str, Any] = {
            "status": {**status_part(snapshot), "assets": self._assets},
            "components": {
                "lines": _components(snapshot),
                "words": _health_words(snapshot),
            },
            "changes": {"lines": [_change(one) for one in self._memory.changes]},
            "figures": series(self._memory.samples, snapshot.memory_limit_mb),
            "store": {"bytes": snapshot.database_bytes, "lag": _rounded(snapshot.loop_lag_ms)},
            "counters": {
                "lines": [[words, asdict(snapshot.counters)[name]] for name, words in COUNTER_WORDS.items()]
            },
            "hosts": {"lines": [[host, used_for, millis(at)] for host, used_for, at in self._hosts()]},
            "log": {"lines": self._lines()},
        }
        return PageState(rows={}, parts=parts)

    def _lines(self) -> list[dict[str, Any]] | None:
        if self._log is None:
            return None
        return [
            {"at": millis(line.at), "level": line.level, "words": line.words}
            for line in self._log.lines()[:SHOWN_LINES]
        ]


def series(samples: Iterable[Sample], limit_mb: int | None, *, most: int = DRAWN_SAMPLES) -> dict[str, Any]:
    """Columns for the lines, thinned to `most` of them; the newest is always among them."""
    kept = list(samples)
    step = -(-len(kept) // most) or 1
    kept = kept[::-1][::step][::-1]
    return {
        "at": [millis(one.at) for one in kept],
        "rss": [_rounded(one.rss_mb) for one in kept],
        "rate": [_rounded(one.rate) for one in kept],
        "lag": [_rounded(one.lag_ms) for one in kept],
        "limit": limit_mb,
        "words": {
            "rss": _memory_words(kept, limit_mb),
            "rate": _last_words(
                [one.rate for one in kept], "{0:,.1f} transactions a second now, {1:,.1f} at most."
            ),
            "lag": _last_words([one.lag_ms for one in kept], "{0:,.1f} ms now, {1:,.1f} ms at worst."),
        },
    }


def first_seen(whales: Sequence[Prediction]) -> dict[str, int]:
    """How many of these whales each source knew first: its lead over the others."""
    return dict(Counter(one.first_seen_by.value for one in whales))


def _components(snapshot: Snapshot) -> list[dict[str, Any]]:
    led = first_seen((*snapshot.pending, *snapshot.ended))
    return [_component(one, led, sum(led.values())) for one in snapshot.components]


def _component(one: Component, led: dict[str, int], whales: int) -> dict[str, Any]:
    return {
        "name": component_words(one.name),
        "status": STATUS_WORDS[one.status],
        "tone": TONES[one.status],
        "since": millis(one.since),
        "latency": _rounded(one.latency_ms),
        "words": one.error or one.detail,
        "required": one.required,
        "reconnects": _reconnect_words(one.reconnects),
        "breaker": one.breaker.value.replace("_", " ") if one.breaker else None,
        "first": [led.get(one.name, 0), whales] if one.name in SOURCES else None,
    }


def _reconnect_words(made: Reconnects | None) -> str | None:
    if made is None:
        return None
    return f"{made.successes} of {made.attempts} worked" if made.attempts else "none needed"


def _health_words(snapshot: Snapshot) -> str:
    wrong = [one for one in snapshot.components if TONES[one.status] in {"warn", "bad"}]
    if not snapshot.components:
        return "No component has reported yet."
    if not wrong:
        return "Everything that is configured works."
    return (
        "Not well: "
        + ", ".join(f"{component_words(one.name)} {STATUS_WORDS[one.status]}" for one in wrong)
        + "."
    )


def _change(one: Change) -> dict[str, Any]:
    return {
        "at": millis(one.at),
        "what": one.what,
        "before": one.before,
        "after": one.after,
        "better": one.better,
        "why": one.why,
    }


def _memory_words(kept: Sequence[Sample], limit_mb: int | None) -> str:
    known = [one.rss_mb for one in kept if one.rss_mb is not None]
    if not known:
        return "Nobody has measured the memory yet."
    of = "" if limit_mb is None else f" of {limit_mb} MB; shedding begins at {limit_mb * 0.8:.0f}"
    return f"{known[-1]:.0f} MB now, {max(known):.0f} at most{of}."


def _last_words(values: Sequence[float | None], words: str) -> str:
    known = [value for value in values if value is not None]
    return words.format(known[-1], max(known)) if known else "Not measured yet."


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
