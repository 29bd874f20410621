"""What went wrong beside the real neighbours, played again from what was recorded there."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.core.classification import Flag
from app.core.events import EventType
from app.core.observations import (
    Observation,
    StatusReply,
    TransactionLeft,
    TransactionReplaced,
    TransactionSeen,
)
from app.core.questions import AskStatus, Question
from app.core.units import Sats, Txid
from app.errors import SourceError
from app.source.answering import Answering
from app.source.backend.frames import FrameReader
from app.source.recording import moments
from tests.core.story import REST, Story

RIG = Path(__file__).parents[2] / ".." / "shared" / "recordings" / "rig"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not RIG.exists(), reason="../shared/recordings is not beside the repository"),
]
ZERO = datetime(2026, 11, 27, tzinfo=UTC)
A_TENTH = Sats(10_000_000)
"""The rig ran with coins of its own size."""
TEN = Sats(1_000_000_000)
"""Each hop of the chain pays 5 BTC."""


class Played:
    """The backend's frames at their times; its REST knows what its last frame said, and no more."""

    def __init__(self, name: str, threshold: Sats = A_TENTH) -> None:
        self.story = Story(threshold=threshold)
        self.t = 0.0
        self._mempool: set[Txid] = set()
        self._answering = Answering([self], self._take, self)
        self._file = RIG / f"{name}.ws.jsonl.gz"

    def now(self) -> datetime:
        return ZERO + timedelta(seconds=self.t)

    def monotonic(self) -> float:
        return self.t

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing waits here, and {seconds} s were waited for")

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        if not isinstance(question, AskStatus):
            raise SourceError("not recorded")
        waits = question.txid in self._mempool
        reply = StatusReply(
            txid=question.txid, block_hash=None, height=None, in_mempool=waits, source=REST, as_of=self.now()
        )
        return (reply,)

    async def run(self) -> "Played":
        reader = FrameReader()
        for moment in moments(self._file):
            await self._pass_until(moment.t)
            for observation in self._noting(reader.feed(moment.frame)) if moment.frame else ():
                await self._take(observation)
            await self._answering.drain()
        await self._pass_until(self.t + 30)
        return self

    async def _pass_until(self, t: float) -> None:
        while (due := self._answering.next_due) is not None and due <= t:
            self.t = due
            await self._answering.drain()
        self.t = t

    async def _take(self, observation: Observation) -> None:
        self.story.at = self.now() - timedelta(seconds=1)
        self.story.receive(observation)
        for question in self.story.questions:
            self._answering.ask(question)

    def _noting(self, observations: Iterator[Observation]) -> Iterator[Observation]:
        for one in observations:
            match one:
                case TransactionSeen(tx=tx):
                    self._mempool.add(tx.txid)
                case TransactionLeft(txids=txids):
                    self._mempool -= set(txids)
                case TransactionReplaced(victims=victims, by=tx):
                    self._mempool -= set(victims)
                    self._mempool.add(tx.txid)
            yield one


async def test_a_replacement_told_one_poll_after_the_removal_is_one_whale_replaced() -> None:
    played = await Played("rbf-between-polls-dropped-B").run()
    types = [event.type for event in played.story.events]

    assert types.count(EventType.DETECTED) == len(played.story.kept) == 1
    assert EventType.DROPPED not in types
    assert EventType.REPLACED in types


async def test_a_peel_chain_of_twenty_is_one_alert() -> None:
    story = (await Played("peel-order-B", TEN).run()).story

    assert story.types.count("detected") == 1
    assert len(story.kept) >= 20


async def test_a_transaction_alone_at_a_tenth_of_a_sat_is_no_package() -> None:
    story = (await Played("cpfp-flag-0.1satvB-A").run()).story

    assert story.kept
    assert not any(Flag.CPFP in whale.all_flags for whale in story.kept.values())
