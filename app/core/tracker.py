"""The one mutator: observations in, happenings and questions out.

`Tracker.handle` is the only code that changes what we believe of a transaction. What a source says
is checked against what a transaction's inputs prove, and where that does not decide, a question is
asked; until it is answered nothing is concluded.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app.core import lifecycle
from app.core.candidates import Candidate, Candidates, Recent
from app.core.chain import Chain
from app.core.classification import Classification, Flag, Flow, MovedIs
from app.core.events import EventType, Happening
from app.core.models import Block, BlockEntry, Input, SourceName, Transaction
from app.core.observations import (
    BlockConnected,
    ChainListed,
    Gap,
    MempoolListed,
    Observation,
    PackageTold,
    PrevoutsTold,
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
from app.core.prediction import Forecast, Prediction, Status
from app.core.questions import (
    AskBlock,
    AskMempool,
    AskPackage,
    AskPrevouts,
    AskStatus,
    AskTransaction,
    Question,
)
from app.core.scripts import with_derived_scripts
from app.core.units import BlockHash, Height, SatPerVb, Sats, Txid
from app.core.whales import Bounds, Whales

UNREAD_BLOCKS = 50
"""Blocks whose entries nobody gave us are asked for again, the latest ones."""
Classify = Callable[[Transaction], Classification]
Foretell = Callable[[Prediction, datetime], Forecast | None]


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


@dataclass(slots=True, kw_only=True)
class Consequences:
    """Of one observation: to be stored together, then told; then the questions are asked."""

    happenings: list[Happening] = field(default_factory=list)
    predictions: dict[str, Prediction] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)


class Tracker:
    """Follows every whale from first sight to its end.

    Args:
        threshold: a whale's outputs and what it moves are both strictly more, satoshi.
        classify: says where the coins go.
        is_whale: decides, by a classification and the threshold.
        foretell: says when it will confirm, None where that cannot be said.

    """

    def __init__(
        self,
        *,
        threshold: Sats,
        classify: Classify,
        is_whale: Callable[[Classification, Sats], bool],
        foretell: Foretell = lambda _whale, _at: None,
        bounds: Bounds | None = None,
        demo: bool = False,
    ) -> None:
        self._threshold = threshold
        self._classify = classify
        self._is_whale = is_whale
        self._foretell = foretell
        self._bounds = bounds or Bounds()
        self._demo = demo
        self.chain = Chain()
        self.whales = Whales(self._bounds)
        self.tally = Tally()
        self._candidates = Candidates(self._bounds.candidates)
        self._rivals: Recent[Txid, Transaction] = Recent(self._bounds.rivals)
        self._gone: Recent[Txid, str] = Recent(self._bounds.gone)
        self._orphans: dict[BlockHash, list[Block]] = {}
        self._glimpsed: Recent[Txid, TransactionGlimpsed] = Recent(self._bounds.candidates)
        self._entries: Recent[Txid, tuple[Block, BlockEntry]] = Recent(self._bounds.candidates)
        self._unread: Recent[BlockHash, Height] = Recent(UNREAD_BLOCKS)
        self._out = Consequences()
        self._handlers: dict[type, Callable[[Any, datetime], None]] = {
            TransactionSeen: self._on_seen,
            TransactionReplaced: self._on_replaced,
            TransactionLeft: self._on_left,
            TransactionGlimpsed: self._on_glimpsed,
            TransactionTold: self._on_told,
            PrevoutsTold: self._on_prevouts,
            PackageTold: self._on_package,
            StatusTold: self._on_status,
            MempoolListed: self._on_listed,
            BlockConnected: self._on_block,
            ChainListed: self._on_chain,
            Unanswered: self._on_unanswered,
            SourceConnected: self._on_connected,
            Gap: self._on_gap,
            Skipped: self._on_skipped,
        }

    def restore(self, predictions: tuple[Prediction, ...], blocks: tuple[Block, ...]) -> None:
        """Take up what the store remembers, before the first observation."""
        self.chain.restore(blocks)
        for prediction in sorted(predictions, key=lambda one: one.updated_at):
            self.whales.put(prediction)

    def handle(self, observation: Observation, at: datetime) -> Consequences:
        """Draw the conclusions of one observation."""
        self._out = Consequences()
        conclude = self._handlers.get(type(observation))
        if conclude is not None:  # the rest is the market's: not about one transaction
            conclude(observation, at)
        return self._out

    def _on_connected(self, connected: SourceConnected, _at: datetime) -> None:
        self.tally.reconnects += connected.again
        self._ask(AskMempool(f"{connected.source} connected"))

    def _on_gap(self, gap: Gap, _at: datetime) -> None:
        self.tally.gaps += 1
        self._ask(AskMempool(gap.reason))

    def _on_skipped(self, _skipped: Skipped, _at: datetime) -> None:
        self.tally.skipped += 1

    # --- seen in the mempool -------------------------------------------------------------------

    def _on_seen(self, seen: TransactionSeen, at: datetime) -> None:
        self.tally.transactions += 1
        tx = seen.tx
        self._look_for_parents(tx)
        known = self.whales.find(tx.txid)
        if known is not None:
            self._on_seen_again(known, tx, at)
            return
        if tx.txid in self._candidates:
            return
        rivals = self.whales.spenders(tx.outpoints)
        if rivals:
            self._rivals.put(tx.txid, tx)
        if tx.gross <= self._threshold and not rivals:
            return
        asked: list[Question] = [AskStatus(rival.txid) for rival in rivals]
        tx = with_derived_scripts(tx)
        if tx.gross > self._threshold and (ask := _missing_prevouts(tx)):
            asked.append(ask)
        candidate = Candidate(
            tx=tx,
            source=seen.source,
            at=at,
            late=seen.late,
            waits_for=frozenset(asked),
            contests=tuple(rival.txid for rival in rivals),
        )
        self._weigh(candidate, at)

    def _weigh(self, candidate: Candidate, at: datetime) -> None:
        """Ask what is still open about a candidate, or decide on it."""
        if candidate.waits_for:
            self._put_off(candidate, at)
            for question in sorted(candidate.waits_for, key=repr):
                self._ask(question)
        else:
            self._decide(candidate, at)

    def _decide(self, candidate: Candidate, at: datetime) -> None:
        """Announce it if it is a whale; nothing that could still be known is waited for any more."""
        tx = candidate.tx
        self._candidates.pop(tx.txid)
        if self.whales.find(tx.txid) is not None:
            return
        if tx.gross > self._threshold:
            classification = self._classify(tx)
            if self._is_whale(classification, self._threshold):
                self._announce(candidate, classification, at)
        for rival in candidate.contests:
            self._contend(rival, tx, at)

    def _announce(self, candidate: Candidate, classification: Classification, at: datetime) -> None:
        flags: set[Flag] = set()
        if candidate.late:
            flags.add(Flag.LATE_SEEN)
        own, package = candidate.tx.feerate, candidate.tx.package_feerate
        if own is not None and package is not None and package > own * 1.01:
            flags.add(Flag.CPFP)
        whale = lifecycle.begin(
            candidate.tx,
            classification,
            source=candidate.source,
            at=candidate.at,
            tip=self.chain.tip,
            flags=frozenset(flags),
            demo=self._demo,
        )
        self.tally.whales += 1
        if candidate.block is None:
            whale = self._with_forecast(whale, at)
        self._tell(EventType.DETECTED, whale, at)
        if candidate.block is not None:
            self._confirm(whale, candidate.block, at)

    def _on_seen_again(self, known: Prediction, tx: Transaction, at: datetime) -> None:
        if known.txid != tx.txid:
            # A replaced version is in the mempool again: has the one that took its place left?
            self._rivals.put(tx.txid, with_derived_scripts(tx))
            self._ask(AskStatus(known.txid))
            return
        match known.status:
            case Status.CONFIRMED:
                self._ask(AskStatus(tx.txid))
            case Status.DROPPED | Status.REPLACED:
                self._tell(EventType.UPDATED, self._with_forecast(lifecycle.come_back(known, at), at), at)
            case Status.PENDING:
                if known.left_unverified:
                    known = self._tell(EventType.UPDATED, lifecycle.verify(known, at), at)
                if tx.package_feerate is not None:
                    self._reprice(known, tx.package_feerate, at)

    def _look_for_parents(self, tx: Transaction) -> None:
        """A child of a waiting whale changes what the whale's package pays."""
        for parent in dict.fromkeys(spent.outpoint.txid for spent in tx.inputs):
            whale = self.whales.current(parent)
            if whale is not None and whale.status is Status.PENDING:
                self._ask(AskPackage(parent))

    def _on_glimpsed(self, glimpse: TransactionGlimpsed, at: datetime) -> None:
        if glimpse.value <= self._threshold:
            return
        known = self.whales.current(glimpse.txid)
        if known is not None:
            if known.status is Status.PENDING and glimpse.package_feerate is not None:
                self._reprice(known, glimpse.package_feerate, at)
            return
        if glimpse.txid in self._candidates or glimpse.txid in self._glimpsed:
            return
        self._glimpsed.put(glimpse.txid, glimpse)
        self._ask(AskTransaction(glimpse.txid))

    def _on_told(self, told: TransactionTold, at: datetime) -> None:
        """A whole transaction that was asked for: found waiting, or in a block."""
        txid = told.tx.txid
        entry = self._entries.pop(txid)
        self._glimpsed.pop(txid)
        if told.block_hash is None and entry is None:
            self._on_seen(TransactionSeen(tx=told.tx, source=told.source, late=True), at)
            return
        block = entry[0] if entry else self._block_of(told.block_hash, told.height)
        if block is not None:
            self._found_in_block(told.tx, block, at)

    def _on_prevouts(self, told: PrevoutsTold, at: datetime) -> None:
        candidate = self._candidates.get(told.txid)
        if candidate is not None:
            tx = _with_prevouts(candidate.tx, told)
            open_questions = frozenset(one for one in candidate.waits_for if not isinstance(one, AskPrevouts))
            self._weigh_again(replace(candidate, tx=tx, waits_for=open_questions), at)
            return
        known = self.whales.current(told.txid)
        if known is None or known.status is not Status.PENDING:
            return
        tx = _with_prevouts(known.tx, told)
        classification = self._classify(tx)
        if tx != known.tx or classification != known.classification:
            self._tell(EventType.UPDATED, lifecycle.reclassify(known, tx, classification, at), at)

    def _weigh_again(self, candidate: Candidate, at: datetime) -> None:
        if candidate.waits_for:
            self._put_off(candidate, at)
        else:
            self._decide(candidate, at)

    def _put_off(self, candidate: Candidate, at: datetime) -> None:
        too_long = self._candidates.put(candidate.tx.txid, candidate)
        if too_long is not None:
            self._decide(too_long, at)

    def _on_package(self, told: PackageTold, at: datetime) -> None:
        known = self.whales.current(told.txid)
        if known is not None and known.status is Status.PENDING:
            self._reprice(known, told.package_feerate, at)

    def _reprice(self, whale: Prediction, feerate: SatPerVb, at: datetime) -> None:
        old = whale.package_feerate
        if old is not None and abs(feerate - old) <= 0.01 * old:
            return
        whale = self._with_forecast(lifecycle.reprice(whale, feerate, at), at)
        if old is None:
            self._keep(whale)  # learnt, not changed: nothing to tell
        else:
            self._tell(EventType.UPDATED, whale, at)

    # --- replaced, contested, gone ---------------------------------------------------------------

    def _on_replaced(self, told: TransactionReplaced, at: datetime) -> None:
        self._decide_waiting(told.victims, at)
        by = with_derived_scripts(told.by)
        victims = []
        for txid in told.victims:
            self._gone.put(txid, f"replaced by {by.txid}")
            victim = self.whales.current(txid)
            if (
                victim is not None
                and victim.status is Status.PENDING
                and txid != by.txid
                and victim.tx.outpoints & by.outpoints
            ):
                victims.append(victim)
        if told.mined:
            self._lose_to_block(victims, by, at)
            return
        if victims:
            self._replace(victims, by, at)
        else:
            self._on_seen(TransactionSeen(tx=by, source=told.source), at)

    def _decide_waiting(self, txids: tuple[Txid, ...], at: datetime) -> None:
        """Those about to be replaced are announced first, so that their story is whole."""
        for txid in txids:
            waiting = self._candidates.get(txid)
            if waiting is not None:
                self._decide(waiting, at)

    def _replace(self, victims: list[Prediction], by: Transaction, at: datetime) -> None:
        """Hand the largest victim's id on to `by`; without a whale as winner, all of them end."""
        self.tally.replacements += len(victims)
        victims.sort(key=lambda one: (one.classification.moved, one.txid), reverse=True)
        heir = self.whales.current(by.txid)
        waiting = self._candidates.get(by.txid)
        self._candidates.pop(by.txid)
        self._rivals.pop(by.txid)
        by = _with_known_prevouts(waiting.tx if waiting else by, victims)
        classification = self._classify(by) if by.gross > self._threshold else None
        if classification is None or not self._is_whale(classification, self._threshold):
            for victim in victims:
                reason = f"replaced by {by.txid}, which is no whale"
                self._tell(EventType.REPLACED, lifecycle.give_way(victim, by.txid, at, reason), at)
            return
        if heir is None:
            first, *victims = victims
            self._tell(
                EventType.REPLACED,
                self._with_forecast(lifecycle.take_over(first, by, classification, at), at),
                at,
            )
            if ask := _missing_prevouts(by):
                self._ask(ask)
        for victim in victims:
            reason = f"replaced by {by.txid}, together with others"
            self._tell(EventType.REPLACED, lifecycle.give_way(victim, by.txid, at, reason), at)

    def _contend(self, rival: Txid, tx: Transaction, at: datetime) -> None:
        """Both spend the same coin and both are waiting: each is told, with the likelier winner."""
        other = self.whales.current(rival)
        if other is None or other.status is not Status.PENDING:
            return
        self.tally.conflicts += 1
        mine = self.whales.current(tx.txid)
        likely = _likely_winner(other, tx)
        words = "spends the same coin as {}; " + (
            f"the higher feerate is likely to win: {likely}" if likely else "which one wins is open"
        )
        self._tell(EventType.CONFLICTED, lifecycle.contend(other, tx.txid, at, words.format(tx.txid)), at)
        if mine is not None and mine.status is Status.PENDING:
            self._tell(EventType.CONFLICTED, lifecycle.contend(mine, rival, at, words.format(rival)), at)

    def _lose_to_block(self, victims: Iterable[Prediction], winner: Transaction, at: datetime) -> None:
        """A block holds a transaction that spends their coins.

        One that pays more was a replacement that took place out of our sight: every mempool would
        have taken it instead. One that pays less, or nobody knows how much, came past the mempools.
        """
        victims = list(victims)
        bumped = [one for one in victims if _outbids(winner, one.tx)]
        if bumped:
            self._replace(bumped, winner, at)
        for victim in victims:
            if victim not in bumped:
                self._conflict_mined(victim, winner.txid, at)

    def _conflict_mined(self, victim: Prediction, winner: Txid, at: datetime) -> None:
        self.tally.conflicts += 1
        reason = f"a block holds {winner}, which spends the same coin"
        contested = lifecycle.contend(victim, winner, at, reason)
        self._tell(EventType.CONFLICTED, contested, at)
        self._tell(EventType.DROPPED, lifecycle.drop(contested, at, reason), at)

    def _on_left(self, left: TransactionLeft, at: datetime) -> None:
        self._decide_waiting(left.txids, at)
        for txid in left.txids:
            self._gone.put(txid, "it left the mempool")
            whale = self.whales.current(txid)
            if whale is not None and whale.status is Status.PENDING:
                self._ask(AskStatus(txid))

    def _on_listed(self, listed: MempoolListed, at: datetime) -> None:
        """Ask about every whale that should be in the list and is not, or was in doubt."""
        for whale in self.whales.pending():
            if whale.updated_at >= listed.as_of:
                continue
            if whale.txid not in listed.txids:
                self._ask(AskStatus(whale.txid))
            elif whale.left_unverified:
                self._tell(EventType.UPDATED, lifecycle.verify(whale, at), at)
        for block_hash, height in self._unread.items():
            self._ask(AskBlock(block_hash, height))

    # --- answers about where it is -----------------------------------------------------------------

    def _on_status(self, told: StatusTold, at: datetime) -> None:
        self._settle_contests(told, at)
        whale = self.whales.current(told.txid)
        if whale is None:
            self._unknown_to_all(told, at)
            return
        if told.block_hash is not None and told.height is not None:
            self._in_block_by_status(whale, told.block_hash, told.height, at)
        elif told.in_mempool:
            self._in_mempool_by_status(whale, at)
        elif whale.status is Status.PENDING:
            self._nowhere(whale, told.replaced_by, at)
        elif whale.confirmed_hash is not None and whale.confirmed_hash not in self.chain:
            self._nowhere(self._undo(whale, at), told.replaced_by, at)

    def _unknown_to_all(self, told: StatusTold, at: datetime) -> None:
        """A whale known by one line only is nowhere: in a block it counts all the same."""
        if told.txid in self._entries:
            self._only_a_line(told.txid, at)
        elif not told.in_mempool:
            self._glimpsed.pop(told.txid)

    def _in_block_by_status(
        self, whale: Prediction, block_hash: BlockHash, height: Height, at: datetime
    ) -> None:
        block = self.chain.at(height)
        if block is None or block.hash != block_hash:
            self._ask(AskBlock(block_hash, height))
            block = Block(hash=block_hash, height=height)
        if whale.status is Status.CONFIRMED and whale.confirmed_hash == block_hash:
            return
        if whale.status is Status.CONFIRMED:
            whale = self._undo(whale, at)
        self._confirm(whale, block, at)

    def _in_mempool_by_status(self, whale: Prediction, at: datetime) -> None:
        match whale.status:
            case Status.CONFIRMED:
                # It waits, so its block is no longer on the best chain, and neither is any above.
                if whale.confirmed_hash is not None and whale.confirmed_hash in self.chain:
                    self._undo_blocks(self.chain.disconnect(whale.confirmed_hash), at)
                else:
                    self._undo(whale, at)
            case Status.DROPPED | Status.REPLACED:
                self._tell(EventType.UPDATED, self._with_forecast(lifecycle.come_back(whale, at), at), at)
            case Status.PENDING:
                if whale.left_unverified:
                    self._tell(EventType.UPDATED, lifecycle.verify(whale, at), at)

    def _nowhere(self, whale: Prediction, replaced_by: Txid | None, at: datetime) -> None:
        """It is in no block and no mempool: replaced if something took its coins, else dropped."""
        rival = self._rival_of(whale)
        if rival is not None:
            self._replace([whale], rival, at)
        elif replaced_by is not None and replaced_by != whale.txid:
            self.tally.replacements += 1
            reason = f"replaced by {replaced_by}"
            self._tell(EventType.REPLACED, lifecycle.give_way(whale, replaced_by, at, reason), at)
        else:
            self._tell(EventType.DROPPED, lifecycle.drop(whale, at, self._why_gone(whale)), at)

    def _rival_of(self, whale: Prediction) -> Transaction | None:
        for rival in self._rivals.values():
            if rival.txid != whale.txid and rival.outpoints & whale.tx.outpoints:
                return rival
        return None

    def _why_gone(self, whale: Prediction) -> str:
        for parent in dict.fromkeys(spent.outpoint.txid for spent in whale.tx.inputs):
            if parent in self._gone:
                return f"its parent {parent} is gone: {self._gone.get(parent)}"
        return "no longer in any mempool we can see: expired, evicted, or the node was restarted"

    def _settle_contests(self, told: StatusTold, at: datetime) -> None:
        """Candidates that waited to hear whether this one is still there."""
        gone = told.block_hash is None and not told.in_mempool
        for candidate in self._candidates.waiting_for(AskStatus(told.txid)):
            whale = self.whales.current(told.txid)
            if gone and whale is not None and whale.status is Status.PENDING:
                self._replace([whale], candidate.tx, at)
            else:
                still = candidate.waits_for - {AskStatus(told.txid)}
                self._weigh_again(replace(candidate, waits_for=still), at)

    # --- blocks ------------------------------------------------------------------------------------

    def _on_chain(self, listed: ChainListed, at: datetime) -> None:
        tip = self.chain.tip
        if tip is None:
            self.chain.restore(listed.blocks)
            self._out.blocks.extend(listed.blocks)
            return
        newest = listed.blocks[-1]
        if newest.hash in self.chain:
            return
        if newest.height <= tip.height:
            # An old view after a restart, or a reorg: the block itself will say.
            self._ask(AskMempool("the backend's chain is not the one we know"))
            return
        for block in listed.blocks:
            if block.hash not in self.chain and block.height >= self.chain.lowest:
                self._connect(block, at)

    def _on_block(self, connected: BlockConnected, at: datetime) -> None:
        self._connect(connected.block, at)

    def _connect(self, block: Block, at: datetime) -> None:
        if block.hash in self.chain or block.height < self.chain.lowest:
            self._read_block(block, at)
            return
        if self.chain.tip is not None and block.previous is None and block.entries is None:
            self._ask(AskBlock(block.hash, block.height))  # only its hash is known
            return
        self._place(block, at, orphaned=False)

    def _place(self, block: Block, at: datetime, *, orphaned: bool) -> None:
        step = self.chain.place(block, orphaned=orphaned)
        if step.connected is None:
            if step.parent is not None:
                self._orphans.setdefault(step.parent, []).append(block)
                self._ask(AskBlock(step.parent, Height(block.height - 1)))
            return
        self.tally.blocks += 1
        self._out.blocks.append(block)
        self._unread.put(block.hash, block.height)
        undone = self._undo_blocks(step.disconnected, at)
        self._read_block(block, at)
        if block.entries is None:
            self._ask(AskBlock(block.hash, block.height))
        if step.hole:
            self._ask_about_all(at)
        for child in self._orphans.pop(block.hash, []):
            if child.hash not in self.chain:
                self._place(child, at, orphaned=False)
        for whale in undone:
            still = self.whales.current(whale.txid)
            if still is not None and still.status is Status.PENDING:
                self._ask(AskStatus(whale.txid))
        self._reforecast(at)

    def _read_block(self, block: Block, at: datetime) -> None:
        """Confirm what is in it; find whales that nobody ever announced."""
        known = self.chain.at(block.height)
        if known is not None and known.hash != block.hash:
            return
        if known is not None:
            block = replace(known, txids=block.txids, entries=block.entries, time=known.time or block.time)
        elif block.entries is None and block.txids is not None:
            self._ask(AskBlock(block.hash, block.height))  # from before our chain, and told all the same
        for txid in block.txids or ():
            self._mined(txid, block, at)
        for position, entry in enumerate(block.entries or ()):
            self._mined(entry.txid, block, at)
            if position > 0 and entry.value > self._threshold:  # the first one makes new coins
                self._whale_in_block(entry, block)
        if block.entries is not None:
            self._unread.pop(block.hash)

    def _mined(self, txid: Txid, block: Block, at: datetime) -> None:
        candidate = self._candidates.get(txid)
        if candidate is not None:
            self._decide(replace(candidate, contests=()), at)
        whale = self.whales.find(txid)
        if whale is None:
            return
        if whale.txid != txid:
            self._older_version_mined(whale, txid, block, at)
        elif whale.status is not Status.CONFIRMED:
            self._confirm(whale, block, at)
        elif whale.confirmed_hash != block.hash:
            self._confirm(self._undo(whale, at), block, at)

    def _older_version_mined(self, whale: Prediction, txid: Txid, block: Block, at: datetime) -> None:
        """A miner took a version that had been replaced here: our prediction was of the other one."""
        if whale.status is Status.PENDING:
            self._conflict_mined(whale, txid, at)
        self._ask(AskTransaction(txid, block.hash, block.height))

    def _whale_in_block(self, entry: BlockEntry, block: Block) -> None:
        if self.whales.find(entry.txid) is None and entry.txid not in self._entries:
            self._entries.put(entry.txid, (block, entry))
            self._ask(AskTransaction(entry.txid, block.hash, block.height))

    def _found_in_block(self, tx: Transaction, block: Block, at: datetime) -> None:
        """A whale that was never announced; what it spends is settled now."""
        known = self.whales.current(tx.txid)
        if known is not None:
            self._mined(tx.txid, block, at)
            return
        self._lose_to_block(self.whales.spenders(tx.outpoints), tx, at)
        if self.whales.current(tx.txid) is not None:
            self._mined(tx.txid, block, at)
            return
        candidate = Candidate(
            tx=with_derived_scripts(tx), source=SourceName.BLOCK, at=at, late=True, block=block
        )
        self._weigh_again(candidate, at)

    def _confirm(self, whale: Prediction, block: Block, at: datetime) -> None:
        if whale.status in (Status.DROPPED, Status.REPLACED):
            whale = lifecycle.come_back(whale, at)
        self._tell(EventType.CONFIRMED, lifecycle.confirm(whale, block, at), at)
        for victim in self.whales.spenders(whale.tx.outpoints):
            self._conflict_mined(victim, whale.txid, at)

    def _undo_blocks(self, blocks: tuple[Block, ...], at: datetime) -> list[Prediction]:
        if blocks:
            self.tally.reorgs += 1
        undone = []
        for block in blocks:
            undone += [self._undo(whale, at) for whale in self.whales.in_block(block.hash)]
        return undone

    def _undo(self, whale: Prediction, at: datetime) -> Prediction:
        reason = f"block {whale.confirmed_height} was reorganised away"
        whale = lifecycle.unconfirm(whale, at, reason)
        return self._tell(EventType.REORGED, whale, at)

    def _block_of(self, block_hash: BlockHash | None, height: Height | None) -> Block | None:
        if block_hash is None or height is None:
            return None
        known = self.chain.at(height)
        if known is not None and known.hash == block_hash:
            return known
        self._ask(AskBlock(block_hash, height))
        return Block(hash=block_hash, height=height)

    def _ask_about_all(self, at: datetime) -> None:
        """Blocks we do not know may hold any of them."""
        for whale in self.whales.pending():
            if whale.updated_at < at:
                self._ask(AskStatus(whale.txid))

    # --- questions nobody answered -------------------------------------------------------------------

    def _on_unanswered(self, failed: Unanswered, at: datetime) -> None:
        self.tally.unanswered += 1
        match failed.question:
            case AskPrevouts(txid=txid) | AskStatus(txid=txid):
                self._go_on_without(failed.question, txid, at)
            case AskBlock(hash=block_hash, height=height):
                self._block_unread(block_hash, height, at)
            case AskTransaction(txid=txid):
                self._only_a_line(txid, at)
            case _:
                pass

    def _go_on_without(self, question: Question, txid: Txid, at: datetime) -> None:
        for candidate in self._candidates.waiting_for(question):
            self._weigh_again(replace(candidate, waits_for=candidate.waits_for - {question}), at)
        whale = self.whales.current(txid)
        if (
            isinstance(question, AskStatus)
            and whale is not None
            and whale.status is Status.PENDING
            and not whale.left_unverified
            and txid in self._gone
        ):
            reason = "it left the mempool we watch; nobody could be asked where it is"
            self._tell(EventType.UPDATED, lifecycle.leave_unverified(whale, at, reason), at)

    def _block_unread(self, block_hash: BlockHash, height: Height | None, at: datetime) -> None:
        for child in self._orphans.pop(block_hash, []):
            if child.hash not in self.chain:
                self._place(child, at, orphaned=True)
        if height is not None and block_hash not in self.chain:
            tip = self.chain.tip
            if tip is None or height > tip.height:
                self._place(Block(hash=block_hash, height=height), at, orphaned=True)

    def _only_a_line(self, txid: Txid, at: datetime) -> None:
        """The whole transaction is not to be had: what one line told is said, and that it is no more."""
        entry = self._entries.pop(txid)
        glimpse = self._glimpsed.pop(txid)
        if self.whales.find(txid) is not None:
            return
        line = entry[1] if entry else glimpse
        if line is None:
            return
        tx = Transaction(txid=txid, inputs=(), outputs=(), fee=line.fee, vsize=line.vsize)
        candidate = Candidate(
            tx=tx,
            source=SourceName.BLOCK if entry else (glimpse.source if glimpse else SourceName.MEMPOOL_WS),
            at=at,
            late=True,
            block=entry[0] if entry else None,
        )
        self._announce(candidate, _known_by_total(line.value), at)

    # --- what comes out ------------------------------------------------------------------------------

    def _with_forecast(self, whale: Prediction, at: datetime) -> Prediction:
        forecast = self._foretell(whale, at)
        return whale if forecast is None else lifecycle.foretell(whale, forecast, at)

    def _tell(self, kind: EventType, whale: Prediction, at: datetime) -> Prediction:
        self._keep(whale)
        self._out.happenings.append(Happening(type=kind, at=at, prediction=whale))
        return whale

    def _keep(self, whale: Prediction) -> None:
        self.whales.put(whale)
        self._out.predictions[whale.prediction_id] = whale

    def _ask(self, question: Question) -> None:
        if question not in self._out.questions:
            self._out.questions.append(question)

    def _reforecast(self, at: datetime) -> None:
        for whale in self.whales.pending():
            revised = self._with_forecast(whale, at)
            if revised is not whale:
                self._keep(revised)


def _missing_prevouts(tx: Transaction) -> AskPrevouts | None:
    missing = tuple(spent.outpoint for spent in tx.inputs if spent.value is None or spent.script is None)
    return AskPrevouts(tx.txid, missing) if missing else None


def _with_prevouts(tx: Transaction, told: PrevoutsTold) -> Transaction:
    def filled(spent: Input) -> Input:
        prevout = told.prevouts.get(spent.outpoint)
        return spent if prevout is None else replace(spent, script=prevout.script, value=prevout.value)

    return replace(tx, inputs=tuple(filled(spent) for spent in tx.inputs))


def _with_known_prevouts(tx: Transaction, others: list[Prediction]) -> Transaction:
    """What the victims spent, their winner spends too."""
    known = {
        spent.outpoint: spent
        for other in others
        for spent in other.tx.inputs
        if spent.script is not None and spent.value is not None
    }

    def filled(spent: Input) -> Input:
        same = known.get(spent.outpoint)
        return spent if same is None else replace(spent, script=same.script, value=same.value)

    return replace(tx, inputs=tuple(filled(spent) for spent in tx.inputs))


def _outbids(winner: Transaction, victim: Transaction) -> bool:
    """Pays more in all and more a vbyte, as a replacement must.

    Source: Bitcoin Core, doc/policy/mempool-replacements.md.
    """
    one, two = winner.feerate, victim.feerate
    if winner.fee is None or victim.fee is None or one is None or two is None:
        return False
    return winner.fee > victim.fee and one > two


def _likely_winner(whale: Prediction, rival: Transaction) -> Txid | None:
    """Return the one that pays more a vbyte; None where a feerate is unknown or both pay the same."""
    one = whale.package_feerate or whale.tx.feerate
    two = rival.package_feerate or rival.feerate
    if one is None or two is None or one == two:
        return None
    return whale.txid if one > two else rival.txid


def _known_by_total(value: Sats) -> Classification:
    return Classification(
        flow=Flow.UNKNOWN,
        gross=value,
        moved=value,
        moved_low=Sats(0),
        moved_high=value,
        moved_is=MovedIs.UP_TO,
        internal=Sats(0),
        evidence=("only the sum of its outputs could be learnt, so all of it may be change",),
    )
