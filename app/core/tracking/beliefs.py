"""What we hold to be so, and what came of the observation at hand; only the tracker's steps change it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from app.core.classification import Classification
from app.core.events import EventType, Happening
from app.core.flow.peel import PeelMemory, remainder_index
from app.core.models import Block, BlockEntry, Transaction
from app.core.observations import TransactionGlimpsed, TransactionReplaced
from app.core.prediction import Forecast, Prediction
from app.core.questions import Question
from app.core.recent import Recent
from app.core.tracking import lifecycle
from app.core.tracking.candidates import Candidates
from app.core.tracking.chain import Chain
from app.core.tracking.foreteller import Foreteller
from app.core.tracking.whales import Aside, Bounds, Whales
from app.core.units import BlockHash, Height, Outpoint, SatPerVb, Sats, Txid

UNREAD_BLOCKS = 50
"""So many blocks whose entries nobody gave us are asked for again, the latest ones."""
MATERIAL_CHANCE = 0.1
"""A revised forecast is told when its block changes, or its confidence by so much."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What has been counted since the start."""

    transactions: int = 0
    blocks: int = 0
    whales: int = 0
    replacements: int = 0
    reorgs: int = 0
    conflicts: int = 0
    gaps: int = 0
    reconnects: int = 0
    skipped: int = 0
    unanswered: int = 0
    shed: int = 0


class Departure(NamedTuple):
    """That a transaction left a mempool: why, and when we heard of it last.

    `told`: a source said so as it happened; else it was only found missing, and what happened was missed.
    """

    why: str
    at: datetime
    told: bool


@dataclass(slots=True, kw_only=True)
class Consequences:
    """Of one observation: to be stored together, then told; then the questions are asked."""

    happenings: list[Happening] = field(default_factory=list)
    predictions: dict[str, Prediction] = field(default_factory=dict)
    questions: dict[Question, None] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    """Connected."""
    read: list[BlockHash] = field(default_factory=list)
    """Every whale in them is settled: after a restart nobody need look at them again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What decides whether a transaction is a whale, and what is said of it. `threshold` in satoshi."""

    threshold: Sats
    classify: Callable[[Transaction, PeelMemory], Classification]
    is_whale: Callable[[Classification, Sats], bool]
    foreteller: Foreteller

    def may_be_whale(self, tx: Transaction) -> bool:
        """By its total alone."""
        return tx.gross > self.threshold

    def whale(self, tx: Transaction, peels: PeelMemory) -> Classification | None:
        """Return where its coins go if it is a whale by what is known now, else None."""
        if not self.may_be_whale(tx):
            return None
        classification = self.classify(tx, peels)
        return classification if self.is_whale(classification, self.threshold) else None


class Beliefs:
    """The state of the tracker, and the three things a step may do: keep, tell, ask."""

    def __init__(self, judgement: Judgement, bounds: Bounds, *, demo: bool) -> None:
        self.judgement = judgement
        self.demo = demo
        self.chain = Chain()
        self.whales = Whales(bounds)
        self.tally = Tally()
        self.peels = PeelMemory()
        self.candidates = Candidates(bounds.candidates)
        self.rivals: Recent[Txid, Transaction] = Recent(bounds.rivals)
        """Transactions that spend a coin of a whale; one of them may be what takes its place."""
        self.gone: Recent[Txid, Departure] = Recent(bounds.gone)
        self.missed: Recent[Outpoint, Txid] = Recent(bounds.rivals)
        """Coins of whales that were found gone, and nobody told us how: another spend of one explains it."""
        self.awaited: Recent[Txid, Txid] = Recent(bounds.rivals)
        """Transactions we ask for because a source names them as what replaced a whale, with that whale."""
        self.glimpsed: Recent[Txid, TransactionGlimpsed] = Recent(bounds.candidates)
        self.entries: Recent[Txid, tuple[Block, BlockEntry]] = Recent(bounds.candidates)
        self.unread: Recent[BlockHash, Height] = Recent(UNREAD_BLOCKS)
        self.aside: dict[Txid, Aside] = {}
        """Whales that only the store still has in full, by every txid they have or had, the latest first."""
        self.deferred: list[TransactionReplaced] = []
        """Told of them, and waiting until they are recalled."""
        self.orphans: dict[BlockHash, dict[BlockHash, Block]] = {}
        """Blocks that wait for their parent, by its hash and their own."""
        self._out = Consequences()

    def begin(self) -> None:
        """Open a new account of consequences."""
        self._out = Consequences()

    def consequences(self) -> Consequences:
        return self._out

    def ask(self, question: Question) -> None:
        self._out.questions[question] = None

    def depart(self, txid: Txid, why: str, at: datetime, *, told: bool = True) -> None:
        """It has left; what was true before says nothing of it any more."""
        before = self.gone.get(txid)
        self.gone.put(txid, Departure(why, at, told or (before is not None and before.told)))

    def keep(self, whale: Prediction) -> Prediction:
        self.whales.put(whale)
        self._out.predictions[whale.prediction_id] = whale
        self._set_aside()
        change = remainder_index(whale.tx)
        if change is not None:
            self.peels.remember(whale.tx, whale.peel_of or whale.prediction_id, change)
        return whale

    def tell(self, kind: EventType, whale: Prediction, at: datetime) -> Prediction:
        self.keep(whale)
        self._out.happenings.append(Happening(type=kind, at=at, prediction=whale))
        return whale

    def announce(self, happening: Happening) -> None:
        """Tell something that is not of one whale."""
        self._out.happenings.append(happening)

    def _set_aside(self) -> None:
        """While there are too many, those longest without news are left to the store."""
        while (oldest := self.whales.shed()) is not None:
            self.tally.shed += 1
            self.candidates.pop(oldest.txid)
            for txid in (oldest.txid, *oldest.replaces):
                self.aside[txid] = Aside(oldest.prediction_id, oldest.detected_at)

    def connect(self, block: Block) -> None:
        self._out.blocks.append(block)

    def take_for_read(self, block: Block) -> None:
        """From before our time: what is in it is none of ours."""
        self._out.read.append(block.hash)

    def settle(self, block: Block) -> None:
        """Its entries were read: done with, unless a whale among them is still being asked for."""
        if any(entry_block.hash == block.hash for entry_block, _ in self.entries.values()):
            return
        if self.unread.pop(block.hash) is not None:
            self._out.read.append(block.hash)

    def forget_block(self, block_hash: BlockHash) -> None:
        """It is not on our chain any more: what was to be learnt of it would be believed of a stale block."""
        self.unread.pop(block_hash)
        for txid, (block, _) in self.entries.items():
            if block.hash == block_hash:
                self.entries.pop(txid)
        for txid, candidate in self.candidates.items():
            if candidate.block is not None and candidate.block.hash == block_hash:
                self.candidates.put(txid, replace(candidate, block=None))

    def with_forecast(self, whale: Prediction, at: datetime) -> Prediction:
        forecast = self.judgement.foreteller.foretell([whale], at)[0]
        return whale if forecast is None else lifecycle.foretell(whale, forecast, at)

    def reforecast(self, at: datetime) -> None:
        """Forecast all that wait anew; what changed in substance is kept and told."""
        waiting = tuple(self.whales.pending())
        if not waiting:
            return
        forecasts: Sequence[Forecast | None] = self.judgement.foreteller.foretell(waiting, at)
        for whale, forecast in zip(waiting, forecasts, strict=True):
            if forecast is not None and _says_something_new(forecast, whale.forecast):
                self.tell(EventType.UPDATED, lifecycle.foretell(whale, forecast, at), at)

    def reprice(self, whale: Prediction, feerate: SatPerVb, at: datetime) -> None:
        """Its package pays something else; a first figure is learnt, not told."""
        old = whale.package_feerate
        if old is not None and abs(feerate - old) <= 0.01 * old:
            return
        whale = self.with_forecast(lifecycle.reprice(whale, feerate, at), at)
        if old is None:
            self.keep(whale)
        else:
            self.tell(EventType.UPDATED, whale, at)


def _says_something_new(new: Forecast, old: Forecast | None) -> bool:
    if old is None or new.predicted_block != old.predicted_block or new.urgency is not old.urgency:
        return True
    if new.confidence_score is None or old.confidence_score is None:
        return new.confidence_score is not old.confidence_score
    return abs(new.confidence_score - old.confidence_score) >= MATERIAL_CHANCE
