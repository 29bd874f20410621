"""Where a transaction is, in mempools or in a block; what follows if it is missing or no source answers."""

from datetime import datetime, timedelta
from typing import Final, assert_never

from app.core.events import EventType
from app.core.models import SourceName
from app.core.observations import MempoolListed, StatusReply, TransactionLeft, Unanswered
from app.core.prediction import Prediction, Status
from app.core.questions import AFTER_NEXT_POLL_SECONDS, AskBlock, AskPrevouts, AskStatus, AskTransaction
from app.core.tracking import (
    blocks,
    endings,
    inferred_replacement,
    lifecycle,
    packages,
    presence,
    replacing,
    weighing,
)
from app.core.tracking.beliefs import Beliefs, Departure
from app.core.tracking.prevouts import missing_prevouts
from app.core.units import BlockHash, Height, Txid

NEXT_POLL: Final = timedelta(seconds=2)
BLOCKS_ARE_READ_WITHIN: Final = timedelta(minutes=10)
GIVEN_WHOLE_WITHIN: Final = timedelta(hours=6)
"""What no source has given whole by then none will: a backend without an index has no mined transactions."""


def left(beliefs: Beliefs, report: TransactionLeft, at: datetime) -> None:
    """Transactions left one mempool: confirmed, replaced, dropped, or still in others. Ask for the status."""
    weighing.decide_waiting(beliefs, report.txids, at)
    for txid in report.txids:
        presence.lacks(beliefs, txid, report.source)
        packages.left(beliefs, txid)
        if not presence.is_held(beliefs, txid):
            beliefs.projected.pop(txid)  # by its line alone what is gone is not announced
        beliefs.depart(txid, "it left the mempool", at)
        if not presence.is_listed(beliefs, txid):
            beliefs.rivals.pop(txid)
        whale = beliefs.whales.current(txid)
        if whale is not None and whale.status is Status.PENDING:
            beliefs.ask(AskStatus(txid))


def mempool_listed(beliefs: Beliefs, report: MempoolListed, at: datetime) -> None:
    """Ask about every whale that should be in the listing and is not, and for blocks not read yet.

    About one that changed since the listing was made too, a moment later: not every change is a report that
    it is in a mempool.
    """
    _refute_rivals(beliefs, report, at)
    for whale in beliefs.whales.pending():
        if whale.updated_at >= report.as_of:
            if whale.txid not in report.txids:
                beliefs.ask(AskStatus(whale.txid, in_seconds=AFTER_NEXT_POLL_SECONDS))
        elif whale.txid in report.txids:
            presence.holds(beliefs, whale.txid, report.source, at)
            _ask_what_is_missing(beliefs, presence.found(beliefs, whale, report.source, at))
            for older in _older_versions(beliefs, whale, report):
                beliefs.ask(AskTransaction(older))  # beside the current one: a whale of its own, perhaps
        else:
            _ask_where(beliefs, whale, report, at)
    if not presence.is_behind(beliefs, report.source):
        _ask_about_ended(beliefs, report)
    without_parent = ((block.hash, block.height) for block in beliefs.chain.parentless())
    for block_hash, height in (*beliefs.unread.items(), *beliefs.chain.missing(), *without_parent):
        beliefs.ask(AskBlock(block_hash, height))


def _refute_rivals(beliefs: Beliefs, report: MempoolListed, at: datetime) -> None:
    """Forget each rival in whose place a whale is listed: its departure may have been missed.

    Not one that waits in another mempool: that may be mined, or come to this one.
    """
    for rival in tuple(beliefs.rivals.values()):
        if rival.txid in report.txids:
            presence.holds(beliefs, rival.txid, report.source, at)
            continue
        presence.unlisted(beliefs, rival.txid, report)
        others = beliefs.whales.spenders(rival.outpoints)
        is_refuted = any(one.txid in report.txids and one.updated_at < report.as_of for one in others)
        if is_refuted and not presence.is_listed_lately(beliefs, rival.txid, at):
            beliefs.rivals.pop(rival.txid)


def _ask_about_ended(beliefs: Beliefs, report: MempoolListed) -> None:
    """Ask about each that came back, or was reorged out of its block, while no source reported it."""
    for whale in beliefs.whales.ended():
        is_older = whale.updated_at < report.as_of
        if (is_older and whale.txid in report.txids) or _is_in_another_block(beliefs, whale):
            beliefs.ask(AskStatus(whale.txid))
        is_late = whale.ended_at is not None and report.as_of - whale.ended_at > GIVEN_WHOLE_WITHIN
        if whale.status is Status.CONFIRMED and not whale.tx.outputs and not is_late:  # its line alone
            beliefs.ask(AskTransaction(whale.txid, whale.confirmed_hash, whale.confirmed_height))
        if is_older:
            for version in _older_versions(beliefs, whale, report):
                beliefs.ask(AskTransaction(version))


def _is_in_another_block(beliefs: Beliefs, whale: Prediction) -> bool:
    """Return whether a source named a block for it in whose place our chain has another one."""
    if whale.confirmed_hash is None or whale.confirmed_height is None:
        return False
    ours = beliefs.chain.at(whale.confirmed_height)
    return ours is not None and ours.hash != whale.confirmed_hash


def _ask_what_is_missing(beliefs: Beliefs, whale: Prediction) -> None:
    """Ask for the whole transaction of a pending whale, or for its prevouts, if they are unknown."""
    if not whale.tx.outputs or whale.tx.paid is None:
        beliefs.ask(AskTransaction(whale.txid))
    elif ask := missing_prevouts(whale.tx):
        beliefs.ask(ask)


def _older_versions(beliefs: Beliefs, whale: Prediction, report: MempoolListed) -> list[Txid]:
    """Return the older versions of a whale that are listed and may be predictions of their own by now."""
    return [
        one
        for one in whale.replaces
        if one in report.txids
        and beliefs.whales.current(one) is None
        and not (beliefs.is_unloaded(one) or beliefs.is_no_whale(one))
    ]


def status_reply(beliefs: Beliefs, reply: StatusReply, at: datetime) -> None:
    """The reply to AskStatus."""
    _note_presence(beliefs, reply, at)
    is_there = reply.block_hash is not None or reply.in_mempool
    is_gone = not is_there and not presence.is_held(beliefs, reply.txid)
    if is_gone:
        beliefs.rivals.pop(reply.txid)
    if is_gone or reply.block_hash is not None:
        inferred_replacement.replacement_is_gone(beliefs, reply.txid, at)
    else:  # it is asked for until somebody gives it whole
        inferred_replacement.replacement_is_placed(beliefs, reply.txid, at)
    _note_late(beliefs, reply, at)
    if _settle_contests(beliefs, reply, at):
        return
    whale = beliefs.whales.current(reply.txid)
    if whale is None:
        _not_a_whale_yet(beliefs, reply, at)
    elif _doubts_block(beliefs, reply, at):
        return
    elif reply.block_hash is not None and reply.height is not None:
        _in_block(beliefs, whale, reply.block_hash, reply.height, at)
    elif reply.in_mempool:
        _said_to_wait(beliefs, whale, reply, at)
    elif whale.status is Status.PENDING:
        _nowhere(beliefs, whale, reply, at)
    elif _undoes(beliefs, whale, reply):
        _nowhere(beliefs, endings.undo(beliefs, whale, at), reply, at)


def _doubts_block(beliefs: Beliefs, reply: StatusReply, at: datetime) -> bool:
    """Return whether it names a block that was undone, as of before that: then it is asked about once more.

    Not by a source that is behind: once it has caught up, its mempool or a block of ours tells where it is.
    """
    if reply.block_hash is None or not beliefs.chain.has_undone(reply.block_hash):
        return False
    if presence.is_behind(beliefs, reply.source):
        return True
    named = (reply.txid, reply.block_hash)
    since = beliefs.doubted.get(named)
    if since is None or since > at:  # the clock was set back
        beliefs.doubted.put(named, at)
        beliefs.ask(AskStatus(reply.txid, in_seconds=AFTER_NEXT_POLL_SECONDS))
        return True
    return at - since < NEXT_POLL


def _undoes(beliefs: Beliefs, whale: Prediction, reply: StatusReply) -> bool:
    """Return whether a reply that it is nowhere refutes its block, which another reply named.

    A source that has not come to the block's height cannot know it.
    """
    if whale.confirmed_hash is None or whale.confirmed_hash in beliefs.chain:
        return False
    return not presence.is_below(beliefs, reply.source, whale.confirmed_height)


def _note_presence(beliefs: Beliefs, reply: StatusReply, at: datetime) -> None:
    if reply.in_mempool:
        presence.holds(beliefs, reply.txid, reply.source, at)
    else:
        presence.lacks(beliefs, reply.txid, reply.source)


def _note_late(beliefs: Beliefs, reply: StatusReply, at: datetime) -> None:
    """Mark it late if its block is mined without it: one from the store was not, for that might hold it.

    By one at the tip only, that answers as of now: else that block might have come since.
    """
    whale = beliefs.whales.current(reply.txid)
    is_old = reply.as_of is not None and at - reply.as_of > NEXT_POLL
    if whale is None or reply.block_hash is not None or is_old:
        return
    if presence.names_its_tip(beliefs, reply.source) and not presence.is_behind(beliefs, reply.source):
        beliefs.note_overdue(at, among=(whale,))


def _said_to_wait(beliefs: Beliefs, whale: Prediction, reply: StatusReply, at: datetime) -> None:
    """A source reports it in its mempool; ignored if the report is older than its end or the tip."""
    if _is_older_than_its_end(reply, whale):
        return
    if whale.status in (Status.DROPPED, Status.REPLACED) and not presence.lists(reply.source):
        return  # it may be late, or never forget: that it is back a mempool that is listed tells
    if whale.status is not Status.PENDING and presence.is_behind(beliefs, reply.source):
        return
    if whale.status is Status.CONFIRMED and not presence.has_come_to(beliefs, reply.source, whale):
        return
    if whale.status is Status.CONFIRMED and presence.is_from_before_its_tip(beliefs, reply, at):
        return  # if it waits again, a report or a listing tells
    departure = beliefs.gone.get(reply.txid)
    if departure is not None and reply.as_of is not None and reply.as_of < departure.at:
        _ask_once_more(beliefs, whale, departure, at)
    else:
        _in_mempool(beliefs, whale, reply, at)


def unanswered(beliefs: Beliefs, failed: Unanswered, at: datetime) -> None:
    """No source answered: whatever waited for the answer continues with what is known."""
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
            if not failed.asked_again:
                beliefs.returning.pop(txid)
            weighing.announce_by_line(beliefs, txid, at)
            inferred_replacement.replacement_unanswered(beliefs, failed, txid, at)
        case _:
            pass


def _settle_contests(beliefs: Beliefs, reply: StatusReply, at: datetime) -> bool:
    """Apply the status to candidates that contest this whale: they replace it, or conflict with it.

    Return whether it is gone and one of them may yet replace it.
    """
    gone = reply.block_hash is None and not reply.in_mempool
    asked = AskStatus(reply.txid)
    waiting = beliefs.candidates.waiting_for(asked)
    more = [replacing.contest_answered(beliefs, one, asked, at, gone=gone) for one in waiting]
    return gone and any(more)


def _ask_where(beliefs: Beliefs, whale: Prediction, report: MempoolListed, at: datetime) -> None:
    """Ask about a whale that is not in the listing; an older version of it may be."""
    presence.lacks(beliefs, whale.txid, report.source)
    beliefs.depart(whale.txid, "it is no longer listed", at, reported=False)
    listed = _older_versions(beliefs, whale, report)
    beliefs.ask(AskTransaction(listed[0]) if listed else AskStatus(whale.txid))


def _not_a_whale_yet(beliefs: Beliefs, reply: StatusReply, at: datetime) -> None:
    """One known by its summary only is announced if it is in a block, and forgotten if in no mempool."""
    if reply.txid in beliefs.entries:
        weighing.announce_by_line(beliefs, reply.txid, at)
    elif beliefs.whales.find(reply.txid) is not None:
        _former_version(beliefs, reply, at)
    elif not reply.in_mempool:
        beliefs.projected.pop(reply.txid)


def _former_version(beliefs: Beliefs, reply: StatusReply, at: datetime) -> None:
    """It had been replaced, and is mined nevertheless if it is in a block of ours."""
    block = None if reply.block_hash is None else beliefs.chain.find(reply.block_hash)
    if block is not None:
        blocks.mined(beliefs, reply.txid, block, at)


def _in_block(
    beliefs: Beliefs, whale: Prediction, block_hash: BlockHash, height: Height, at: datetime
) -> None:
    block = blocks.block_of(beliefs, block_hash, height)
    if whale.status is Status.CONFIRMED and whale.confirmed_hash == block_hash:
        return
    if whale.status is Status.CONFIRMED:
        whale = endings.undo(beliefs, whale, at)
    endings.confirm(beliefs, whale, block, at)


def _is_older_than_its_end(reply: StatusReply, whale: Prediction) -> bool:
    """Return whether the reply describes a time before the whale ended: delayed, or from a cache."""
    return reply.as_of is not None and whale.ended_at is not None and reply.as_of < whale.ended_at


def _ask_once_more(beliefs: Beliefs, whale: Prediction, departure: Departure, at: datetime) -> None:
    """Ask again, once: the reply was delayed or cached when the transaction left the mempool."""
    if whale.status is not Status.PENDING:
        return
    if departure.asked_again:
        reason = "it left the mempool we watch; what is said of it is from before that"
        _leave_unverified(beliefs, whale, at, reason)
    else:
        beliefs.gone.put(whale.txid, departure._replace(asked_again=True))
        beliefs.ask(AskStatus(whale.txid))


def _in_mempool(beliefs: Beliefs, whale: Prediction, reply: StatusReply, at: datetime) -> None:
    match whale.status:
        case Status.CONFIRMED:
            # It is unconfirmed, so its block is no longer on the best chain, and neither is any above.
            if whale.confirmed_hash is not None and whale.confirmed_hash in beliefs.chain:
                undone = endings.take_back(beliefs, whale.confirmed_hash, at)
                blocks.ask_about(beliefs, [one for one in undone if one.txid != whale.txid])
            else:
                endings.undo(beliefs, whale, at)
        case Status.DROPPED | Status.REPLACED:
            endings.said_to_be_back(beliefs, whale, at)
        case Status.PENDING:
            for older in whale.replaces:
                beliefs.rivals.pop(older)  # refuted: the current version is still in the mempool
            presence.found(beliefs, whale, reply.source, at)
        case _:
            assert_never(whale.status)


def _nowhere(beliefs: Beliefs, whale: Prediction, reply: StatusReply, at: datetime) -> None:
    """In no block and not in this mempool: replaced if a rival is known, else perhaps dropped."""
    is_new = whale.txid not in beliefs.disputed
    rival = replacing.rival_of(beliefs, whale)
    if _was_just_found(beliefs, whale, at) and presence.differ(beliefs, whale, reply.source, at):
        if is_new and (rival is not None or reply.replaced_by is not None):  # the other one may be late
            beliefs.ask(AskStatus(whale.txid, in_seconds=AFTER_NEXT_POLL_SECONDS))
        return
    winner = beliefs.whales.confirmed_spender(whale.tx.outpoints)
    if winner is not None and winner.confirmed_hash is not None and winner.confirmed_hash in beliefs.chain:
        endings.lose_to_block(beliefs, whale, winner.txid, at)
    elif rival is not None:
        replacing.replace_whales(beliefs, [whale], rival, at)
    elif reply.replaced_by is not None and reply.replaced_by not in (whale.txid, *whale.replaces):
        inferred_replacement.await_replacement(beliefs, whale, reply.replaced_by, at)
    elif inferred_replacement.is_awaited(beliefs, whale, at) or _is_undecided(beliefs, whale, reply, at):
        return
    else:
        beliefs.missing.pop(whale.txid)
        beliefs.publish(EventType.DROPPED, lifecycle.drop(whale, at, _why_gone(beliefs, whale)), at)
        inferred_replacement.miss(beliefs, whale)


def _is_undecided(beliefs: Beliefs, whale: Prediction, reply: StatusReply, at: datetime) -> bool:
    """Return whether mempools differ about it, or the reason why it is gone may yet be reported."""
    differ = presence.differ(beliefs, whale, reply.source, at)
    return differ or _may_yet_be_reported(beliefs, whale, reply, at)


def _was_just_found(beliefs: Beliefs, whale: Prediction, at: datetime) -> bool:
    """Return whether another mempool has it by an answer to the same question, most likely.

    What was reported of it longer ago does not gainsay a source that names its replacement, and neither does
    a server that never lists its mempool, and so never says what it lacks.
    """
    holders = beliefs.holders.get(whale.txid) or {}
    ago = [at - reported for mempool, reported in holders.items() if mempool in presence.LISTING]
    return any(timedelta(0) <= one <= NEXT_POLL for one in ago)


def _may_yet_be_reported(beliefs: Beliefs, whale: Prediction, reply: StatusReply, at: datetime) -> bool:
    """Return whether to wait with the conclusion: an unread block or the next poll may give the reason.

    The backend polls its node every 2 s: it may report that a transaction is gone before it reports the
    replacement.
    """
    since = beliefs.missing.get(whale.txid)
    if since is None or since > at:  # the clock was set back
        since = at
        beliefs.missing.put(whale.txid, at)
    waited = at - since
    if beliefs.reads_blocks and waited < BLOCKS_ARE_READ_WITHIN:
        return True
    if reply.source is SourceName.BITCOIND or waited >= NEXT_POLL:
        return False
    beliefs.ask(AskStatus(whale.txid, in_seconds=AFTER_NEXT_POLL_SECONDS))
    return True


def _why_gone(beliefs: Beliefs, whale: Prediction) -> str:
    for parent in dict.fromkeys(spent.outpoint.txid for spent in whale.tx.inputs):
        departure = beliefs.gone.get(parent)
        if departure is not None:
            return f"its parent {parent} is gone: {departure.why}"
    return "no longer in any mempool we can see: expired, evicted, or the node was restarted"


def _cannot_verify(beliefs: Beliefs, txid: Txid, at: datetime) -> None:
    whale = beliefs.whales.current(txid)
    if whale is not None and whale.status is Status.PENDING and txid in beliefs.gone:
        reason = "it left the mempool we watch; nobody could be asked where it is"
        _leave_unverified(beliefs, whale, at, reason)


def _leave_unverified(beliefs: Beliefs, whale: Prediction, at: datetime, reason: str) -> None:
    if not whale.left_unverified:
        beliefs.publish(EventType.UPDATED, lifecycle.leave_unverified(whale, at, reason), at)
