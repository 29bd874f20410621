"""The only code that changes tracking state; observations in, events and questions out.

`Tracker.handle` is the only way to change the recorded state of a transaction. A source's report is checked
against the transaction's inputs; where they do not decide, a question is asked, and nothing is concluded
until it is answered. The steps are in the neighbouring files: arrivals, weighing, replacing,
inferred_replacement, status, blocks, endings; the state they share is in beliefs.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from app.core.models import Block
from app.core.observations import (
    AccuracyChanged,
    BlockConnected,
    ChainListed,
    ClockStepped,
    EndpointGivenUp,
    FeesRecommended,
    Gap,
    MemoryPressed,
    MempoolListed,
    MempoolMeasured,
    Observation,
    PackageReply,
    PredictionRecalled,
    PrevoutsReply,
    PricesReported,
    ProjectedTransaction,
    QueueProjected,
    Skipped,
    SourceConnected,
    SourceSynced,
    StatusReply,
    TransactionLeft,
    TransactionReplaced,
    TransactionReply,
    TransactionSeen,
    TransactionsSeen,
    Unanswered,
    VisibilityChanged,
)
from app.core.prediction import Prediction, Status
from app.core.questions import AskMempool
from app.core.tracking import (
    announcements,
    arrivals,
    blocks,
    lifecycle,
    presence,
    status,
    unloading,
    weighing,
)
from app.core.tracking.beliefs import Beliefs, Consequences, Tally, WhalePolicy
from app.core.tracking.chain import Chain
from app.core.tracking.story import StoryBook, StoryLine
from app.core.tracking.whales import Bounds, Unloaded, Whales
from app.core.units import Sats, Txid


class Tracker:
    """Tracks every whale from first seen to its end."""

    def __init__(
        self, whale_policy: WhalePolicy, bounds: Bounds | None = None, *, demo: bool = False
    ) -> None:
        self._beliefs = Beliefs(whale_policy, bounds or Bounds(), demo=demo)
        self._stories = StoryBook()

    @property
    def threshold(self) -> Sats:
        """A transaction is a whale if it moves more than this."""
        return self._beliefs.whale_policy.threshold

    def set_threshold(self, threshold: Sats) -> None:
        """Apply a new threshold from the next observation on; whales already tracked are kept."""
        self._beliefs.whale_policy = replace(self._beliefs.whale_policy, threshold=threshold)

    @property
    def chain(self) -> Chain:
        return self._beliefs.chain

    @property
    def whales(self) -> Whales:
        return self._beliefs.whales

    @property
    def unloaded(self) -> int:
        """Number of pending whales that are unloaded to the store."""
        return len({unloaded.prediction_id for unloaded in self._beliefs.unloaded.values()})

    @property
    def candidates(self) -> int:
        """Number of transactions for which it is not decided yet whether they are whales."""
        return len(self._beliefs.candidates)

    @property
    def orphans(self) -> int:
        """Number of blocks whose parent is not known yet."""
        return sum(len(children) for children in self._beliefs.orphans.values())

    @property
    def tally(self) -> Tally:
        return self._beliefs.tally

    def restore(
        self,
        predictions: tuple[Prediction, ...],
        chain: tuple[Block, ...],
        unread: tuple[Block, ...] = (),
        unloaded: Mapping[Txid, Unloaded] | None = None,
    ) -> None:
        """Restore the state from the store, before the first observation.

        `unread` blocks of the chain are asked for with the first reconciliation; `unloaded` whales, by
        every txid they have or had, stay in the store.
        """
        self._beliefs.chain.restore(chain)
        self._beliefs.unloaded.update(unloaded or {})
        for block in unread:
            self._beliefs.unread.put(block.hash, block.height)
        for prediction in sorted(predictions, key=lambda one: one.updated_at):
            if prediction.status is Status.PENDING:
                presence.from_before(self._beliefs, prediction)
            self._beliefs.keep(prediction)
        for txid in [txid for txid in self._beliefs.unloaded if self.whales.current(txid) is not None]:
            del self._beliefs.unloaded[txid]  # a former version of an unloaded whale, one of its own by now

    def handle(self, observation: Observation, at: datetime) -> Consequences:
        """Update the state from one observation; return the consequences to store, publish and ask."""
        self._beliefs.begin()
        presence.listen(self._beliefs, observation, at)
        current = unloading.defer_if_unloaded(self._beliefs, observation)
        if current is not None:
            self._take(current, at)
        for released in unloading.released(self._beliefs, observation):
            self._take(released, at)
        weighing.release(self._beliefs, at)
        if isinstance(observation, QueueProjected | BlockConnected):  # now and then, not with each report
            presence.store_holders(self._beliefs, at)
        out = self._beliefs.consequences()
        if out.read:  # the last transaction of a block may have come just now: what was due in it is late
            self._beliefs.note_overdue(at)
        if out.predictions:
            self._stories.note(
                observation,
                at,
                happenings=out.happenings,
                predictions=out.predictions.values(),
                questions=out.questions,
            )
        return out

    def story(self, prediction_id: str) -> tuple[StoryLine, ...]:
        """Return a whale's observations and conclusions, oldest first; bounded, () if not remembered."""
        return self._stories.story(prediction_id)

    def _take(self, observation: Observation, at: datetime) -> None:  # noqa: C901, PLR0912, PLR0915 - a row for each kind
        beliefs = self._beliefs
        match observation:
            case TransactionSeen():
                arrivals.seen(beliefs, observation, at)
            case TransactionsSeen():
                arrivals.many_seen(beliefs, observation, at)
            case TransactionReplaced():
                arrivals.replaced(beliefs, observation, at)
            case ProjectedTransaction():
                arrivals.projected(beliefs, observation, at)
            case TransactionReply():
                arrivals.transaction_reply(beliefs, observation, at)
            case PrevoutsReply():
                arrivals.prevouts_reply(beliefs, observation, at)
            case PackageReply():
                arrivals.package_reply(beliefs, observation, at)
            case TransactionLeft():
                status.left(beliefs, observation, at)
            case MempoolListed():
                status.mempool_listed(beliefs, observation, at)
            case StatusReply():
                status.status_reply(beliefs, observation, at)
            case Unanswered():
                status.unanswered(beliefs, observation, at)
            case BlockConnected():
                blocks.reported(beliefs, observation, at)
            case ChainListed():
                blocks.listed(beliefs, observation, at)
            case QueueProjected():
                _reforecast_if_moved(beliefs, at)
            case MemoryPressed():
                unloading.pressed(beliefs, observation, at)
            case PredictionRecalled():
                unloading.recalled(beliefs, observation, at)
            case SourceConnected(source=source, again=again):
                beliefs.tally.reconnects += again
                beliefs.ask(AskMempool(f"{source} connected"))
            case Gap(reason=reason):
                beliefs.tally.gaps += 1
                beliefs.ask(AskMempool(reason))
            case Skipped():
                beliefs.tally.skipped += 1
            case ClockStepped(seconds=seconds):
                for whale in beliefs.whales.pending():
                    beliefs.keep(lifecycle.step_clock(whale, seconds, at))
            case EndpointGivenUp():
                announcements.given_up(beliefs, observation, at)
            case AccuracyChanged():
                announcements.accuracy_changed(beliefs, observation, at)
            case (
                FeesRecommended()
                | PricesReported()
                | MempoolMeasured()
                | SourceSynced()
                | VisibilityChanged()
            ):
                pass  # not about one transaction
            case _:
                assert_never(observation)


def _reforecast_if_moved(beliefs: Beliefs, at: datetime) -> None:
    forecast_source = beliefs.whale_policy.forecast_source
    if forecast_source.moved(at):
        forecast_source.mark_published(at)
        beliefs.reforecast(at)
