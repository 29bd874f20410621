"""What one client asked for, the answers it gets at once, and what of a full frame is cut out for it."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.backend.protocol import Socket

Json = dict[str, Any]
STATS = ("mempoolInfo", "vBytesPerSecond", "transactions", "da", "fees")
TO_EVERYBODY = ("loadingIndicators", "conversions")
MAX_TRACKED = 100


class Feed(Protocol):
    """What a client is told at once when it asks; None: nothing yet."""

    def init(self) -> Json | None: ...

    def wanted(self, names: set[str]) -> Json: ...

    def trees(self) -> list[Json]: ...

    def projected(self, index: int) -> Json | None: ...

    def tracked(self, txids: list[str]) -> Json: ...


@dataclass(slots=True)
class Subscriptions:
    wants: set[str] = field(default_factory=set)
    reported: set[str] = field(default_factory=set)
    mempool: bool = False
    txids: bool = False
    rbf: bool = False
    rbf_summary: bool = False
    index: int | None = None
    tracked: list[str] = field(default_factory=list)

    def take(self, message: Json, feed: Feed) -> list[Json]:
        """Follow one message; return the frames to answer with."""
        answers: list[Json] = []
        action = message.get("action")
        if action == "ping":
            answers.append({"pong": True})
        elif action == "init":
            answers += [found] if (found := feed.init()) else []
        elif action == "want" and isinstance(message.get("data"), list):
            answers += self._want({name for name in message["data"] if isinstance(name, str)}, feed)
        if message.get("refresh-blocks"):
            answers.append(feed.wanted({"blocks"}))
        self.mempool = _switch(message, "track-mempool", now=self.mempool)
        self.txids = _switch(message, "track-mempool-txids", now=self.txids)
        return [*answers, *self._track(message, feed)]

    def cut(self, frame: Json) -> Json:
        """Return the part of a full frame this client gets; empty: it gets nothing."""
        kept = {key: value for key, value in frame.items() if self._has(key)}
        if "projected-block-transactions" in kept:
            projected = _of_index(kept.pop("projected-block-transactions"), self.index)
            if projected is not None:
                kept["projected-block-transactions"] = projected
        return kept

    def _want(self, names: set[str], feed: Feed) -> list[Json]:
        fresh = names - self.reported
        self.wants, self.reported = names, self.reported | names
        answer = feed.wanted(fresh)
        return [answer] if answer else []

    def _track(self, message: Json, feed: Feed) -> list[Json]:
        answers: list[Json] = []
        if "track-rbf" in message:
            self.rbf = message["track-rbf"] in ("all", "fullRbf")
            answers += [{"rbfLatest": feed.trees()}] if self.rbf else []
        if "track-rbf-summary" in message:
            self.rbf_summary = bool(message["track-rbf-summary"])
            answers += [{"rbfLatestSummary": []}] if self.rbf_summary else []
        if "track-mempool-block" in message:
            index = message["track-mempool-block"]
            self.index = index if type(index) is int and 0 <= index < 8 else None
            projected = feed.projected(self.index) if self.index is not None else None
            answers += [{"projected-block-transactions": projected}] if projected else []
        if isinstance(message.get("track-txs"), list):
            self.tracked = [txid for txid in message["track-txs"] if isinstance(txid, str)]
            answers.append({"tracked-txs": feed.tracked(self.tracked)})
        return answers

    def _has(self, key: str) -> bool:
        if key in TO_EVERYBODY:
            return True
        if key in STATS:
            return "stats" in self.wants
        if key in ("block", "blocks"):
            return "blocks" in self.wants
        flags = {
            "mempool-transactions": self.mempool,
            "mempool-txids": self.txids,
            "rbfLatest": self.rbf,
            "rbfLatestSummary": self.rbf_summary,
            "projected-block-transactions": self.index is not None,
        }
        return flags.get(key, key in self.wants)


@dataclass(eq=False, slots=True)
class Client:
    socket: Socket
    subscriptions: Subscriptions = field(default_factory=Subscriptions)
    moments: list[float] = field(default_factory=list)
    idle: asyncio.TimerHandle | None = None


def _switch(message: Json, key: str, *, now: bool) -> bool:
    return bool(message[key]) if key in message else now


def _of_index(reported: dict[Any, Any], index: int | None) -> Json | None:
    """Return the projected block of the client's index, from one recorded or from all of a world's."""
    if "index" in reported:
        return reported if reported["index"] == index else None
    found: Json | None = reported.get(index)
    return found
