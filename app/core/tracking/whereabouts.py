"""Where a transaction is: seen, listed, gone, in a block; and what follows when nobody can say."""

from datetime import datetime

from app.core.events import EventType
from app.core.observations import MempoolListed, StatusTold, TransactionLeft, Unanswered
from app.core.prediction import Prediction, Status
from app.core.questions import AskBlock, AskPrevouts, AskStatus, AskTransaction
from app.core.tracking import blocks, endings, lifecycle, replacing, unseen, weighing
from app.core.tracking.beliefs import Beliefs
from app.core.units import BlockHash, Height, Txid


def left(beliefs: Beliefs, told: TransactionLeft, at: datetime) -> None:
    """Gone from one mempool: confirmed, replaced, dropped or only elsewhere. Ask."""
    weighing.decide_waiting(beliefs, told.txids, at)
    for txid in told.txids:
        beliefs.depart(txid, "it left the mempool", at)
        beliefs.rivals.pop(txid)
        whale = beliefs.whales.current(txid)
        if whale is not None and whale.status is Status.PENDING:
            beliefs.ask(AskStatus(txid))


def mempool_listed(beliefs: Beliefs, told: MempoolListed, at: datetime) -> None:
    """Ask about every whale that should be listed and is not, and for blocks that nobody read yet."""
    for whale in beliefs.whales.pending():
        if whale.updated_at >= told.as_of:
            continue
        if whale.txid in told.txids:
            endings.verify(beliefs, whale, at)
            if not whale.tx.outputs:
                beliefs.ask(AskTransaction(whale.txid))
        else:
            _ask_where(beliefs, whale, told, at)
    for whale in beliefs.whales.ended():
        # One that waits all the same came back, or its block was reorganised away, while nobody listened.
        if whale.updated_at < told.as_of and whale.txid in told.txids:
            beliefs.ask(AskStatus(whale.txid))
    for block_hash, height in (*beliefs.unread.items(), *beliefs.chain.missing()):
        beliefs.ask(AskBlock(block_hash, height))


def status_told(beliefs: Beliefs, told: StatusTold, at: datetime) -> None:
    """The answer to where it is."""
    if told.block_hash is None and not told.in_mempool:
        beliefs.rivals.pop(told.txid)
        unseen.heir_is_gone(beliefs, told.txid, at)
    if _settle_contests(beliefs, told, at):
        return
    whale = beliefs.whales.current(told.txid)
    if whale is None:
        _not_a_whale_yet(beliefs, told, at)
    elif told.block_hash is not None and told.height is not None:
        _in_block(beliefs, whale, told.block_hash, told.height, at)
    elif told.in_mempool and _is_older_than_its_end(told, whale):
        return  # so it was, before what ended its wait
    elif told.in_mempool and _is_older_than_its_departure(beliefs, told):
        _ask_once_more(beliefs, whale, at)
    elif told.in_mempool:
        _in_mempool(beliefs, whale, at)
    elif whale.status is Status.PENDING:
        _nowhere(beliefs, whale, told.replaced_by, at)
    elif whale.confirmed_hash is not None and whale.confirmed_hash not in beliefs.chain:
        _nowhere(beliefs, endings.undo(beliefs, whale, at), told.replaced_by, at)


def unanswered(beliefs: Beliefs, failed: Unanswered, at: datetime) -> None:
    """Nobody could say: what waited for it goes on with what is known."""
    beliefs.tally.unanswered += 1
    question = failed.question
    match question:
        case AskPrevouts():
            for candidate in beliefs.candidates.waiting_for(question):
                weighing.answered(beliefs, candidate, question, at)
        case AskStatus(txid=txid):
            for candidate in beliefs.candidates.waiting_for(question):
                replacing.contest_answered(beliefs, candidate, question, at, gone=False)
            _cannot_verify(beliefs, txid, at)
        case AskBlock(hash=block_hash, height=height):
            blocks.unread(beliefs, block_hash, height, at)
        case AskTransaction(txid=txid):
            weighing.announce_by_line(beliefs, txid, at)
            unseen.heir_is_gone(beliefs, txid, at)
        case _:
            pass


def _settle_contests(beliefs: Beliefs, told: StatusTold, at: datetime) -> bool:
    """Candidates that waited to hear whether this one is still there take its place, or contest it.

    Return whether it is gone and one of them may yet take its place.
    """
    gone = told.block_hash is None and not told.in_mempool
    asked = AskStatus(told.txid)
    waiting = beliefs.candidates.waiting_for(asked)
    more = [replacing.contest_answered(beliefs, one, asked, at, gone=gone) for one in waiting]
    return gone and any(more)


def _ask_where(beliefs: Beliefs, whale: Prediction, told: MempoolListed, at: datetime) -> None:
    """It is not listed; an older version of it may be."""
    beliefs.depart(whale.txid, "it is no longer listed", at, told=False)
    older = next((txid for txid in whale.replaces if txid in told.txids), None)
    beliefs.ask(AskStatus(whale.txid) if older is None else AskTransaction(older))


def _not_a_whale_yet(beliefs: Beliefs, told: StatusTold, at: datetime) -> None:
    """It is known by one line only: in a block that counts all the same, in the mempool it has gone."""
    if told.txid in beliefs.entries:
        weighing.announce_by_line(beliefs, told.txid, at)
    elif not told.in_mempool:
        beliefs.glimpsed.pop(told.txid)


def _in_block(
    beliefs: Beliefs, whale: Prediction, block_hash: BlockHash, height: Height, at: datetime
) -> None:
    block = blocks.block_of(beliefs, block_hash, height)
    if whale.status is Status.CONFIRMED and whale.confirmed_hash == block_hash:
        return
    if whale.status is Status.CONFIRMED:
        whale = endings.undo(beliefs, whale, at)
    endings.confirm(beliefs, whale, block, at)


def _is_older_than_its_end(told: StatusTold, whale: Prediction) -> bool:
    """An answer on its way, or from a cache, while a block or a removal came."""
    return told.as_of is not None and whale.ended_at is not None and told.as_of < whale.ended_at


def _is_older_than_its_departure(beliefs: Beliefs, told: StatusTold) -> bool:
    """So it was, before it was heard to have left: where it is now is still open."""
    departure = beliefs.gone.get(told.txid)
    return departure is not None and told.as_of is not None and told.as_of < departure.at


def _ask_once_more(beliefs: Beliefs, whale: Prediction, at: datetime) -> None:
    """The answer was under way, or in a cache, when it left; another one like it tells no more."""
    if whale.status is Status.PENDING and not whale.left_unverified:
        _cannot_verify(beliefs, whale.txid, at)
        beliefs.ask(AskStatus(whale.txid))


def _in_mempool(beliefs: Beliefs, whale: Prediction, at: datetime) -> None:
    match whale.status:
        case Status.CONFIRMED:
            # It waits, so its block is no longer on the best chain, and neither is any above.
            if whale.confirmed_hash is not None and whale.confirmed_hash in beliefs.chain:
                endings.undo_blocks(beliefs, beliefs.chain.disconnect(whale.confirmed_hash), at)
            else:
                endings.undo(beliefs, whale, at)
        case Status.DROPPED | Status.REPLACED:
            endings.come_back(beliefs, whale, at)
        case Status.PENDING:
            for older in whale.replaces:
                beliefs.rivals.pop(older)  # told again, and refuted: this one still holds the coins
            endings.verify(beliefs, whale, at)


def _nowhere(beliefs: Beliefs, whale: Prediction, replaced_by: Txid | None, at: datetime) -> None:
    """In no block and no mempool: replaced if something took its coins, else dropped."""
    rival = replacing.rival_of(beliefs, whale)
    if rival is not None:
        replacing.replace_whales(beliefs, [whale], rival, at)
    elif replaced_by is not None and replaced_by != whale.txid:
        unseen.await_heir(beliefs, whale, replaced_by, at)
    else:
        beliefs.tell(EventType.DROPPED, lifecycle.drop(whale, at, _why_gone(beliefs, whale)), at)
        unseen.miss(beliefs, whale)


def _why_gone(beliefs: Beliefs, whale: Prediction) -> str:
    for parent in dict.fromkeys(spent.outpoint.txid for spent in whale.tx.inputs):
        departure = beliefs.gone.get(parent)
        if departure is not None:
            return f"its parent {parent} is gone: {departure.why}"
    return "no longer in any mempool we can see: expired, evicted, or the node was restarted"


def _cannot_verify(beliefs: Beliefs, txid: Txid, at: datetime) -> None:
    whale = beliefs.whales.current(txid)
    if (
        whale is not None
        and whale.status is Status.PENDING
        and not whale.left_unverified
        and txid in beliefs.gone
    ):
        reason = "it left the mempool we watch; nobody could be asked where it is"
        beliefs.tell(EventType.UPDATED, lifecycle.leave_unverified(whale, at, reason), at)
