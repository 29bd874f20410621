"""Two mempools that hold different versions of a whale for good: after a while there is nothing new to tell.

A node and a backend answer everything that is asked, as `app.source.answering` passes it on: whoever has a
transaction ends the asking, and is told before those that lack it. The node is asked first; an order of
answers that is the other one must not matter either.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise, product

import pytest

from app.core.models import Block, SourceName, Transaction
from app.core.observations import (
    BlockConnected,
    MempoolListed,
    Observation,
    StatusReply,
    TransactionReply,
    TransactionSeen,
    Unanswered,
)
from app.core.prediction import Status
from app.core.questions import AskBlock, AskStatus, AskTransaction, Question
from app.core.units import Txid
from tests.builders import a_block, a_whale
from tests.core.story import REST, WS, Story

NODE = SourceName.BITCOIND
SETTLES, LATER = 2, 8
"""Rounds of listings, five minutes each."""
MOST_ANSWERS, MOST_A_ROUND = 100, 6


@dataclass(slots=True)
class Source:
    """What a source holds, the blocks it knows, and what it says replaced a transaction."""

    name: SourceName
    mempool: list[Transaction] = field(default_factory=list)
    mined: dict[Txid, tuple[Transaction, Block]] = field(default_factory=dict)
    replaced_by: dict[Txid, Txid] = field(default_factory=dict)

    def answer(self, question: Question) -> Observation | None:
        match question:
            case AskStatus(txid=txid):
                return self._status(txid)
            case AskTransaction(txid=txid):
                return self._transaction(txid) or self._status(txid)
            case AskBlock(hash=block_hash):
                known = (block for _, block in self.mined.values() if block.hash == block_hash)
                return next((BlockConnected(block=block, source=self.name) for block in known), None)
            case _:
                return None

    def _status(self, txid: Txid) -> StatusReply:
        waits = any(tx.txid == txid for tx in self.mempool)
        _, block = self.mined.get(txid, (None, None))
        return StatusReply(
            txid=txid,
            block_hash=block.hash if block else None,
            height=block.height if block else None,
            in_mempool=waits,
            replaced_by=None if waits or block else self.replaced_by.get(txid),
            source=self.name,
        )

    def _transaction(self, txid: Txid) -> TransactionReply | None:
        for tx in self.mempool:
            if tx.txid == txid:
                return TransactionReply(tx=tx, block_hash=None, height=None, source=self.name)
        if txid not in self.mined:
            return None
        tx, block = self.mined[txid]
        return TransactionReply(tx=tx, block_hash=block.hash, height=block.height, source=self.name)


class World(Story):
    """A story whose questions are answered by a backend and a node."""

    def __init__(self, backend: Source, node: Source, *, asked_first: SourceName = NODE) -> None:
        super().__init__()
        self.backend, self.node = backend, node
        self._order = (node, backend) if asked_first is NODE else (backend, node)
        self.start()
        self.receive(BlockConnected(block=a_block(0), source=NODE))

    def settle(self) -> int:
        """Answer what is asked, and what is asked for that; return how many answers it took."""
        waiting, count = list(self.questions), 0
        while waiting and count < MOST_ANSWERS:
            question, count = waiting.pop(0), count + 1
            if isinstance(question, AskStatus):
                self.at += timedelta(seconds=question.in_seconds)
            for reply in self._replies(question):
                self.receive(reply)
                waiting += [one for one in self.questions if one not in waiting]
        return count

    def listings(self) -> tuple[list[str], int]:
        """A round of them: return what was told, and how many answers it took."""
        before, count = len(self.types), 0
        for source in (self.backend, self.node):
            self.at += timedelta(minutes=5)
            txids = frozenset(tx.txid for tx in source.mempool)
            self.receive(MempoolListed(txids=txids, as_of=self.at, source=source.name))
            count += self.settle()
        return self.types[before:], count

    def _replies(self, question: Question) -> list[Observation]:
        found: list[Observation] = []
        for source in self._order:
            reply = source.answer(question)
            if reply is not None:
                found.append(reply)
                if _places(reply):
                    break
        if not found:
            return [Unanswered(question=question, reason="nobody has it")]
        return sorted(found, key=lambda one: (not _places(one), not _names_replacement(one)))


def _places(reply: Observation) -> bool:
    return not isinstance(reply, StatusReply) or reply.in_mempool or reply.block_hash is not None


def _names_replacement(reply: Observation) -> bool:
    return isinstance(reply, StatusReply) and reply.replaced_by is not None


ONE = tuple(a_whale(150, coins=("one",), fee=fee) for fee in (1_000, 2_000, 3_000))
"""Each replaces the one before, of one coin."""
APART = (
    a_whale(150, coins=("a",), fee=1_000),
    a_whale(150, coins=("a", "b"), fee=2_000),
    a_whale(150, coins=("b",), fee=3_000),
)
"""The first and the last spend no coin in common."""
SMALL = {ONE: a_whale(50, coins=("one",), fee=9_000), APART: a_whale(50, coins=("b",), fee=9_000)}
"""What replaces the last version, and is no whale."""


def _holdings() -> Iterator[tuple[Transaction, ...]]:
    for versions in (ONE, APART):
        yield from product(
            [versions], [(), *((one,) for one in versions)], [(), *((one,) for one in versions)]
        )
    yield APART, (), (APART[0], APART[2])
    yield APART, (APART[1],), (APART[0], APART[2])


@pytest.mark.parametrize("asked_first", [NODE, REST])
@pytest.mark.parametrize("names_replacements", [(), (REST,)])
@pytest.mark.parametrize("end", ["waits", "is replaced by a small one", "is dropped", "is mined", "forked"])
def test_after_some_listings_nothing_more_is_told_and_little_is_asked(
    end: str, names_replacements: tuple[SourceName, ...], asked_first: SourceName
) -> None:
    for versions, held_by_backend, held_by_node in _holdings():
        backend, node = Source(REST, list(held_by_backend)), Source(NODE, list(held_by_node))
        world = World(backend, node, asked_first=asked_first)
        world.seen(versions[0])
        for one, by in pairwise(versions):
            world.replaced(one, by=by)
        if names_replacements:
            world.backend.replaced_by = {one.txid: versions[-1].txid for one in versions[:-1]}
        _end(world, versions, end)
        for _ in range(SETTLES):
            world.listings()

        for _ in range(LATER):
            published, answers = world.listings()
            assert published == []
            assert answers <= MOST_A_ROUND


def _end(world: World, versions: tuple[Transaction, ...], end: str) -> None:
    last, small = versions[-1], SMALL[versions]
    world.backend.mempool = [one for one in world.backend.mempool if end == "waits" or one is not last]
    if end == "is replaced by a small one":
        if world.backend.replaced_by:
            world.backend.replaced_by = {one.txid: small.txid for one in versions}
        world.replaced(last, by=small)
        world.backend.mempool = [small]
    elif end == "is dropped":
        world.left(last)
        world.gone(last)
    elif end in {"is mined", "forked"}:
        block = a_block(1, last, branch="a", on="")
        world.backend.mined[last.txid] = (last, block)
        if end == "forked":
            world.receive(BlockConnected(block=a_block(1, branch="b", on=""), source=NODE))
            world.settle()
        else:
            world.node.mined[last.txid] = (last, block)
            world.receive(BlockConnected(block=block, source=NODE))
        world.receive(BlockConnected(block=block, source=WS))
        world.settle()


@pytest.mark.parametrize("branch", ["a", "elsewhere"])
def test_a_version_that_another_branch_mined_does_not_drop_what_a_node_holds_again_and_again(
    branch: str,
) -> None:
    first, second, _ = ONE
    world = World(Source(REST), Source(NODE, [second]))
    block = a_block(1, first, branch=branch, on="")
    world.backend.mined[first.txid] = (first, block)
    world.seen(first)
    world.replaced(first, by=second)
    world.receive(TransactionSeen(tx=second, source=NODE))
    world.receive(BlockConnected(block=a_block(1, branch="b", on=""), source=NODE))
    world.settle()
    world.receive(BlockConnected(block=block, source=WS))
    world.settle()
    world.listings()

    assert [world.listings()[0] for _ in range(LATER)] == [[]] * LATER


def test_what_both_lost_and_one_names_the_replacement_of_is_replaced_and_not_dropped_first() -> None:
    first, second, _ = ONE
    world = World(Source(REST, [second], replaced_by={first.txid: second.txid}), Source(NODE, [second]))
    world.seen(first)
    world.receive(TransactionSeen(tx=first, source=NODE))
    world.listings()

    assert world.types == ["detected", "replaced"]
    assert (world.only.txid, world.only.status) == (second.txid, Status.PENDING)


def test_an_undone_block_that_one_source_still_names_is_not_asked_about_without_end() -> None:
    first, second, _ = ONE
    world = World(Source(REST), Source(NODE, [first]))
    block = a_block(1, first)
    world.backend.mined[first.txid] = (first, block)
    world.seen(first)
    world.replaced(first, by=second)
    world.connected(block)
    world.connected(a_block(1, branch="b", on=""), a_block(2, branch="b"))
    world.published(first, block)

    assert world.settle() <= MOST_A_ROUND
