"""Mempools that undergo the same changes, each with its own delay, and a tracker that follows them in time.

What is asked is answered as `app.source.answering` does it: whoever has a transaction ends the asking, and is
passed on before those that lack it. All times are seconds since the start; no clock runs but the story's.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count

from app.core.models import Block, SourceName, Transaction
from app.core.observations import (
    BlockConnected,
    ChainListed,
    MempoolListed,
    Observation,
    StatusReply,
    TransactionLeft,
    TransactionReplaced,
    TransactionReply,
    TransactionSeen,
    Unanswered,
)
from app.core.questions import AskBlock, AskMempool, AskStatus, AskTransaction, Question
from app.core.units import Txid
from tests.builders import a_block
from tests.core.story import REST, WS, Story
from tests.fakes import NOON

NODE, ELECTRS = SourceName.BITCOIND, SourceName.ELECTRS
FIRST_BLOCK = a_block(0)
LISTED_EVERY = 150.0
"""By turns: each mempool every five minutes, where there are two."""


@dataclass(frozen=True, slots=True)
class Arrives:
    tx: Transaction


@dataclass(frozen=True, slots=True)
class Evicted:
    tx: Transaction


@dataclass(frozen=True, slots=True)
class Mined:
    block: Block
    tx: Transaction | None


@dataclass(frozen=True, slots=True)
class Reorganized:
    """These blocks take the place of the tip."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class ReportedAgain:
    """A stream reports what a reorg brought back into its mempool, a moment after the blocks."""

    txs: tuple[Transaction, ...]


@dataclass(frozen=True, slots=True)
class Restarts:
    """The tracker begins anew with what is kept; the mempools go on."""


Change = Arrives | Evicted | Mined | Reorganized | ReportedAgain
Moment = tuple[float, Change | Restarts]


@dataclass(slots=True)
class Mempool:
    """One source's mempool and chain: what happens there, what its stream reports, what it answers."""

    name: SourceName
    delay: float = 0.0
    reports_replacements: bool = True
    """Its stream says what was replaced by what; else that the one is there and the other left."""
    is_silent: bool = False
    """Its stream tells of blocks alone: its mempool is known by listings and answers."""
    names_replacements: bool = True
    """Asked about what was replaced, it names by what."""
    refuses: frozenset[Txid] = frozenset()
    forgets: bool = True
    """An Electrum server that does not keeps all that ever arrived, but for what is mined or evicted."""
    waiting: dict[Txid, Transaction] = field(default_factory=dict)
    mined: dict[Txid, tuple[Transaction, Block]] = field(default_factory=dict)
    replaced_by: dict[Txid, Txid] = field(default_factory=dict)
    chain: list[Block] = field(default_factory=lambda: [FIRST_BLOCK])
    arrivals: Counter[Txid] = field(default_factory=Counter)

    @property
    def is_listed(self) -> bool:
        """An Electrum server lists no mempool, and has no stream of one."""
        return self.name is not ELECTRS

    @property
    def is_streamed(self) -> bool:
        return self.is_listed and not self.is_silent

    @property
    def answers_as(self) -> SourceName:
        return REST if self.name is WS else self.name

    def undergo(self, change: Change) -> list[Observation]:
        """Return what it reports of the change."""
        match change:
            case Arrives(tx=tx):
                reported = self._arrives(tx)
            case Evicted(tx=tx):
                reported = self._left(() if self.waiting.pop(tx.txid, None) is None else (tx.txid,))
            case Mined(block=block, tx=tx):
                return self._is_mined(block, tx)
            case Reorganized(blocks=blocks):
                return self._reorganized(blocks)
            case ReportedAgain(txs=txs):
                there = (tx for tx in txs if tx.txid in self.waiting)
                reported = [TransactionSeen(tx=tx, source=self.name) for tx in there]
        return reported if self.is_streamed else []

    def answer(self, question: Question, at: datetime) -> list[Observation]:
        match question:
            case AskStatus(txid=txid):
                return [self._status(txid, at)]
            case AskTransaction(txid=txid):
                return [self._transaction(txid) or self._status(txid, at)]
            case AskBlock(hash=block_hash) if self.is_listed:
                found = (block for block in self.chain if block.hash == block_hash)
                return [BlockConnected(block=block, source=self.answers_as, as_of=at) for block in found]
            case AskMempool() if self.is_listed:
                return [replace(self.tip(), source=self.answers_as, as_of=at), self.listing(at)]
            case _:
                return []

    def listing(self, at: datetime) -> MempoolListed:
        return MempoolListed(txids=frozenset(self.waiting), as_of=at, source=self.answers_as)

    def tip(self) -> BlockConnected:
        return BlockConnected(block=self.chain[-1].header(), source=self.name)

    def scan(self) -> list[Observation]:
        """What it reports to one that begins to listen."""
        waiting = self.waiting.values() if self.is_streamed else ()
        return [TransactionSeen(tx=tx, source=self.name, late=True) for tx in waiting]

    def _arrives(self, tx: Transaction) -> list[Observation]:
        if not self._takes(tx):
            return []
        victims = tuple(one.txid for one in self._spending(tx)) if self.forgets else ()
        for victim in victims:
            del self.waiting[victim]
        if self.name is WS:  # it follows a chain of replacements to its end
            self.replaced_by |= {old: tx.txid for old, by in self.replaced_by.items() if by in victims}
        self.replaced_by |= dict.fromkeys(victims, tx.txid)
        self.replaced_by.pop(tx.txid, None)
        self._holds(tx)
        return self._taken(tx, victims)

    def _taken(self, tx: Transaction, victims: tuple[Txid, ...]) -> list[Observation]:
        """A node reports the new one first, a backend what it replaced."""
        is_there = TransactionSeen(tx=tx, source=self.name)
        if not (victims and self.reports_replacements):
            return [is_there, *self._left(victims)]
        replaced = TransactionReplaced(victims=victims, by=tx, mined=False, source=self.name)
        return [replaced, is_there] if self.name is WS else [is_there, replaced, *self._left(victims)]

    def _takes(self, tx: Transaction) -> bool:
        """By the rules of replacement, and its own policy."""
        if tx.txid in self.refuses or tx.txid in self.waiting:
            return False
        if any(tx.outpoints & other.outpoints for other, _ in self.mined.values()):
            return False
        victims = self._spending(tx) if self.forgets else []
        return not victims or _fee(tx) > sum(_fee(victim) for victim in victims)

    def _holds(self, tx: Transaction) -> None:
        self.waiting[tx.txid] = tx
        self.arrivals[tx.txid] += 1

    def _is_mined(self, block: Block, tx: Transaction | None) -> list[Observation]:
        self.chain.append(block)
        was_here = tx is not None and self.waiting.pop(tx.txid, None) is not None
        victims: tuple[Txid, ...] = ()
        if tx is not None:
            self.mined[tx.txid] = (tx, block)
            if self.forgets:
                victims = tuple(one.txid for one in self._spending(tx))
        for victim in victims:
            del self.waiting[victim]
        if not self.is_listed:
            return [ChainListed(blocks=(block.header(),), source=self.name)]
        if self.name is NODE or tx is None:
            return [self._connected(block), *self._left(victims)]
        header = replace(block.header(), txids=(tx.txid,) if was_here else None)
        lost = self._left(victims)
        if victims and self.reports_replacements and not self.is_silent:
            lost = [TransactionReplaced(victims=victims, by=tx, mined=True, source=self.name)]
        return [BlockConnected(block=header, source=self.name), *lost]

    def _reorganized(self, blocks: tuple[Block, ...]) -> list[Observation]:
        undone = self.chain[-1]
        back = [tx for tx, block in self.mined.values() if block.hash == undone.hash]
        for tx in back:
            del self.mined[tx.txid]
            if tx.txid not in self.refuses:
                self._holds(tx)
        self.chain[-1:] = blocks
        if not self.is_listed:
            return [ChainListed(blocks=tuple(block.header() for block in blocks), source=self.name)]
        return [self._connected(block) for block in blocks]

    def _connected(self, block: Block) -> BlockConnected:
        """A node reads its blocks, a backend tells of them by their headers."""
        return BlockConnected(block=block if self.name is NODE else block.header(), source=self.name)

    def _left(self, txids: tuple[Txid, ...]) -> list[Observation]:
        return [TransactionLeft(txids=txids, source=self.name)] if txids and not self.is_silent else []

    def _spending(self, tx: Transaction) -> list[Transaction]:
        return [one for one in self.waiting.values() if one.outpoints & tx.outpoints]

    def _status(self, txid: Txid, at: datetime) -> StatusReply:
        waits = txid in self.waiting
        _, block = self.mined.get(txid, (None, None))
        named = self.replaced_by.get(txid) if self.names_replacements else None
        return StatusReply(
            txid=txid,
            block_hash=block.hash if block else None,
            height=block.height if block else None,
            in_mempool=waits,
            replaced_by=None if waits or block else named,
            source=self.answers_as,
            as_of=at,
        )

    def _transaction(self, txid: Txid) -> TransactionReply | None:
        if txid in self.waiting:
            return TransactionReply(
                tx=self.waiting[txid], block_hash=None, height=None, source=self.answers_as
            )
        if txid not in self.mined:
            return None
        tx, block = self.mined[txid]
        return TransactionReply(tx=tx, block_hash=block.hash, height=block.height, source=self.answers_as)


class Play:
    """A tracker's story of these mempools; `latency`: how long an answer is under way."""

    def __init__(self, mempools: Sequence[Mempool], moments: Iterable[Moment], latency: float) -> None:
        self.story = Story()
        self.mempools = mempools
        self._latency = latency
        self._now = 0.0
        self._coming: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self._lives = 0
        self._open: set[Question] = set()
        self._later: dict[Question, float] = {}
        for mempool in mempools:
            connected = BlockConnected(block=_as_reported(mempool, FIRST_BLOCK), source=mempool.name)
            self._at(0.0, partial(self._receive, connected))
        for seconds, change in moments:
            self._schedule(seconds, change)

    def run(self, until: float) -> None:
        """Play all that comes until then, with the regular listings."""
        listed = [mempool for mempool in self.mempools if mempool.is_listed]
        for turn in range(1, int(until / LISTED_EVERY) + 1):
            self._at(turn * LISTED_EVERY, partial(self._list, listed[turn % len(listed)]))
        while self._coming and self._coming[0][0] <= until:
            self._now, _, happen = heapq.heappop(self._coming)
            happen()

    def _schedule(self, seconds: float, change: Change | Restarts) -> None:
        if isinstance(change, Restarts):
            self._at(seconds, self._restart)
            return
        for mempool in self.mempools:
            self._at(seconds + mempool.delay, partial(self._undergo, mempool, change))

    def _at(self, seconds: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._coming, (round(seconds, 3), next(self._number), happen))

    def _in_this_life(self, seconds: float, happen: Callable[[], None]) -> None:
        """In so many seconds, unless the tracker is restarted before that."""
        self._at(self._now + seconds, partial(self._if_still, self._lives, happen))

    def _if_still(self, life: int, happen: Callable[[], None]) -> None:
        if life == self._lives:
            happen()

    @property
    def _moment(self) -> datetime:
        return NOON + timedelta(seconds=self._now)

    def _receive(self, *observations: Observation) -> None:
        for observation in observations:
            self.story.at = self._moment - timedelta(seconds=1)  # it counts a second for each
            self.story.receive(observation)
            for question in self.story.questions:
                self._ask(question)

    def _undergo(self, mempool: Mempool, change: Change) -> None:
        self._receive(*mempool.undergo(change))

    def _list(self, mempool: Mempool) -> None:
        self._receive(mempool.listing(self._moment))

    def _scan(self, mempool: Mempool) -> None:
        self._receive(*mempool.scan())

    def _ask(self, question: Question) -> None:
        if isinstance(question, AskStatus) and question.in_seconds > 0:
            self._ask_later(AskStatus(question.txid), question.in_seconds)
        elif question not in self._open and isinstance(
            question, AskStatus | AskTransaction | AskBlock | AskMempool
        ):
            self._open.add(question)
            self._in_this_life(self._latency / 2, partial(self._answer, question))

    def _ask_later(self, question: AskStatus, seconds: float) -> None:
        due = self._now + seconds
        if self._later.get(question, due + 1) > due:
            self._later[question] = due
            self._in_this_life(seconds, partial(self._is_due, question, due))

    def _is_due(self, question: AskStatus, due: float) -> None:
        if self._later.get(question) == due:  # else it became due earlier
            del self._later[question]
            self._ask(question)

    def _answer(self, question: Question) -> None:
        found: list[Observation] = []
        for mempool in self.mempools:
            answer = mempool.answer(question, self._moment)
            found += answer
            if any(_places(one) for one in answer):
                break
        found.sort(key=_decides)
        answers = found or [Unanswered(question=question, reason="nobody has it")]
        self._in_this_life(self._latency / 2, partial(self._answered, question, answers))

    def _answered(self, question: Question, answers: list[Observation]) -> None:
        self._open.discard(question)
        self._receive(*answers)

    def _restart(self) -> None:
        self._lives += 1
        self._open.clear()
        self._later.clear()
        self.story.restart()
        for mempool in self.mempools:
            self._at(self._now + 0.3, partial(self._receive_tip, mempool))
            self._at(self._now + 0.5, partial(self._scan, mempool))
            if mempool.is_listed:
                self._at(self._now + 0.7, partial(self._list, mempool))

    def _receive_tip(self, mempool: Mempool) -> None:
        self._receive(mempool.tip())


def _as_reported(mempool: Mempool, block: Block) -> Block:
    return block if mempool.is_listed else block.header()


def _fee(tx: Transaction) -> int:
    return tx.fee or 0


def _places(reply: Observation) -> bool:
    return not isinstance(reply, StatusReply) or reply.in_mempool or reply.block_hash is not None


def _decides(reply: Observation) -> tuple[bool, bool]:
    """Sort key: False comes first."""
    return not _places(reply), not isinstance(reply, StatusReply) or reply.replaced_by is None
