"""How a whale's wait ends, is contested or begins again. Each step tells what it changed."""

from datetime import datetime

from app.core.events import EventType
from app.core.models import Block, Transaction
from app.core.prediction import Prediction, Status
from app.core.questions import AskStatus
from app.core.tracking import lifecycle
from app.core.tracking.beliefs import Beliefs
from app.core.units import Txid


def confirm(beliefs: Beliefs, whale: Prediction, block: Block, at: datetime) -> None:
    """It is in `block`; whatever else waits to spend its coins has lost."""
    if whale.status in (Status.DROPPED, Status.REPLACED):
        whale = lifecycle.come_back(whale, at)
    beliefs.tell(EventType.CONFIRMED, lifecycle.confirm(whale, block, at), at)
    for victim in beliefs.whales.spenders(whale.tx.outpoints):
        lose_to_block(beliefs, victim, whale.txid, at)


def undo(beliefs: Beliefs, whale: Prediction, at: datetime) -> Prediction:
    """Its block is no longer on the best chain."""
    reason = f"block {whale.confirmed_height} was reorganised away"
    return beliefs.tell(EventType.REORGED, lifecycle.unconfirm(whale, at, reason), at)


def undo_blocks(beliefs: Beliefs, blocks: tuple[Block, ...], at: datetime) -> list[Prediction]:
    """All that was in these blocks waits again; counted as one reorg."""
    beliefs.tally.reorgs += bool(blocks)
    for block in blocks:
        beliefs.forget_block(block.hash)
    return [undo(beliefs, whale, at) for block in blocks for whale in beliefs.whales.in_block(block.hash)]


def come_back(beliefs: Beliefs, whale: Prediction, at: datetime) -> None:
    """Broadcast again: the same prediction, pending again."""
    beliefs.gone.pop(whale.txid)
    back = beliefs.with_forecast(lifecycle.come_back(whale, at), at)
    ask_about_rivals(beliefs, beliefs.tell(EventType.UPDATED, back, at))


def ask_about_rivals(beliefs: Beliefs, whale: Prediction) -> None:
    """No mempool holds two that spend one coin: whatever else we believe to wait may be gone."""
    for other in beliefs.whales.spenders(whale.tx.outpoints):
        if other.prediction_id != whale.prediction_id:
            beliefs.ask(AskStatus(other.txid))


def verify(beliefs: Beliefs, whale: Prediction, at: datetime) -> Prediction:
    """It is there after all, if there was any doubt."""
    beliefs.gone.pop(whale.txid)
    if not whale.left_unverified:
        return whale
    return beliefs.tell(EventType.UPDATED, lifecycle.verify(whale, at), at)


def lose_to_block(beliefs: Beliefs, victim: Prediction, winner: Txid, at: datetime) -> None:
    """A block holds another spend of its coins."""
    beliefs.tally.conflicts += 1
    reason = f"a block holds {winner}, which spends the same coin"
    contested = lifecycle.contend(victim, winner, at, reason)
    beliefs.tell(EventType.CONFLICTED, contested, at)
    beliefs.tell(EventType.DROPPED, lifecycle.drop(contested, at, reason), at)


def contest(beliefs: Beliefs, rival: Txid, tx: Transaction, at: datetime) -> None:
    """The whale `rival` and `tx` spend one coin and both wait: each is told once, with the likely winner."""
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
        beliefs.tell(EventType.CONFLICTED, lifecycle.contend(whale, against, at, words), at)


def _likely_winner(whale: Prediction, rival: Transaction) -> Txid | None:
    """Return the one that pays more a vbyte; None where a feerate is unknown or both pay the same."""
    one = whale.effective_feerate
    two = rival.effective_feerate
    if one is None or two is None or one == two:
        return None
    return whale.txid if one > two else rival.txid
