"""Worlds of mempools drawn from a seed, played against the tracker, and what must hold of each.

    PYTHONPATH=. .venv/bin/python -m tests.core.tracking.random_mempools SEED

plays one, and prints what it is made of, what was published of it, and what did not hold.
"""

import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from app.core.events import EventType, Happening
from app.core.models import Block, SourceName, Transaction
from app.core.prediction import Prediction, Status
from app.core.units import Txid
from tests.builders import a_block, a_whale
from tests.core.story import WS
from tests.core.tracking.mempools_in_time import (
    ELECTRS,
    NODE,
    Arrives,
    Evicted,
    Mempool,
    Mined,
    Moment,
    Play,
    Reorganized,
    ReportedAgain,
    Restarts,
)
from tests.fakes import NOON

WHALES = {
    **{f"a{fee}": a_whale(150, coins=("one",), fee=fee) for fee in (1_000, 2_000, 3_000)},
    **{f"b{fee}": a_whale(150, coins=("two",), fee=fee) for fee in (1_000, 2_500)},
    **{f"ab{fee}": a_whale(220, coins=("one", "two"), fee=fee) for fee in (6_000, 9_500)},
}
"""By the coins they spend, and what they pay."""
SMALL = {
    **{f"small-a{fee}": a_whale(50, coins=("one",), fee=fee) for fee in (4_000, 9_000)},
    "small-b8000": a_whale(40, coins=("two",), fee=8_000),
}
"""Those spend a whale's coin, and are none."""
BY_NAME = WHALES | SMALL
BY_TXID = {tx.txid: tx for tx in BY_NAME.values()}
NAMES = {tx.txid: name for name, tx in BY_NAME.items()}

DELAYS = {NODE: (0.0, 0.0, 0.5, 1.5, 4.0), WS: (0.0, 0.5, 1.0, 2.0, 5.0)}
GAPS = (0.3, 0.7, 1.2, 2.5, 6.0, 40.0, 400.0)
BRINGS_BACK_IN = 0.1
"""A stream reports the transactions of an undone block so long after the blocks in its place."""
STAYS = 10.0
"""So long at least each waits before it is evicted. What leaves sooner is dropped before a late mempool tells
that it arrived: then it is said to be back, and dropped once more. That is known, and lasts a moment."""
UNDISTURBED = 10.0
"""So far apart are a restart and a reorg. Begun anew amid one, the tracker finds its sources on both branches
and no longer knows which was undone: it may go back and forth once more. That is known too."""
SETTLES = 990.0
"""Three listings of each mempool after the last change, with all that is asked because of them."""
WATCHED = 650.0
"""Two more of each."""


@dataclass(slots=True)
class World:
    seed: int
    mempools: list[Mempool]
    moments: list[Moment]
    latency: float

    @property
    def settled_at(self) -> float:
        return self.moments[-1][0] + SETTLES

    @property
    def have_one_policy(self) -> bool:
        return not any(mempool.refuses for mempool in self.mempools)

    def describe(self) -> list[str]:
        return [
            f"seed {self.seed}, {self.latency} s an answer",
            *(_mempool_in_words(one) for one in self.mempools),
            *(f"{seconds:9.2f} {_change_in_words(change)}" for seconds, change in self.moments),
        ]


@dataclass(slots=True)
class Played:
    """A world at its end."""

    world: World
    events: list[Happening]
    kept: list[Prediction]

    @property
    def listed(self) -> list[Mempool]:
        return [one for one in self.world.mempools if one.is_listed]

    @property
    def waits(self) -> set[Txid]:
        """In a mempool that is listed."""
        return {txid for one in self.listed for txid in one.waiting}

    @property
    def mined(self) -> set[Txid]:
        return {txid for one in self.listed for txid in one.mined}

    @property
    def known(self) -> set[Txid]:
        """Wherever it is, an Electrum server included."""
        return {txid for one in self.world.mempools for txid in (*one.waiting, *one.mined)}

    def statuses(self, txid: Txid) -> set[Status]:
        return {one.status for one in self.kept if one.txid == txid}

    def describe(self) -> list[str]:
        return [*self.world.describe(), *(_event_in_words(event) for event in self.events)]


@dataclass(slots=True)
class _Drawing:
    """The changes of a world, one after the other; `miner` says what is possible at the time."""

    chance: random.Random
    miner: Mempool = field(default_factory=lambda: Mempool(NODE))
    seconds: float = 0.0
    moments: list[Moment] = field(default_factory=list)
    arrived: dict[Txid, float] = field(default_factory=dict)
    branch: str = ""
    reorganized_at: float | None = None
    restarted_at: float | None = None

    def draw(self) -> list[Moment]:
        self._arrival()
        for _ in range(self.chance.randint(1, 9)):
            self.seconds = round(self.seconds + self.chance.choice(GAPS), 2)
            kinds = (self._arrival, self._eviction, self._block, self._reorg, self._restart)
            (draw,) = self.chance.choices(kinds, weights=(56, 10, 16, 12, 6))
            draw()
        return self.moments

    def _happens(self, change: Arrives | Evicted | Mined | Reorganized) -> None:
        self.miner.undergo(change)
        self.moments.append((self.seconds, change))

    def _arrival(self) -> None:
        tx = self.chance.choice(list(BY_NAME.values()))
        self.arrived[tx.txid] = self.seconds
        self._happens(Arrives(tx))

    def _eviction(self) -> None:
        stayed = [tx for tx in self.miner.waiting.values() if self._has_stayed(tx)]
        if stayed:
            self._happens(Evicted(self.chance.choice(stayed)))

    def _has_stayed(self, tx: Transaction) -> bool:
        return self.seconds - self.arrived[tx.txid] >= STAYS

    def _block(self) -> None:
        waiting = list(self.miner.waiting.values())
        tx = self.chance.choice(waiting) if waiting and self.chance.random() < 0.85 else None
        self._happens(Mined(self._next(*([tx] if tx else [])), tx))

    def _next(self, *txs: Transaction) -> Block:
        return a_block(len(self.miner.chain), *txs, branch=self.branch)

    def _reorg(self) -> None:
        """Once in a world, of one block, and never of the first, which all sources began with."""
        height = len(self.miner.chain) - 1
        is_disturbed = self.restarted_at is not None and self.seconds - self.restarted_at < UNDISTURBED
        if height == 0 or self.branch or is_disturbed:
            return
        tip = self.miner.chain[-1]
        undone = tuple(tx for tx, block in self.miner.mined.values() if block.hash == tip.hash)
        self.branch, self.reorganized_at = "other", self.seconds
        in_its_place = (a_block(height, branch=self.branch, on=""), a_block(height + 1, branch=self.branch))
        self._happens(Reorganized(in_its_place))
        self.seconds = round(self.seconds + BRINGS_BACK_IN, 2)
        self.moments.append((self.seconds, ReportedAgain(undone)))
        self.arrived |= {tx.txid: self.seconds for tx in undone}

    def _restart(self) -> None:
        if self.reorganized_at is None or self.seconds - self.reorganized_at >= UNDISTURBED:
            self.restarted_at = self.seconds
            self.moments.append((self.seconds, Restarts()))


def draw(seed: int) -> World:
    """Every second seed has mempools of one policy."""
    chance = random.Random(seed)
    alone = chance.choices((None, NODE, WS), weights=(80, 10, 10))[0]
    mempools = [
        _listed_mempool(chance, name, differs=seed % 2 == 1) for name in (NODE, WS) if alone in {None, name}
    ]
    if alone is None and chance.random() < 0.15:
        chance.choice(mempools).is_silent = True
        for mempool in mempools:  # what waits in the silent one alone nobody reports, and so it is not found
            mempool.refuses = frozenset()
    if chance.random() < 0.6:
        delay, forgets = chance.choice((2.0, 4.0, 8.0)), chance.random() < 0.8
        mempools.append(Mempool(ELECTRS, delay=delay, names_replacements=False, forgets=forgets))
    return World(seed, mempools, _Drawing(chance).draw(), chance.choice((0.1, 0.5)))


def _listed_mempool(chance: random.Random, name: SourceName, *, differs: bool) -> Mempool:
    """A node's or a backend's; `differs`: it may have a policy of its own."""
    return Mempool(
        name,
        delay=chance.choice(DELAYS[name]),
        reports_replacements=chance.random() < 0.5,
        names_replacements=chance.random() < 0.8,
        refuses=_refused(chance) if differs else frozenset(),
    )


def _refused(chance: random.Random) -> frozenset[Txid]:
    return frozenset([chance.choice(list(BY_TXID))] if chance.random() < 0.5 else [])


def play(world: World) -> Played:
    """Raise what breaks the tracker, if anything does, with the world that did it."""
    playing = Play(world.mempools, world.moments, world.latency)
    try:
        playing.run(world.settled_at + WATCHED)
    except Exception as error:
        error.add_note("\n".join(world.describe()))
        raise
    return Played(world, playing.story.events, list(playing.story.kept.values()))


def it_is_quiet_in_the_end(played: Played) -> Iterator[str]:
    settled = NOON + timedelta(seconds=played.world.settled_at)
    yield from (_event_in_words(event) for event in played.events if event.at > settled)


def what_is_mined_is_confirmed(played: Played) -> Iterator[str]:
    for name, whale in WHALES.items():
        if whale.txid in played.mined and played.statuses(whale.txid) != {Status.CONFIRMED}:
            yield f"{name} is mined, and {_in_words(played.statuses(whale.txid))}"


def what_is_nowhere_has_ended(played: Played) -> Iterator[str]:
    for name, whale in WHALES.items():
        found = played.statuses(whale.txid) & {Status.PENDING, Status.CONFIRMED}
        if whale.txid not in played.known and found:
            yield f"{name} is nowhere, and {_in_words(found)}"


def what_waits_is_pending(played: Played) -> Iterator[str]:
    """A former version is part of the prediction of a newer one that waits as well."""
    newer = [one for one in played.kept if one.status is Status.PENDING and one.txid in played.waits]
    former = {txid for one in newer for txid in one.replaces}
    for name, whale in WHALES.items():
        if whale.txid not in played.waits - played.mined - former:
            continue
        if played.statuses(whale.txid) != {Status.PENDING}:
            yield f"{name} waits, and {_in_words(played.statuses(whale.txid))}"


def what_replaces_pays_more(played: Played) -> Iterator[str]:
    """But for a former version that is back: with it the prediction goes on, by an event of the same kind."""
    versions: set[tuple[str, Txid]] = set()
    for event in played.events:
        whale = event.prediction
        assert whale is not None
        is_former = (whale.prediction_id, whale.txid) in versions
        versions.add((whale.prediction_id, whale.txid))
        if event.type is not EventType.REPLACED:
            continue
        goes_on = whale.status is Status.PENDING
        old, new = (whale.replaces[-1], whale.txid) if goes_on else (whale.txid, whale.replaced_by)
        if new is not None and _fee(new) < _fee(old) and not (goes_on and is_former):
            yield f"{NAMES[old]} was replaced by {NAMES[new]}"


def _fee(txid: Txid) -> int:
    return BY_TXID[txid].fee or 0


def no_end_is_published_twice(played: Played) -> Iterator[str]:
    """But of one that arrived again, or was brought back by a reorg.

    In worlds of one policy: a mempool that refuses the replacement keeps what others replaced. That is truly
    back then, and ends once more.
    """
    if not played.world.have_one_policy:
        return
    ends = Counter(_end(event) for event in played.events if event.type in ENDS)
    for (_, txid, words), times in ends.items():
        arrivals = max(one.arrivals[txid] for one in played.listed)
        if times > max(arrivals, 1):
            yield f"{times} times, of {arrivals} arrivals: {NAMES[txid]} {words}"


ENDS = (EventType.REPLACED, EventType.DROPPED, EventType.CONFIRMED)


def _end(event: Happening) -> tuple[str, Txid, str]:
    assert event.prediction is not None
    whale = event.prediction
    return whale.prediction_id, whale.txid, f"{event.type.value} {whale.reason or ''}"


Invariant = Callable[[Played], Iterator[str]]
INVARIANTS: tuple[Invariant, ...] = (
    it_is_quiet_in_the_end,
    what_is_mined_is_confirmed,
    what_is_nowhere_has_ended,
    what_waits_is_pending,
    what_replaces_pays_more,
    no_end_is_published_twice,
)


def broken(played: Played) -> Mapping[Invariant, list[str]]:
    found = {invariant: list(invariant(played)) for invariant in INVARIANTS}
    return {invariant: faults for invariant, faults in found.items() if faults}


def _mempool_in_words(mempool: Mempool) -> str:
    words = [f"  {mempool.name.value}, {mempool.delay} s late"]
    if mempool.is_silent:
        words.append("silent")
    elif mempool.is_listed:
        words.append("reports " + ("replacements" if mempool.reports_replacements else "what left"))
    words.append("names replacements" if mempool.names_replacements else "names none")
    words += [f"refuses {NAMES[txid]}" for txid in mempool.refuses]
    return ", ".join(words if mempool.forgets else [*words, "never forgets"])


def _change_in_words(change: object) -> str:
    kind = type(change).__name__
    match change:
        case Arrives(tx=tx) | Evicted(tx=tx) | Mined(tx=Transaction() as tx):
            return f"{kind} {NAMES[tx.txid]}"
        case ReportedAgain(txs=txs):
            return " ".join([kind, *(NAMES[tx.txid] for tx in txs)])
        case _:
            return kind


def _event_in_words(event: Happening) -> str:
    whale = event.prediction
    assert whale is not None
    seconds = (event.at - NOON).total_seconds()
    reason = re.sub(r"[0-9a-f]{64}", lambda found: NAMES.get(Txid(found[0]), found[0]), whale.reason or "")
    kind = event.type.value.removeprefix("whale.")
    return (
        f"{seconds:9.2f}   {kind} {NAMES.get(whale.txid, whale.txid)}: {whale.status.value} {reason}".rstrip()
    )


def _in_words(statuses: set[Status]) -> str:
    return " and ".join(sorted(statuses)) or "unknown"


if __name__ == "__main__":
    it = play(draw(int(sys.argv[1])))
    print(*it.describe(), sep="\n")
    for invariant, faults in broken(it).items():
        print(f"{invariant.__name__}:", *faults, sep="\n  ")
