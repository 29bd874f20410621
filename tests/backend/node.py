"""The node's own history, rebuilt from the truth: who was in the mempool, which chain was active, when."""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tests.backend.truth import Truth

MEMPOOL, ABSENT = "mempool", "absent"
_LATE = 3.0  # seconds the driver's line may come after the event
_EXPLAINED = 40.0  # seconds in which a block explains a `removed` (the slow poll is 20 s)


@dataclass(frozen=True, slots=True)
class Block:
    hash: str
    previous: str
    height: int
    time: int
    weight: int
    txids: tuple[str, ...]
    t: float


@dataclass(slots=True)
class NodeHistory:
    """Timelines: each is a list of (t, value), in order; the value holds from t on.

    `places` by txid: MEMPOOL, ABSENT or a block's hash.
    """

    truth: Truth
    blocks: dict[str, Block] = field(default_factory=dict)
    places: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    tips: list[tuple[float, str]] = field(default_factory=list)
    changes: list[tuple[float, str, bool]] = field(default_factory=list)
    outages: list[tuple[float, float]] = field(default_factory=list)
    spenders: dict[tuple[str, int], list[str]] = field(default_factory=lambda: defaultdict(list))
    _pool: dict[str, None] = field(default_factory=dict)
    _read: tuple[int, dict[str, None]] = field(default_factory=lambda: (0, {}))
    """How many changes are in the mempool that was asked for last, and that mempool."""
    _chain: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for sent in self.truth.sent.values():
            for txid, vout, _ in sent.inputs:
                self.spenders[txid, vout].append(sent.txid)
        self._read_outages()
        self._run(())
        unexplained = self._unexplained()
        if unexplained:
            self._forget()
            self._run(unexplained)

    def place(self, txid: str, t: float) -> str | None:
        """Return where the transaction was at t; None where the truth never knew it."""
        timeline = self.places.get(txid)
        if timeline is None:
            return None
        return _at(timeline, t) or ABSENT

    def tip(self, t: float) -> Block | None:
        found = _at(self.tips, t)
        return self.blocks[found] if found else None

    def hash_at(self, height: int, t: float) -> str | None:
        """Return the active chain's block at the height, as far back as the truth goes."""
        block = self.tip(t)
        while block and block.height > height:
            block = self.blocks.get(block.previous)
        return block.hash if block and block.height == height else None

    def mempool(self, t: float) -> list[str]:
        """Return the txids waiting at t, in order of arrival."""
        read, pool = self._read
        if read and self.changes[read - 1][0] > t:  # an earlier moment than the last asked for
            read, pool = 0, {}
        for at, txid, arrived in islice(self.changes, read, None):
            if at > t:
                break
            if arrived:
                pool[txid] = None
            else:
                pool.pop(txid, None)
            read += 1
        self._read = (read, pool)
        return list(pool)

    def down(self, t: float) -> bool:
        """Tell whether bitcoind was stopped at t."""
        return any(start <= t < end for start, end in self.outages)

    def spent_in_chain(self, outpoint: tuple[str, int], t: float) -> bool:
        return any(self.place(txid, t) not in (MEMPOOL, ABSENT) for txid in self.spenders.get(outpoint, ()))

    def _forget(self) -> None:
        self._read = (0, {})
        for kept in (self.places, self.tips, self.changes, self._pool, self._chain, self.blocks):
            kept.clear()

    def _run(self, unexplained: tuple[tuple[float, str], ...]) -> None:
        for txid in self.truth.waiting_before:
            self._arrive(txid, 0.0)
        events = [(self._moment(e), place, e) for place, e in enumerate(self.truth.events)]
        events += [(t, len(events), {"event": "dropped", "txid": txid, "t": t}) for t, txid in unexplained]
        for t, _, event in sorted(events, key=lambda item: item[:2]):
            match event["event"]:
                case "tx" if not self.truth.sent[event["txid"]].only_in_block:
                    self._arrive(event["txid"], t)
                case "tx_again":
                    self._arrive(event["txid"], t)
                case "dropped":
                    self._leave(event["txid"], t)
                case "block":
                    self._connect(_block(event), t)
                case "reorg":
                    for hash_ in event["disconnected"]:
                        self._disconnect(hash_, t)

    def _moment(self, event: dict[str, Any]) -> float:
        """Return the node's own moment of the event where ZMQ has it: the driver wrote its line later."""
        t: float = event["t"]
        moments = {"tx": self.truth.accepted, "dropped": self.truth.evicted}.get(event["event"], {})
        received = [at for at in moments.get(event.get("txid", ""), ()) if t - _LATE <= at <= t]
        if (
            not received and event["event"] == "dropped"
        ):  # a stopped node says nothing: the poll after it does
            received = [
                at for at, gone in self.truth.removed if gone == event["txid"] and t - _LATE <= at <= t
            ]
        return max(received, default=t)

    def _arrive(self, txid: str, t: float) -> None:
        self._clear_conflicts(txid, t)
        self._pool[txid] = None
        self.changes.append((t, txid, True))
        self.places[txid].append((t, MEMPOOL))

    def _leave(self, txid: str, t: float) -> None:
        if txid not in self._pool:
            return
        self._take(txid, t, ABSENT)
        sent = self.truth.sent.get(txid)
        for vout in range(len(sent.outputs) if sent else 0):
            for child in self.spenders.get((txid, vout), ()):
                self._leave(child, t)

    def _take(self, txid: str, t: float, place: str) -> None:
        if txid in self._pool:
            del self._pool[txid]
            self.changes.append((t, txid, False))
        self.places[txid].append((t, place))

    def _clear_conflicts(self, txid: str, t: float) -> None:
        sent = self.truth.sent.get(txid)
        for parent, vout, _ in sent.inputs if sent else ():
            for rival in self.spenders[parent, vout]:
                if rival != txid:
                    self._leave(rival, t)

    def _connect(self, block: Block, t: float) -> None:
        self.blocks[block.hash] = block
        for txid in block.txids:
            self._take(txid, t, block.hash)
            self._clear_conflicts(txid, t)
        self._chain.append(block.hash)
        self.tips.append((t, block.hash))

    def _disconnect(self, hash_: str, t: float) -> None:
        block = self.blocks[hash_]
        self._chain.remove(hash_)
        self.tips.append((t, block.previous))
        self.places[block.txids[0]].append((t, ABSENT))
        for txid in block.txids[1:]:
            self._arrive(txid, t)

    def _unexplained(self) -> tuple[tuple[float, str], ...]:
        """Find what a frame shows as removed while the truth has it waiting, with no block to explain it."""
        found: dict[str, float] = {}
        for t, txid in self.truth.removed:
            timeline = self.places.get(txid, [])
            quiet = all(not t - _EXPLAINED < at < t + _EXPLAINED for at, _ in timeline)
            if quiet and self.place(txid, t) == MEMPOOL:
                found.setdefault(txid, t)
        return tuple((t, txid) for txid, t in found.items())

    def _read_outages(self) -> None:
        start = None
        for event in self.truth.events:
            what = event.get("what", "") if event["event"] == "fault" else ""
            if what.startswith("bitcoind stop"):
                start = event["t"]
            elif start is not None and (what.startswith("bitcoind answers") or event["event"] == "dropped"):
                self.outages.append((start, self._moment(event)))
                start = None


def _at(timeline: list[tuple[float, str]], t: float) -> str | None:
    place = bisect_right(timeline, t, key=lambda item: item[0])
    return timeline[place - 1][1] if place else None


def _block(event: dict[str, Any]) -> Block:
    return Block(
        hash=event["hash"],
        previous=event["prev"],
        height=event["height"],
        time=event["time"],
        weight=event["weight"],
        txids=tuple(event["txids"]),
        t=event["t"],
    )
