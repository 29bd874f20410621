"""Words for every state, and what happens next. Pure: a Snapshot in, banners out, the gravest first."""

from dataclasses import asdict, dataclass
from typing import Any

from app.views import Component, ComponentStatus, Level, Snapshot
from dashboard.format import millis

SOURCES = ("mempool_ws", "mempool_rest", "bitcoind", "electrs")
COMPONENT_WORDS = {
    "database": "Database",
    "mempool_ws": "Mempool feed",
    "mempool_rest": "Mempool REST",
    "electrs": "electrs",
    "bitcoind": "bitcoind",
    "memory": "Memory",
    "notifiers": "Notifiers",
    "accuracy": "Accuracy",
}
STATUS_WORDS = {
    ComponentStatus.OK: "ok",
    ComponentStatus.STARTING: "connecting",
    ComponentStatus.SYNCING: "catching up",
    ComponentStatus.DEGRADED: "degraded",
    ComponentStatus.FAILED: "failed",
    ComponentStatus.OFF: "off",
}
NOTICE_TITLES = {
    "database_set_aside": "The database was set aside",
    "wal_set_aside": "Part of the database was set aside",
    "disk_full": "The disk is full",
    "memory_pressure": "Memory is short: shedding",
    "shedding": "Memory is short: shedding",
}
KEEPS_TRYING = "Spout keeps trying by itself; this page follows without a reload."


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """`tone`: demo, calm (wait), warn (less than usual), bad (nothing). `since` in ms, None if unknown."""

    code: str
    tone: str
    title: str
    words: str
    since: int | None = None

    def body(self) -> dict[str, Any]:
        return asdict(self)


def banners(snapshot: Snapshot) -> list[Banner]:
    """Return what the operator should know now; empty when all is well."""
    shown = []
    if snapshot.demo:
        shown.append(
            Banner(
                code="demo",
                tone="demo",
                title="DEMO",
                words="A recording is playing, over and over. None of these whales is moving now, "
                "and nothing is sent. Point Spout at your node, or start the node: "
                "the real thing takes over.",
            )
        )
    visibility = _visibility(snapshot)
    if visibility is not None:
        shown.append(visibility)
    shown += [
        Banner(
            code=notice.code,
            tone="warn",
            title=NOTICE_TITLES.get(notice.code, notice.code.replace("_", " ").capitalize()),
            words=notice.words,
            since=millis(notice.since),
        )
        for notice in snapshot.notices
    ]
    return shown


def component_words(name: str) -> str:
    return COMPONENT_WORDS.get(name, name.replace("_", " "))


def working_sources(snapshot: Snapshot) -> list[str]:
    """The sources that are ok now, by name, in the order a reader expects."""
    ok = {component.name for component in snapshot.components if component.status is ComponentStatus.OK}
    return [component_words(name) for name in SOURCES if name in ok]


def _visibility(snapshot: Snapshot) -> Banner | None:
    since = millis(snapshot.level_since)
    syncing = _first(snapshot, ComponentStatus.SYNCING)
    if snapshot.level is Level.LIVE:
        return None if syncing is None else _catching_up(syncing)
    if snapshot.level is Level.POLLING:
        return Banner(
            code="polling",
            tone="warn",
            title="Degraded: the live stream is down",
            words=f"The mempool is asked every few seconds instead, so whales come a little later. "
            f"{_because(snapshot)}{KEEPS_TRYING}",
            since=since,
        )
    if snapshot.level is Level.BLOCKS_ONLY:
        return Banner(
            code="blocks_only",
            tone="warn",
            title="Mempool predictions unavailable",
            words=f"Confirmed flows go on: blocks still arrive. {_because(snapshot)}What waited is kept as "
            f"it was last known. {KEEPS_TRYING}",
            since=since,
        )
    if syncing is not None:
        return _catching_up(syncing)
    if _connecting(snapshot):
        return Banner(
            code="connecting",
            tone="calm",
            title="Connecting to your node",
            words=f"Whales appear here as soon as it answers. {_because(snapshot)}{KEEPS_TRYING}",
            since=since,
        )
    return Banner(
        code="blind",
        tone="bad",
        title="Nothing can be seen at the moment",
        words=f"Mempool predictions unavailable, and no block arrives either: all below is as it was last "
        f"known. {_because(snapshot)}{KEEPS_TRYING}",
        since=since,
    )


def _connecting(snapshot: Snapshot) -> bool:
    known = [component for component in snapshot.components if component.name in SOURCES]
    starting = any(component.status is ComponentStatus.STARTING for component in known)
    return starting or (not known and snapshot.tip is None)


def _catching_up(component: Component) -> Banner:
    how_far = (
        f" {_sentence(component.detail or component.error)}" if component.detail or component.error else ""
    )
    return Banner(
        code="syncing",
        tone="calm",
        title="Your node is still catching up",
        words=f"{component_words(component.name)} works and is not ready yet (initial block download, "
        f"indexing or loading).{how_far} Whales begin to appear when it is done; there is nothing "
        "to do but wait.",
        since=millis(component.since),
    )


def _because(snapshot: Snapshot) -> str:
    """The reason as a sentence with a space behind it, or nothing."""
    reason = snapshot.level_reason or next(
        (
            component.error
            for component in snapshot.components
            if component.name in SOURCES and component.error is not None
        ),
        None,
    )
    return f"{_sentence(reason)} " if reason else ""


def _sentence(words: str | None) -> str:
    if not words:
        return ""
    words = words.strip()
    return words[0].upper() + words[1:] + ("" if words[-1] in ".!?" else ".")


def _first(snapshot: Snapshot, status: ComponentStatus) -> Component | None:
    return next((component for component in snapshot.components if component.status is status), None)
