"""Confirmation, drop, conflict and return of a whale. Each step publishes what it changed."""

from datetime import datetime, timedelta
from typing import Final

from app.core.events import EventType
from app.core.models import Block, Transaction
from app.core.prediction import Prediction, Status
from app.core.questions import AFTER_NEXT_POLL_SECONDS, AskPackage, AskStatus
from app.core.tracking import lifecycle
from app.core.tracking.beliefs import Beliefs
from app.core.units import BlockHash, Height, Txid

LATE_BY: Final = timedelta(seconds=10)
"""So late a backend may be with what its node replaced: it polls that every 2 s, and a small box is busy."""


def confirm(beliefs: Beliefs, whale: Prediction, block: Block, at: datetime) -> None:
    """The whale is in `block`; pending whales that spend the same outpoints have lost."""
    if whale.status in (Status.DROPPED, Status.REPLACED):
        whale = lifecycle.come_back(whale, at)
    beliefs.publish(EventType.CONFIRMED, lifecycle.confirm(whale, block, at), at)
    for victim in beliefs.whales.spenders(whale.tx.outpoints):
        lose_to_block(beliefs, victim, whale.txid, at)


def undo(beliefs: Beliefs, whale: Prediction, at: datetime) -> Prediction:
    """Unconfirm a whale whose block is no longer on the best chain."""
    reason = f"block {whale.confirmed_height} was reorganised away"
    return beliefs.publish(EventType.REORGED, lifecycle.unconfirm(whale, at, reason), at)


def take_back(
    beliefs: Beliefs, block_hash: BlockHash, at: datetime, *, moved: Block | None = None
) -> list[Prediction]:
    """Disconnect a block of our chain and all above it, so that the one below is the tip; return what waits.

    `moved`: this block as it stands at its own height.
    """
    gone = beliefs.chain.disconnect(block_hash, moved=moved is not None)
    undone = undo_blocks(beliefs, gone, at, moved=moved)
    beliefs.connect_tip()
    return undone


def undo_blocks(
    beliefs: Beliefs,
    blocks: tuple[Block, ...],
    at: datetime,
    *,
    within: bool = False,
    moved: Block | None = None,
) -> list[Prediction]:
    """Unconfirm all whales in these blocks, which were disconnected; counted as one reorg.

    `within`: blocks above them stay. `moved`: one of them as it stands at its own height; its whales stay
    confirmed there.
    """
    undone = [block for block in blocks if moved is None or block.hash != moved.hash]
    beliefs.tally.reorgs += bool(undone)
    beliefs.chain.date_undone(blocks, at)
    for block in blocks:
        beliefs.forget_block(block.hash)
    if blocks and not within:
        fork = Height(blocks[-1].height - 1)
        _lower_detections(beliefs, fork if moved is None else min(fork, moved.height), at)
    if moved is not None:
        for whale in beliefs.whales.in_block(moved.hash):
            beliefs.publish(EventType.UPDATED, lifecycle.confirmed_at_height(whale, moved, at), at)
    return [undo(beliefs, whale, at) for block in undone for whale in beliefs.whales.in_block(block.hash)]


def _lower_detections(beliefs: Beliefs, fork: Height, at: datetime) -> None:
    """Count the blocks before a detection on the chain as it is now, of which `fork` is the highest.

    What was announced on top of an undone block was announced before the block that took its height; what
    has ended may be in that one.
    """
    for whale in (*beliefs.whales.pending(), *beliefs.whales.ended()):
        if whale.detected_height is not None and whale.detected_height > fork:
            beliefs.keep(lifecycle.detected_at_height(whale, fork, at))
    beliefs.unloaded.update({txid: one.reorganised(fork) for txid, one in beliefs.unloaded.items()})


def come_back(beliefs: Beliefs, whale: Prediction, at: datetime) -> None:
    """The transaction was broadcast again: its prediction is pending again."""
    beliefs.gone.pop(whale.txid)
    beliefs.ask(AskPackage(whale.txid))
    back = beliefs.with_forecast(lifecycle.come_back(whale, at), at)
    ask_about_rivals(beliefs, beliefs.publish(EventType.UPDATED, back, at))


def said_to_be_back(beliefs: Beliefs, whale: Prediction, at: datetime) -> None:
    """A mempool has an ended whale: it is back, unless that mempool may be late; then it is asked again."""
    if has_just_given_way(whale, at):
        beliefs.ask(AskStatus(whale.txid, in_seconds=AFTER_NEXT_POLL_SECONDS))
    else:
        come_back(beliefs, whale, at)


def has_just_given_way(whale: Prediction, at: datetime) -> bool:
    """Return whether it was replaced so lately that a mempool may have it, or a version before it, still."""
    if whale.status is not Status.REPLACED or whale.ended_at is None:
        return False
    return timedelta(0) <= at - whale.ended_at <= LATE_BY


def ask_about_rivals(beliefs: Beliefs, whale: Prediction) -> None:
    """Ask for the status of its rivals: no mempool holds two spends of one outpoint, so they may be gone."""
    for other in beliefs.whales.spenders(whale.tx.outpoints):
        if other.prediction_id != whale.prediction_id:
            beliefs.ask(AskStatus(other.txid))


def verify(beliefs: Beliefs, whale: Prediction, at: datetime) -> Prediction:
    """The whale is in a mempool: clear its unverified mark, if it has one."""
    beliefs.gone.pop(whale.txid)
    if not whale.left_unverified:
        return whale
    return beliefs.publish(EventType.UPDATED, lifecycle.verify(whale, at), at)


def lose_to_block(beliefs: Beliefs, victim: Prediction, winner: Txid, at: datetime) -> None:
    """Drop the victim: a block contains another spend of its outpoints."""
    beliefs.tally.conflicts += 1
    reason = _lost_to(winner)
    contested = lifecycle.contend(victim, winner, at, reason)
    beliefs.publish(EventType.CONFLICTED, contested, at)
    beliefs.publish(EventType.DROPPED, lifecycle.drop(contested, at, reason), at)


def has_lost_to_block(beliefs: Beliefs, whale: Prediction) -> bool:
    """Return whether it was dropped because a block contains another spend of its outpoints.

    Not if that is a whale and in no block any more.
    """
    winner = next((one for one in whale.conflicts_with if whale.reason == _lost_to(one)), None)
    if whale.status is not Status.DROPPED or winner is None:
        return False
    known = beliefs.whales.find(winner)
    return known is None or (known.txid == winner and known.status is Status.CONFIRMED)


def _lost_to(winner: Txid) -> str:
    return f"a block holds {winner}, which spends the same coin"


def contest(beliefs: Beliefs, rival: Txid, tx: Transaction, at: datetime) -> None:
    """`rival` and `tx` conflict and are both pending: publish that once for each, with the likely winner.

    No mempool holds two spends of one outpoint: if one is said to hold both, the report of one was late.
    """
    other = beliefs.whales.current(rival)
    if other is None or other.status is not Status.PENDING:
        return
    likely = _likely_winner(other, tx)
    outlook = f"the higher feerate is likely to win: {likely}" if likely else "which one wins is open"
    mine = beliefs.whales.current(tx.txid)
    sides = [(other, tx.txid)]
    if mine is not None and mine.status is Status.PENDING:
        sides.append((mine, rival))
    sides = [(whale, against) for whale, against in sides if against not in whale.conflicts_with]
    beliefs.tally.conflicts += bool(sides)
    for whale, against in sides:
        words = f"spends the same coin as {against}; {outlook}"
        beliefs.publish(EventType.CONFLICTED, lifecycle.contend(whale, against, at, words), at)
        if beliefs.said_to_hold_both(rival, tx.txid):
            beliefs.ask(AskStatus(whale.txid, in_seconds=AFTER_NEXT_POLL_SECONDS))


def _likely_winner(whale: Prediction, rival: Transaction) -> Txid | None:
    """Return the one with the higher feerate; None where a feerate is unknown or both are equal."""
    one = whale.effective_feerate
    two = rival.effective_feerate
    if one is None or two is None or one == two:
        return None
    return whale.txid if one > two else rival.txid
