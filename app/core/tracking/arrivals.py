"""Transactions reported in a mempool, in a projected block or in reply to a question."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from app.core.encoding import with_derived_scripts
from app.core.events import EventType
from app.core.models import BlockEntry, SourceName, Transaction
from app.core.observations import (
    PackageReply,
    PrevoutsReply,
    ProjectedTransaction,
    TransactionBatch,
    TransactionReplaced,
    TransactionReply,
    TransactionSeen,
    TransactionsSeen,
)
from app.core.prediction import Prediction, Status
from app.core.questions import AskMempool, AskPackage, AskPrevouts, AskStatus, AskTransaction, Question
from app.core.tracking import (
    blocks,
    endings,
    inferred_replacement,
    lifecycle,
    packages,
    presence,
    replacing,
    unloading,
    weighing,
)
from app.core.tracking.beliefs import Beliefs
from app.core.tracking.candidates import Candidate
from app.core.tracking.prevouts import missing_prevouts, with_prevouts
from app.core.units import SatPerVb, Txid
from app.errors import ParseError


def seen(
    beliefs: Beliefs,
    report: TransactionSeen,
    at: datetime,
    *,
    asked: bool = False,
    reported: TransactionSeen | None = None,
) -> None:
    """A transaction in the mempool: new, already known, or a rival (a double spend) of a known whale.

    `asked`: this is an answer, by which it is there now. `reported`: what it was asked for, if that was a
    report of it.
    """
    beliefs.tally.transactions += 1
    tx = report.tx
    if beliefs.is_unloaded(tx.txid):
        return
    packages.joined(beliefs, tx)
    inferred_replacement.replacement_reported(beliefs, _filled_by_line(beliefs, tx), at)
    known = beliefs.whales.find(tx.txid)
    if known is not None or beliefs.whale_policy.may_be_whale(tx):
        presence.holds(beliefs, tx.txid, report.source, at)
        tx = _with_line(beliefs, tx, report.source)
    if known is not None and not lifecycle.may_both_be_mined(known, tx):
        _seen_again(beliefs, known, report, at)
        return
    if known is not None and not _is_there_again(beliefs, known, report, asked=asked):
        return
    if presence.is_behind(beliefs, report.source) and beliefs.whales.confirmed_spender(tx.outpoints):
        return  # a stale report: this source has not read the latest blocks yet
    rivals = beliefs.whales.spenders(tx.outpoints)
    if not rivals and tx.txid not in beliefs.candidates and inferred_replacement.adopt(beliefs, tx, at):
        return
    if tx.txid in beliefs.candidates or not (rivals or beliefs.whale_policy.may_be_whale(tx)):
        return
    tx = with_derived_scripts(tx)
    if rivals:
        beliefs.rivals.put(tx.txid, tx)
        presence.holds(beliefs, tx.txid, report.source, at)  # of one that is no whale too
    questions: list[Question] = [AskStatus(rival.txid) for rival in rivals]
    if beliefs.whale_policy.may_be_whale(tx) and (ask := missing_prevouts(tx)):
        questions.append(ask)
    first = reported or report
    candidate = Candidate(
        tx=tx,
        source=first.source,
        at=at,
        late=first.late,
        waits_for=frozenset(questions),
        contests=tuple(rival.txid for rival in rivals),
        fee_by_line=tx.fee != report.tx.fee,
    )
    weighing.weigh(beliefs, candidate, at)


def _with_line(beliefs: Beliefs, tx: Transaction, source: SourceName) -> Transaction:
    """Add what its line in a projected block told of what it pays: by that it is announced no more."""
    line = beliefs.projected.pop(tx.txid)
    if line is None:
        return tx
    one, other = line.package_feerate, tx.package_feerate
    if one is not None and other is not None and lifecycle.is_repriced(one, other):
        if source is SourceName.BITCOIND:
            tx = replace(tx, package_feerate=one)  # a node tells nothing of what its children pay
        if not beliefs.is_no_whale(tx.txid):
            beliefs.ask(AskPackage(tx.txid))  # which of them is the newer is not known
    return tx.filled_in(line.fee, line.vsize, line.package_feerate)


def _filled_by_line(beliefs: Beliefs, tx: Transaction) -> Transaction:
    """Add what its line in a projected block told of what it pays itself; the line is kept."""
    line = beliefs.projected.get(tx.txid)
    return tx if line is None else tx.filled_in(line.fee, line.vsize)


def many_seen(beliefs: Beliefs, report: TransactionsSeen, at: datetime) -> None:
    """Many transactions: those that are large, known, or related to a known whale are handled one by one."""
    batch, handled = report.batch, 0
    for index in _of_interest(beliefs, batch):
        if beliefs.is_unloaded(batch.txids[index]):
            continue
        handled += 1
        try:
            tx = batch.whole(index)
        except ParseError as error:
            beliefs.tally.skipped += 1
            beliefs.ask(AskMempool(f"a transaction could not be read: {error}"))
        else:
            one = TransactionSeen(tx=tx, source=report.source, late=report.late)
            if unloading.defer_if_unloaded(beliefs, one) is not None:
                seen(beliefs, one, at)
    beliefs.tally.transactions += len(batch.txids) - handled


def _of_interest(beliefs: Beliefs, batch: TransactionBatch) -> Iterator[int]:
    """Yield the indexes of those that are not done with by having been counted.

    What was found so far counts for those after it: a child of a child is related too.
    """
    threshold = beliefs.whale_policy.threshold
    if (
        max(batch.gross, default=0) <= threshold
        and not beliefs.knows_any(batch.txids)
        and not beliefs.watches_any(batch.parents)
    ):
        return
    for index, (txid, gross) in enumerate(zip(batch.txids, batch.gross, strict=True)):
        if gross > threshold or beliefs.knows_any((txid,)) or beliefs.watches_any(batch.parents_of(index)):
            yield index


def replaced(beliefs: Beliefs, report: TransactionReplaced, at: datetime) -> None:
    """A source reports a replacement; only the part that the inputs prove is accepted."""
    by = with_derived_scripts(report.by)
    by = _filled_by_line(beliefs, by) if report.mined else _with_line(beliefs, by, report.source)
    known = beliefs.whales.current(by.txid)
    if known is not None and known.status is Status.PENDING:
        for txid in report.victims:
            # A late report: its replacement was announced, so this would be a second alert.
            beliefs.candidates.pop(txid)
    weighing.decide_waiting(beliefs, report.victims, at)
    for txid in report.victims:
        beliefs.rivals.pop(txid)
        beliefs.projected.pop(txid)
        presence.lacks(beliefs, txid, report.source)
        beliefs.depart(txid, f"replaced by {by.txid}", at)
    victims = replacing.victims_among(beliefs, report.victims, by)
    if report.mined:
        replacing.lose_to(beliefs, victims, by, at)
        replacement = beliefs.whales.current(by.txid)
        if replacement is not None and replacement.status is Status.PENDING:
            beliefs.ask(AskStatus(by.txid))  # its block may have been reported before we tracked it
    elif victims:
        presence.holds(beliefs, by.txid, report.source, at)
        replacing.replace_whales(beliefs, victims, by, at)
    elif not inferred_replacement.adopt_late(beliefs, report.victims, by, at):
        seen(beliefs, TransactionSeen(tx=by, source=report.source), at)


def projected(beliefs: Beliefs, line: ProjectedTransaction, at: datetime) -> None:
    """A transaction seen in a projected block; if its total is big enough, the whole one is asked for."""
    if line.value <= beliefs.whale_policy.threshold:
        return
    presence.holds(beliefs, line.txid, line.source, at)
    known = beliefs.whales.find(line.txid)
    if known is not None:
        _projected_again(beliefs, known, line, at)
    elif line.txid in beliefs.candidates or line.txid in beliefs.projected:
        _learn_of_undecided(beliefs, line)
    else:
        beliefs.projected.put(line.txid, line)
        beliefs.ask(AskTransaction(line.txid))


def _learn_of_undecided(beliefs: Beliefs, line: ProjectedTransaction) -> None:
    """Note what its line tells of one that is not announced yet."""
    candidate = beliefs.candidates.get(line.txid)
    if candidate is not None:
        tx = candidate.tx.filled_in(line.fee, line.vsize)
        is_by_line = candidate.fee_by_line or tx.fee != candidate.tx.fee
        beliefs.candidates.put(line.txid, replace(candidate, tx=tx, fee_by_line=is_by_line))
    if line.package_feerate is not None:
        _reprice_undecided(beliefs, line.txid, line.package_feerate)


def _reprice_undecided(beliefs: Beliefs, txid: Txid, package_feerate: SatPerVb) -> None:
    """Note what is paid for one that is not announced yet: its package may have changed since it was told."""
    line, candidate = beliefs.projected.get(txid), beliefs.candidates.get(txid)
    if line is not None:
        beliefs.projected.put(txid, replace(line, package_feerate=package_feerate))
    if candidate is not None:
        tx = replace(candidate.tx, package_feerate=package_feerate)
        beliefs.candidates.put(txid, replace(candidate, tx=tx))


def _projected_again(beliefs: Beliefs, known: Prediction, line: ProjectedTransaction, at: datetime) -> None:
    """A whale, or a former version of one: that is asked for, for a line says too little to announce it."""
    if known.txid != line.txid:
        if not endings.has_just_given_way(known, at):
            beliefs.ask(AskTransaction(line.txid))
    elif known.status in (Status.DROPPED, Status.REPLACED):
        if not presence.is_behind(beliefs, line.source):
            beliefs.ask(AskStatus(line.txid))
    elif known.status is Status.PENDING:
        # It waits, so what was named has not replaced it; but this may be from before that.
        beliefs.awaited.forget_older(known.txid, at - endings.LATE_BY)
        by_line = known.tx.filled_in(line.fee, line.vsize, line.package_feerate)
        known = _with_fee(beliefs, known, by_line, at)
        if line.package_feerate is not None:
            beliefs.reprice(known, line.package_feerate, at)


def transaction_reply(beliefs: Beliefs, reply: TransactionReply, at: datetime) -> None:
    """The reply to AskTransaction: the whole transaction, in the mempool or in a block."""
    entry = beliefs.entries.pop(reply.tx.txid)
    returned = beliefs.returning.pop(reply.tx.txid)
    reply = _with_lines(beliefs, reply, None if entry is None else entry[1])
    is_undone = reply.block_hash is not None and beliefs.chain.has_undone(reply.block_hash)
    is_mined = not is_undone and (reply.block_hash is not None or entry is not None)
    by = _filled_by_line(beliefs, reply.tx)
    inferred_replacement.replacement_arrived(beliefs, by, at, mined=is_mined)
    if entry is not None and (is_undone or reply.block_hash in (None, entry[0].hash)):
        blocks.found_in_block(beliefs, reply.tx, entry[0], at)
    elif is_undone:
        _in_undone_block(beliefs, reply, at)
    elif reply.block_hash is not None and reply.height is not None:
        block = blocks.block_of(beliefs, reply.block_hash, reply.height)
        blocks.found_in_block(beliefs, reply.tx, block, at)
    elif not _has_ended_since(beliefs, reply):
        answer = TransactionSeen(tx=reply.tx, source=reply.source, late=True)
        seen(beliefs, answer, at, asked=True, reported=returned)
        _note_if_no_whale(beliefs, answer)
    beliefs.projected.pop(reply.tx.txid)  # it is known whole, so its line announces nothing
    if entry is not None:
        beliefs.settle(entry[0])


def _with_lines(beliefs: Beliefs, reply: TransactionReply, entry: BlockEntry | None) -> TransactionReply:
    """Add what its lines in its block, and in a projected one before, told of what a mined one paid."""
    tx = reply.tx if entry is None else reply.tx.filled_in(entry.fee, entry.vsize)
    return replace(reply, tx=tx if reply.block_hash is None else _filled_by_line(beliefs, tx))


def _has_ended_since(beliefs: Beliefs, reply: TransactionReply) -> bool:
    """Return whether a whale ended after this was asked for: then it is asked where it is now.

    Of a former version a report or a listing tells.
    """
    known = beliefs.whales.find(reply.tx.txid)
    if known is None or known.status not in (Status.DROPPED, Status.REPLACED):
        return False
    if reply.as_of is None or known.ended_at is None or reply.as_of >= known.ended_at:
        return False
    if known.txid == reply.tx.txid:
        beliefs.ask(AskStatus(known.txid))
    return True


def _in_undone_block(beliefs: Beliefs, reply: TransactionReply, at: datetime) -> None:
    """A late answer: it was in a block that is undone. Of where it is now that says nothing: that is asked.

    Meanwhile it is told unless another transaction of its coins is known: only one of them can be there.
    """
    tx = with_derived_scripts(reply.tx)
    known = beliefs.whales.find(tx.txid)
    if known is not None and known.txid != tx.txid:
        return  # a former version: if it is there again, a report or a listing tells
    beliefs.ask(AskStatus(tx.txid))
    is_decided = known is not None or tx.txid in beliefs.candidates
    if is_decided or beliefs.whales.confirmed_spender(tx.outpoints) is not None:
        return
    if rivals := beliefs.whales.spenders(tx.outpoints):
        beliefs.rivals.put(tx.txid, tx)
        for rival in rivals:
            beliefs.ask(AskStatus(rival.txid))
    elif beliefs.whale_policy.may_be_whale(tx):
        ask = missing_prevouts(tx)
        open_questions: frozenset[Question] = frozenset([ask] if ask else [])
        candidate = Candidate(tx=tx, source=reply.source, at=at, late=True, waits_for=open_questions)
        weighing.weigh(beliefs, candidate, at)


def prevouts_reply(beliefs: Beliefs, reply: PrevoutsReply, at: datetime) -> None:
    """The prevouts of a transaction: may decide a candidate, or correct the classification of a whale."""
    candidate = beliefs.candidates.get(reply.txid)
    if candidate is not None:
        _candidate_completed(beliefs, candidate, reply, at)
        return
    known = beliefs.whales.current(reply.txid)
    if known is None or not known.tx.outputs or known.status not in (Status.PENDING, Status.CONFIRMED):
        return  # of one known by its summary line alone the whole transaction decides
    tx = with_prevouts(known.tx, reply.prevouts)
    classification = beliefs.whale_policy.classify(tx, beliefs.peels)
    if tx == known.tx and classification == known.classification:
        return
    whale = lifecycle.reclassify(known, tx, classification, at)
    if known.status is Status.PENDING and known.effective_feerate != whale.effective_feerate:
        whale = beliefs.with_forecast(whale, at)  # with its coins its fee is known
    beliefs.publish(EventType.UPDATED, whale, at)


def package_reply(beliefs: Beliefs, reply: PackageReply, at: datetime) -> None:
    known = beliefs.whales.current(reply.txid)
    _reprice_undecided(beliefs, reply.txid, reply.package_feerate)
    if known is not None and known.status is Status.PENDING:
        packages.learn(beliefs, known.txid, reply.members)
        beliefs.reprice(known, reply.package_feerate, at)


def _candidate_completed(beliefs: Beliefs, candidate: Candidate, reply: PrevoutsReply, at: datetime) -> None:
    still = frozenset(one for one in candidate.waits_for if not isinstance(one, AskPrevouts))
    tx = with_prevouts(candidate.tx, reply.prevouts)
    if candidate.fee_by_line and tx.paid_by_inputs is not None:
        tx = replace(tx, fee=None)
    complete = replace(candidate, tx=tx, waits_for=still)
    weighing.weigh_again(beliefs, complete, at)


def _seen_again(beliefs: Beliefs, known: Prediction, report: TransactionSeen, at: datetime) -> None:
    tx = report.tx
    if known.status is not Status.PENDING and presence.is_behind(beliefs, report.source):
        return  # a stale report: this source has not read the latest blocks yet
    has_ended = known.status in (Status.DROPPED, Status.REPLACED)
    if has_ended and not presence.lists(report.source):
        return  # it may be late, or never forget: that it is back a mempool that is listed tells
    if known.txid != tx.txid:
        # A replaced version is in the mempool again: has its replacement left?
        if has_ended:
            if not endings.has_just_given_way(known, at):  # else a listing tells whether it stays
                replacing.resume(beliefs, known, tx, at)
        else:
            beliefs.rivals.put(tx.txid, with_derived_scripts(tx))
            beliefs.ask(AskStatus(known.txid))
        return
    known = weighing.complete(beliefs, known, tx, at)
    match known.status:
        case Status.CONFIRMED:
            beliefs.ask(AskStatus(tx.txid))
        case Status.DROPPED | Status.REPLACED:
            endings.said_to_be_back(beliefs, known, at)
        case Status.PENDING:
            found = presence.found(beliefs, known, report.source, at)
            _learn_package(beliefs, found, _with_fee(beliefs, found, tx, at), report, at)
        case _:
            assert_never(known.status)


def _learn_package(
    beliefs: Beliefs, before: Prediction, known: Prediction, report: TransactionSeen, at: datetime
) -> None:
    """Take what is reported of its package; by a node that is not what its children pay, so that is asked.

    `before`: as it was known without the report.
    """
    feerate, by_node = report.tx.package_feerate, report.source is SourceName.BITCOIND
    if feerate is None:
        return
    if by_node and lifecycle.is_repriced(before.effective_feerate, feerate):
        beliefs.ask(AskPackage(known.txid))
    if not by_node or known.package_feerate is None:
        beliefs.reprice(known, feerate, at)


def _is_there_again(beliefs: Beliefs, known: Prediction, report: TransactionSeen, *, asked: bool) -> bool:
    """Return whether an older version, a whale of its own if it is, is in a mempool now.

    A report that comes as such may be one of before it was replaced, from another source: it is asked for.
    """
    if presence.is_behind(beliefs, report.source) or not presence.lists(report.source):
        return False
    if not asked:
        beliefs.returning.put(report.tx.txid, report)
        beliefs.ask(AskTransaction(report.tx.txid))
        return False
    beliefs.ask(AskStatus(known.txid))  # the older one may be there since the current one is not
    return True


def _note_if_no_whale(beliefs: Beliefs, answer: TransactionSeen) -> None:
    """Remember that it is no whale: as an older version of one it is not asked for with each listing."""
    policy, txid = beliefs.whale_policy, answer.tx.txid
    if txid in beliefs.candidates or presence.is_behind(beliefs, answer.source):
        return
    if policy.whale(with_derived_scripts(answer.tx), beliefs.peels) is None:
        beliefs.no_whales.put(txid, policy.threshold)


def _with_fee(beliefs: Beliefs, known: Prediction, tx: Transaction, at: datetime) -> Prediction:
    """Add the fee that a busy node did not report when first seen; forecasting starts with it.

    Another fee was told by its line: then what it pays by its coins is right.
    """
    if tx.fee is None or known.tx.fee == tx.fee:
        return known
    if known.tx.fee is not None and known.tx.paid_by_inputs != tx.fee:
        return known
    paid = lifecycle.learn_fee(known, tx, at)
    if (paid.tx.paid, paid.tx.vsize, paid.effective_feerate) == (
        known.tx.paid,
        known.tx.vsize,
        known.effective_feerate,
    ):
        return beliefs.keep(paid)  # its coins have said so already
    return beliefs.publish(EventType.UPDATED, beliefs.with_forecast(paid, at), at)
