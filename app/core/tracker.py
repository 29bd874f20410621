"""The one mutator: observations in, happenings and questions out.

`Tracker.handle` is the only way to change what we believe of a transaction. What a source says is
checked against what a transaction's inputs prove, and where that does not decide, a question is
asked; until it is answered nothing is concluded. The steps are in the files around: arrivals,
weighing, replacing, unseen, whereabouts, blocks, endings; what they share is in beliefs.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from app.core.models import Block
from app.core.observations import (
    BlockConnected,
    ChainListed,
    Gap,
    MemoryPressed,
    MempoolListed,
    Observation,
    PackageTold,
    PredictionRecalled,
    PrevoutsTold,
    QueueProjected,
    Skipped,
    SourceConnected,
    StatusTold,
    TransactionGlimpsed,
    TransactionLeft,
    TransactionReplaced,
    TransactionSeen,
    TransactionTold,
    Unanswered,
)
from app.core.prediction import Prediction
from app.core.questions import AskMempool
from app.core.tracking import arrivals, blocks, shedding, whereabouts
from app.core.tracking.beliefs import Beliefs, Consequences, Judgement, Tally
from app.core.tracking.chain import Chain
from app.core.tracking.whales import Bounds, Whales

Step = Callable[[Beliefs, Any, datetime], None]


class Tracker:
    """Follows every whale from first sight to its end."""

    def __init__(self, judgement: Judgement, bounds: Bounds | None = None, *, demo: bool = False) -> None:
        self._beliefs = Beliefs(judgement, bounds or Bounds(), demo=demo)

    @property
    def chain(self) -> Chain:
        return self._beliefs.chain

    @property
    def whales(self) -> Whales:
        return self._beliefs.whales

    @property
    def set_aside(self) -> int:
        """Pending whales that only the store has in full."""
        return len({aside.prediction_id for aside in self._beliefs.aside.values()})

    @property
    def tally(self) -> Tally:
        return self._beliefs.tally

    def restore(
        self, predictions: tuple[Prediction, ...], chain: tuple[Block, ...], unread: tuple[Block, ...] = ()
    ) -> None:
        """Take up what the store remembers, before the first observation.

        `unread` blocks of the chain are asked for with the first reconciliation.
        """
        self._beliefs.chain.restore(chain)
        for block in unread:
            self._beliefs.unread.put(block.hash, block.height)
        for prediction in sorted(predictions, key=lambda one: one.updated_at):
            self._beliefs.keep(prediction)

    def handle(self, observation: Observation, at: datetime) -> Consequences:
        """Draw the conclusions of one observation."""
        self._beliefs.begin()
        minded = shedding.mind(self._beliefs, observation)
        if minded is not None:
            self._take(minded, at)
        for released in shedding.released(self._beliefs, observation):
            self._take(released, at)
        return self._beliefs.consequences()

    def _take(self, observation: Observation, at: datetime) -> None:
        step = _STEPS.get(type(observation))
        if step is not None:  # the rest is not about one transaction
            step(self._beliefs, observation, at)


def _connected(beliefs: Beliefs, told: SourceConnected, _at: datetime) -> None:
    beliefs.tally.reconnects += told.again
    beliefs.ask(AskMempool(f"{told.source} connected"))


def _gap(beliefs: Beliefs, gap: Gap, _at: datetime) -> None:
    beliefs.tally.gaps += 1
    beliefs.ask(AskMempool(gap.reason))


def _skipped(beliefs: Beliefs, _told: Skipped, _at: datetime) -> None:
    beliefs.tally.skipped += 1


def _block(beliefs: Beliefs, told: BlockConnected, at: datetime) -> None:
    blocks.connected(beliefs, told.block, at)


def _market(beliefs: Beliefs, _told: QueueProjected, at: datetime) -> None:
    foreteller = beliefs.judgement.foreteller
    if foreteller.moved(at):
        foreteller.mark_told(at)
        beliefs.reforecast(at)


_STEPS: dict[type, Step] = {
    TransactionSeen: arrivals.seen,
    TransactionReplaced: arrivals.replaced,
    TransactionGlimpsed: arrivals.glimpsed,
    TransactionTold: arrivals.told_whole,
    PrevoutsTold: arrivals.prevouts_told,
    PackageTold: arrivals.package_told,
    TransactionLeft: whereabouts.left,
    MempoolListed: whereabouts.mempool_listed,
    StatusTold: whereabouts.status_told,
    Unanswered: whereabouts.unanswered,
    BlockConnected: _block,
    ChainListed: blocks.listed,
    QueueProjected: _market,
    SourceConnected: _connected,
    MemoryPressed: shedding.pressed,
    PredictionRecalled: shedding.recalled,
    Gap: _gap,
    Skipped: _skipped,
}
