"""The tracker's state, and the consequences of the observation being handled; changed only by its steps."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from app.core.classification import Classification, Flag
from app.core.events import EventType, Happening
from app.core.flow import Hop, PeelMemory, hop_of
from app.core.models import Block, BlockEntry, SourceName, Transaction
from app.core.observations import (
    ProjectedTransaction,
    TransactionReplaced,
    TransactionReply,
    TransactionSeen,
)
from app.core.prediction import Forecast, Prediction, Status
from app.core.questions import AskStatus, Question
from app.core.recent import Recent
from app.core.recent_txids import RecentTxids
from app.core.tips import Tips
from app.core.tracking import lifecycle
from app.core.tracking.awaited import Awaited
from app.core.tracking.candidates import Candidates
from app.core.tracking.chain import Chain
from app.core.tracking.forecast_source import ForecastSource
from app.core.tracking.whales import Bounds, Unloaded, Whales
from app.core.units import BlockHash, Height, Outpoint, SatPerVb, Sats, Txid

UNREAD_BLOCKS = 50
"""Number of latest blocks with unknown entries that are remembered and asked for again."""
MATERIAL_CHANCE = 0.1
"""A revised forecast is published if its block or urgency changes, or its confidence by this much."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counters since the start of the process."""

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
    unloaded: int = 0


Deferred = TransactionReplaced | TransactionSeen | TransactionReply | ProjectedTransaction


class Departure(NamedTuple):
    """A transaction's removal from a mempool: the reason, and when it was last reported.

    `reported`: a source reported the removal; else the transaction was only found missing from a listing.
    `asked_again`: a reply of before it was not believed, and it was asked about once more.
    """

    why: str
    at: datetime
    reported: bool
    asked_again: bool = False


class Dispute(NamedTuple):
    """Mempools differ about a whale: which one lacks it, the first of several.

    `since`: since when it is in none of those that are listed; None while it is in one.
    """

    lacking: SourceName
    since: datetime | None


@dataclass(slots=True, kw_only=True)
class Consequences:
    """The consequences of one observation: stored together, then published; then the questions are asked."""

    happenings: list[Happening] = field(default_factory=list)
    predictions: dict[str, Prediction] = field(default_factory=dict)
    questions: dict[Question, None] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    """Blocks that were connected."""
    read: list[BlockHash] = field(default_factory=list)
    """Blocks in which every whale is settled; they need not be read again after a restart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhalePolicy:
    """Decides whether a transaction is a whale, classifies and forecasts it. `threshold` in satoshi."""

    threshold: Sats
    classify: Callable[[Transaction, PeelMemory], Classification]
    is_whale: Callable[[Classification, Sats], bool]
    forecast_source: ForecastSource

    def may_be_whale(self, tx: Transaction) -> bool:
        """Return whether its total output value exceeds the threshold, change included."""
        return tx.gross > self.threshold

    def whale(self, tx: Transaction, peels: PeelMemory) -> Classification | None:
        """Return its classification if it is a whale by what is known now, else None."""
        if not self.may_be_whale(tx):
            return None
        classification = self.classify(tx, peels)
        return classification if self.is_whale(classification, self.threshold) else None


class Beliefs:
    """The tracker's state, and the three actions of a step: keep a prediction, publish an event, ask."""

    def __init__(self, whale_policy: WhalePolicy, bounds: Bounds, *, demo: bool) -> None:
        self.whale_policy, self.demo = whale_policy, demo
        self.chain = Chain()
        self.whales = Whales(bounds)
        self.tally = Tally()
        self.peels = PeelMemory()
        self.candidates = Candidates(bounds.candidates)
        self.held: dict[Txid, Txid] = {}
        """Decidable candidates that wait for their parent, itself a candidate, with that parent."""
        self.rivals: Recent[Txid, Transaction] = Recent(bounds.rivals)
        """Transactions that spend an outpoint of a whale; one of them may replace it."""
        self.gone: RecentTxids[Departure] = RecentTxids(bounds.gone)
        self._departure: Departure | None = None  # the last one
        self.missed: Recent[Outpoint, Txid] = Recent(bounds.rivals)
        """Outpoints of whales that disappeared without a reported reason; their next spend explains it."""
        self.awaited = Awaited(bounds.rivals)
        self.tips = Tips()
        self.named: dict[SourceName, Height] = {}
        """By source, the height of the block that it named last for a transaction."""
        self.kin: Recent[Txid, tuple[Txid, ...]] = Recent(bounds.gone)
        """Unconfirmed relatives of whales, with those whales; one that comes or goes may change a package.

        Those in a tuple: a set of one takes four times as much.
        """
        self.received: set[SourceName] = set()  # mempools that sent an observation since the start
        self.holders: RecentTxids[Mapping[SourceName, datetime]] = RecentTxids(bounds.gone)
        """Mempools that hold a possible whale, each with the time it was last reported there."""
        self.held_before: Recent[Txid, frozenset[SourceName]] = Recent(bounds.gone)
        """Of whales from before the start: mempools that held them then and have not spoken of them since."""
        self.lacking: RecentTxids[frozenset[SourceName]] = RecentTxids(bounds.gone)
        """Mempools that lack a whale from before the start, or one that no mempool is reported to hold."""
        # Transactions whose holders changed since versions were last stored for that alone.
        self.reheld: dict[Txid, None] = {}
        self.disputed: Recent[Txid, Dispute] = Recent(bounds.gone)
        """Whales that are in some mempools but not in another."""
        self.missing: Recent[Txid, datetime] = Recent(bounds.gone)
        """Whales that were found nowhere, and since when, while the reason may still be reported."""
        self.unreadable: Recent[BlockHash, Height] = Recent(UNREAD_BLOCKS)
        """Unread blocks that no source could deliver."""
        # Undone blocks that a source named for a transaction all the same, and when first.
        self.doubted: Recent[tuple[Txid, BlockHash], datetime] = Recent(bounds.rivals)
        self.projected: Recent[Txid, ProjectedTransaction] = Recent(bounds.candidates)
        self.entries: Recent[Txid, tuple[Block, BlockEntry]] = Recent(bounds.candidates)
        self.unread: Recent[BlockHash, Height] = Recent(UNREAD_BLOCKS)
        self.unloaded: dict[Txid, Unloaded] = {}
        """Whales that were unloaded to the store, by every txid they have or had."""
        self.deferred: list[Deferred] = []
        """Replacements and former versions of unloaded whales, deferred until these are recalled."""
        self.returning: Recent[Txid, TransactionSeen] = Recent(bounds.rivals)
        """Former versions that were reported as if they were there again, and are asked for."""
        self.no_whales: Recent[Txid, Sats] = Recent(bounds.rivals)
        """Transactions that were asked for and are no whales by themselves, by the threshold of then."""
        self.orphans: dict[BlockHash, dict[BlockHash, Block]] = {}
        """Blocks whose parent is not known yet, by the parent's hash and then their own."""
        self._out = Consequences()

    def begin(self) -> None:
        """Start collecting the consequences of the next observation."""
        self._out = Consequences()

    def consequences(self) -> Consequences:
        return self._out

    def ask(self, question: Question) -> None:
        self._out.questions[question] = None

    def knows_any(self, txids: Iterable[Txid]) -> bool:
        """Whether one of these is a transaction of a prediction or of a candidate."""
        return self.whales.has_any(txids) or self.candidates.has_any(txids)

    def watches_any(self, parents: Sequence[Txid]) -> bool:
        """Whether a transaction that spends from these may be a relative or a rival of a whale."""
        if self.whales.has_any(parents) or self.whales.spends_from_any(parents) or self.kin.has_any(parents):
            return True
        return bool(len(self.missed)) and not {outpoint.txid for outpoint in self.missed}.isdisjoint(parents)

    def depart(self, txid: Txid, why: str, at: datetime, *, reported: bool = True) -> None:
        """Record that a transaction left a mempool; earlier reports of its status no longer count."""
        before = self.gone.get(txid)
        departure = Departure(why, at, reported or (before is not None and before.reported))
        if departure == self._departure:
            departure = self._departure  # thousands leave at once
        self._departure = departure
        self.gone.put(txid, departure)

    def held_by(self, whale: Prediction) -> tuple[SourceName, ...]:
        """Return the mempools that hold it: by reports, else as known before the start."""
        reported, before = self.holders.get(whale.txid), self.held_before.get(whale.txid)
        if whale.status is not Status.PENDING or (reported is None and not whale.held_by):
            return whale.held_by
        return tuple(sorted({*(reported or ()), *(before or ())}))

    def said_to_hold_both(self, one: Txid, other: Txid) -> bool:
        """Return whether some mempool was last reported to hold each of two transactions."""
        return not (self.holders.get(one) or {}).keys().isdisjoint(self.holders.get(other) or {})

    def keep(self, whale: Prediction) -> Prediction:
        held_by = self.held_by(whale)
        if held_by != whale.held_by:
            whale = replace(whale, held_by=held_by)
        forgotten = self.whales.put(whale)
        if forgotten is not None:
            self._forget_parents(forgotten)
        self._out.predictions[whale.prediction_id] = whale
        if whale.status is not Status.PENDING:
            self.no_longer_in_doubt(whale.txid)
        self._unload_oldest()
        hop = hop_of(whale.tx)
        if hop is not None and _goes_on(whale.classification, hop):
            self.peels.remember(whale.tx, whale.peel_of or whale.prediction_id, hop.output)
        return whale

    def no_longer_in_doubt(self, txid: Txid) -> None:
        """It ended, or another version took its place: which mempools lack it matters no more."""
        self.missing.pop(txid)
        self.disputed.pop(txid)
        self.awaited.forget(txid)

    def publish(self, kind: EventType, whale: Prediction, at: datetime) -> Prediction:
        """Keep a version and publish it. A later hop of a chain was never announced: it is not updated.

        That it is back is told, for its end was.
        """
        before = self.whales.by_id(whale.prediction_id)
        self.tally.replacements += kind is EventType.REPLACED
        self.keep(whale)
        is_back = before is not None and before.status is not whale.status
        if kind is not EventType.UPDATED or whale.peel_of is None or is_back:
            self._out.happenings.append(Happening(type=kind, at=at, prediction=whale))
        return whale

    def announce(self, happening: Happening) -> None:
        """Publish an event that is not about one whale."""
        self._out.happenings.append(happening)

    def _forget_parents(self, whale: Prediction) -> None:
        """Watch the parents of a forgotten whale no longer: nobody would be told of its package."""
        if self.whales.current(whale.txid) is not None:
            return
        for parent in {spent.outpoint.txid for spent in whale.tx.inputs}:
            if self.kin.get(parent) == (whale.txid,):
                self.kin.pop(parent)

    def _unload_oldest(self) -> None:
        """Unload whales while there are too many, those with the oldest update first."""
        while (oldest := self.whales.unload_oldest()) is not None:
            self.tally.unloaded += 1
            self.candidates.pop(oldest.txid)
            self.note_unloaded(oldest)

    def note_unloaded(self, whale: Prediction) -> None:
        """Remember by which txids it is recalled; an older version that is another whale is none of them."""
        unloaded = Unloaded(whale.prediction_id, whale.txid, whale.detected_at)
        self.unloaded[whale.txid] = unloaded
        for txid in whale.replaces:
            if self.whales.current(txid) is None:
                self.unloaded.setdefault(txid, unloaded)

    def is_known(self, prediction_id: str) -> bool:
        """Return whether a prediction has this id, in memory or unloaded."""
        return self.whales.by_id(prediction_id) is not None or any(
            unloaded.prediction_id == prediction_id for unloaded in self.unloaded.values()
        )

    def is_unloaded(self, txid: Txid) -> bool:
        """Return whether this is the current transaction of an unloaded whale."""
        unloaded = self.unloaded.get(txid)
        return unloaded is not None and unloaded.txid == txid

    def is_no_whale(self, txid: Txid) -> bool:
        """Return whether it was asked for and is no whale by itself, by a threshold as low."""
        threshold = self.no_whales.get(txid)
        return threshold is not None and threshold <= self.whale_policy.threshold

    def was_unloaded_as_another(self, txid: Txid) -> bool:
        """Return whether this is a former version of an unloaded whale."""
        unloaded = self.unloaded.get(txid)
        return unloaded is not None and unloaded.txid != txid

    def connect(self, block: Block) -> None:
        self._out.blocks.append(block)

    def connect_tip(self) -> None:
        """Keep the tip's header as the last one: by that a restart knows which block is the tip."""
        if self.chain.tip is not None:
            self.connect(self.chain.tip)

    def take_for_read(self, block: Block) -> None:
        """Mark a block from before the start as read; its transactions are not tracked."""
        self._out.read.append(block.hash)

    def settle(self, block: Block) -> None:
        """Mark a block as read, unless a transaction in it is still being asked for."""
        if any(entry_block.hash == block.hash for entry_block, _ in self.entries.values()):
            return
        if self.unread.pop(block.hash) is None:
            return
        self._out.read.append(block.hash)
        if not self.reads_blocks:
            for txid in self.missing:
                self.ask(AskStatus(txid))

    @property
    def reads_blocks(self) -> bool:
        """Whether a block is still unread that may contain a missing whale."""
        return any(block not in self.unreadable for block, _ in self.unread.items())

    def forget_block(self, block_hash: BlockHash) -> None:
        """Drop pending work on a disconnected block; its answers would be applied to a stale block."""
        self.unread.pop(block_hash)
        for named in self.doubted:
            if named[1] == block_hash:
                self.doubted.pop(named)  # of an earlier reorg
        for txid, (block, _) in self.entries.items():
            if block.hash == block_hash:
                self.entries.pop(txid)
        for txid, candidate in self.candidates.items():
            if candidate.block is not None and candidate.block.hash == block_hash:
                self.candidates.put(txid, replace(candidate, block=None))

    def with_forecast(self, whale: Prediction, at: datetime) -> Prediction:
        forecast = self.whale_policy.forecast_source.forecast([whale], at)[0]
        return whale if forecast is None else lifecycle.with_forecast(whale, forecast, at)

    def note_overdue(self, at: datetime, among: Iterable[Prediction] | None = None) -> None:
        """Mark whales (all, or these) that are pending although their predicted block was mined and read."""
        tip, waiting = self.chain.tip, tuple(self.whales.pending() if among is None else among)
        if tip is None or not waiting:
            return
        is_read = self.unread.get(tip.hash) is None
        height = tip.height if is_read else Height(tip.height - 1)
        for whale in waiting:
            if lifecycle.is_overdue(whale, height):
                self.keep(lifecycle.overdue(whale, at))

    def reforecast(self, at: datetime) -> None:
        """Forecast all pending whales again; store and publish the forecasts that changed materially."""
        waiting = tuple(self.whales.pending())
        if not waiting:
            return
        forecasts: Sequence[Forecast | None] = self.whale_policy.forecast_source.forecast(waiting, at)
        for whale, forecast in zip(waiting, forecasts, strict=True):
            if forecast is not None and _says_something_new(forecast, whale.forecast):
                self.publish(EventType.UPDATED, lifecycle.with_forecast(whale, forecast, at), at)

    def reprice(self, whale: Prediction, feerate: SatPerVb, at: datetime) -> None:
        """Set a changed package feerate and forecast again; a first one that is its own is not published."""
        old = whale.package_feerate
        if not lifecycle.is_repriced(old, feerate):
            return
        whale = self.with_forecast(lifecycle.reprice(whale, feerate, at), at)
        if old is None and not whale.tx.is_of_package(feerate):
            self.keep(whale)
        else:
            self.publish(EventType.UPDATED, whale, at)


def _goes_on(classification: Classification, hop: Hop) -> bool:
    """Return whether the coin that a hop leaves over stays its owner's, as far as is known."""
    if hop.kind is Flag.SWEEP and classification.to_entities:
        return False
    return hop.kind in classification.flags


def _says_something_new(new: Forecast, old: Forecast | None) -> bool:
    if old is None or new.predicted_block != old.predicted_block or new.urgency is not old.urgency:
        return True
    if new.confidence_score is None or old.confidence_score is None:
        return new.confidence_score is not old.confidence_score
    return abs(new.confidence_score - old.confidence_score) >= MATERIAL_CHANCE
