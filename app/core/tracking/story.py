"""The observations of each whale and the conclusions from them, in order: for `spout story` and bug reports.

Bounded: the latest `WHALES` whales, the first `FIRST_LINES` and the last `LAST_LINES` of each. Repetitions
are counted in one line: a whale that is pending for a week is forecast a thousand times.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from app.core.events import Happening
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
from app.core.prediction import Prediction
from app.core.questions import (
    AskBlock,
    AskMempool,
    AskPackage,
    AskPrevouts,
    AskStatus,
    AskStored,
    AskTransaction,
    Question,
)
from app.core.recent import Recent
from app.core.units import Txid, counted

WHALES = 1_000
FIRST_LINES = 8
LAST_LINES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLine:
    """One observation and its consequences. `times`: number of repetitions in a row, until `last_at`.

    `concluded` names the published events, or "kept" where a change was stored without an event; `asked`
    the questions that followed.
    """

    at: datetime
    last_at: datetime
    times: int
    observed: str
    source: str | None
    txid: Txid
    status: str
    concluded: tuple[str, ...]
    asked: tuple[str, ...]

    def is_same(self, other: "StoryLine") -> bool:
        return replace(other, at=self.at, last_at=self.last_at, times=self.times) == self


@dataclass(slots=True)
class _Lines:
    first: list[StoryLine] = field(default_factory=list)
    last: list[StoryLine] = field(default_factory=list)

    def add(self, line: StoryLine) -> None:
        lines = self.last or self.first
        if lines and lines[-1].is_same(line):
            lines[-1] = replace(lines[-1], last_at=line.at, times=lines[-1].times + 1)
        elif len(self.first) < FIRST_LINES:
            self.first.append(line)
        else:
            self.last = [*self.last[1 - LAST_LINES :], line]


class StoryBook:
    """The stories of the whales with the most recent conclusions."""

    def __init__(self, whales: int = WHALES) -> None:
        self._lines: Recent[str, _Lines] = Recent(whales)

    def story(self, prediction_id: str) -> tuple[StoryLine, ...]:
        """Return the remembered lines, oldest first; () for a whale that is not remembered."""
        lines = self._lines.get(prediction_id)
        return (*lines.first, *lines.last) if lines is not None else ()

    def note(
        self,
        observation: Observation,
        at: datetime,
        *,
        happenings: Iterable[Happening],
        predictions: Iterable[Prediction],
        questions: Iterable[Question],
    ) -> None:
        """Record the consequences of one observation."""
        published: dict[str, list[str]] = {}
        for one in happenings:
            if one.prediction is not None:
                published.setdefault(one.prediction.prediction_id, []).append(one.type.value)
        asked = [_asked(one) for one in questions]
        for whale in predictions:
            ids = (whale.prediction_id, whale.txid, *whale.replaces)
            line = StoryLine(
                at=at,
                last_at=at,
                times=1,
                observed=_observed(observation, whale.txid),
                source=_source(observation),
                txid=whale.txid,
                status=whale.status.value,
                concluded=tuple(published.get(whale.prediction_id, ("kept",))),
                asked=tuple(name for name, of in asked if of in ids),
            )
            lines = self._lines.get(whale.prediction_id) or _Lines()
            lines.add(line)
            self._lines.put(whale.prediction_id, lines)


def _source(observation: Observation) -> str | None:
    source = getattr(observation, "source", None)
    return str(source) if source is not None else None


def _observed(observation: Observation, txid: Txid) -> str:  # noqa: C901, PLR0911, PLR0912 - a row for each kind
    match observation:
        case TransactionSeen(late=late) | TransactionsSeen(late=late):
            return "already waiting in the mempool" if late else "entered the mempool"
        case ProjectedTransaction():
            return "a line of a projected block"
        case TransactionLeft():
            return "left the mempool"
        case TransactionReplaced(by=by, mined=mined):
            other = "" if by.txid == txid else f" by {by.txid}"
            return f"replaced{other}, says the source" + (" (by a block)" if mined else "")
        case BlockConnected(block=block):
            return f"block {block.height}"
        case ChainListed(blocks=listed):
            return f"end of the chain, tip {listed[-1].height}" if listed else "end of the chain"
        case StatusReply(block_hash=block_hash, in_mempool=waits, replaced_by=by):
            where = "in a block" if block_hash else "in the mempool" if waits else "known to nobody"
            return f"status: {where}" + (f", replaced by {by}" if by else "")
        case TransactionReply(height=height):
            return "the whole transaction" + (f", in block {height}" if height is not None else "")
        case PrevoutsReply():
            return "the coins that it spends"
        case PackageReply(related=related):
            return "its package" + (f" with {counted(related, 'other')}" if related else "")
        case MempoolListed(txids=txids):
            return f"the list of the mempool, {'with' if txid in txids else 'without'} it"
        case Unanswered(reason=reason):
            return f"no answer: {reason}"
        case QueueProjected():
            return "the queue for the next blocks"
        case PredictionRecalled():
            return "read back from the store"
        case (
            FeesRecommended()
            | PricesReported()
            | MempoolMeasured()
            | SourceConnected()
            | Gap()
            | SourceSynced()
            | VisibilityChanged()
            | MemoryPressed()
            | Skipped()
            | ClockStepped()
            | EndpointGivenUp()
            | AccuracyChanged()
        ):
            return type(observation).__name__
        case _:
            assert_never(observation)


def _asked(question: Question) -> tuple[str, str | None]:
    """Return what is asked for, and of which transaction or prediction; None: of no single one."""
    match question:
        case AskStatus(txid=txid):
            return "status", txid
        case AskTransaction(txid=txid):
            return "transaction", txid
        case AskPrevouts(txid=txid):
            return "prevouts", txid
        case AskPackage(txid=txid):
            return "package", txid
        case AskStored(prediction_id=prediction_id):
            return "store", prediction_id
        case AskBlock() | AskMempool():
            return "the chain or the mempool", None
        case _:
            assert_never(question)
