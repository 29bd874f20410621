"""Decides whether a transaction with a large total is a whale, and announces it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from app.core.classification import Classification, Flag, Flow, MovedIs
from app.core.encoding import with_derived_scripts
from app.core.events import EventType
from app.core.flow import hop_of
from app.core.models import SourceName, Transaction
from app.core.prediction import Prediction, Status
from app.core.questions import AskPackage, AskStatus, Question
from app.core.shared import shared
from app.core.tracking import lifecycle, packages
from app.core.tracking.beliefs import Beliefs
from app.core.tracking.candidates import Candidate
from app.core.tracking.endings import confirm, contest
from app.core.tracking.prevouts import missing_prevouts
from app.core.units import Sats, Txid

COMES_TO_REST: Final = timedelta(days=1)
"""A hop this long after the last word of its chain is announced as a whale of its own."""


def weigh(beliefs: Beliefs, candidate: Candidate, at: datetime) -> None:
    """Ask the open questions of a candidate; decide if there are none."""
    for question in sorted(candidate.waits_for, key=repr):
        beliefs.ask(question)
    weigh_again(beliefs, candidate, at)


def weigh_again(beliefs: Beliefs, candidate: Candidate, at: datetime) -> None:
    """Decide if no question is open, else keep the candidate; its questions have been asked already.

    A hop whose parent is not decided yet waits for it: whichever is announced first is the chain's alert.
    """
    if not candidate.waits_for:
        parent = candidate.tx.inputs[0].outpoint.txid if hop_of(candidate.tx) is not None else None
        if parent is None or not _is_undecided(beliefs, parent):
            decide(beliefs, candidate, at)
            return
        beliefs.held[candidate.tx.txid] = parent
    waited_too_long = beliefs.candidates.put(candidate.tx.txid, candidate)
    if waited_too_long is not None:
        decide(beliefs, waited_too_long, at)


def release(beliefs: Beliefs, at: datetime) -> None:
    """Decide the candidates whose parents have been decided, or are asked about no longer."""
    while ready := [txid for txid, parent in beliefs.held.items() if not _is_undecided(beliefs, parent)]:
        for txid in ready:
            del beliefs.held[txid]
            candidate = beliefs.candidates.get(txid)
            if candidate is not None:
                weigh_again(beliefs, candidate, at)


def _is_undecided(beliefs: Beliefs, txid: Txid) -> bool:
    """Return whether it is still asked about, as a candidate or as a line of a projected block."""
    return txid in beliefs.candidates or txid in beliefs.projected


def answered(beliefs: Beliefs, candidate: Candidate, question: Question, at: datetime) -> None:
    """Remove one question, whether it was answered or cannot be."""
    weigh_again(beliefs, replace(candidate, waits_for=candidate.waits_for - {question}), at)


def decide(beliefs: Beliefs, candidate: Candidate, at: datetime) -> None:
    """Announce the candidate if it is a whale by what is known now."""
    tx = candidate.tx
    beliefs.candidates.pop(tx.txid)
    known = beliefs.whales.find(tx.txid)
    # An older version of a known whale that is mined nevertheless, or may be, is a prediction of its own.
    is_apart = known is not None and (candidate.block is not None or lifecycle.may_both_be_mined(known, tx))
    if known is not None and (known.txid == tx.txid or not is_apart):
        return
    classification = beliefs.whale_policy.whale(tx, beliefs.peels)
    if classification is not None:
        announce(beliefs, candidate, classification, at)
    else:
        beliefs.no_whales.put(tx.txid, beliefs.whale_policy.threshold)
        if tx.txid in beliefs.rivals:
            beliefs.rivals.put(tx.txid, tx)  # with what was learnt of it since: what it pays
    for rival in candidate.contests:
        if rival in candidate.lost:
            beliefs.ask(AskStatus(rival))
        else:
            contest(beliefs, rival, tx, at)


def decide_waiting(beliefs: Beliefs, txids: tuple[Txid, ...], at: datetime) -> None:
    """Decide these candidates before they end, so that an announcement precedes the end."""
    for txid in txids:
        waiting = beliefs.candidates.get(txid)
        if waiting is not None:
            decide(beliefs, waiting, at)


def announce(beliefs: Beliefs, candidate: Candidate, classification: Classification, at: datetime) -> None:
    """Publish a new whale. A later hop of an announced chain is an update of that one, not a detection.

    A hop that certainly pays out more than the threshold is a detection of its own.
    """
    pays_a_whale = classification.moved_low > beliefs.whale_policy.threshold
    chain = None if pays_a_whale else _chain_of(beliefs, candidate.tx, at)
    whale = lifecycle.begin(
        candidate.tx,
        classification,
        source=candidate.source,
        at=candidate.at,
        tip=beliefs.chain.tip,
        flags=_flags(beliefs, candidate),
        peel_of=chain,
        demo=beliefs.demo,
        taken=beliefs.is_known,
    )
    former = None if candidate.block is None else beliefs.whales.find(whale.txid)
    if former is not None:
        whale = lifecycle.seen_before(whale, former)
    beliefs.tally.whales += 1
    if candidate.block is None and not candidate.confirming:
        whale = beliefs.with_forecast(whale, at)
        packages.begin(beliefs, candidate.tx)
        if candidate.source in (SourceName.BITCOIND, SourceName.ELECTRS):
            beliefs.ask(AskPackage(whale.txid))  # they report at most its fee, and not its descendants
        if whale.txid in beliefs.gone:
            beliefs.ask(AskStatus(whale.txid))  # it left while it was asked for
    if chain is None:
        beliefs.publish(EventType.DETECTED, whale, at)
    else:
        beliefs.keep(whale)
        _go_on(beliefs, chain, whale.txid, at)
    if candidate.block is not None:
        confirm(beliefs, whale, candidate.block, at)


def _chain_of(beliefs: Beliefs, tx: Transaction, at: datetime) -> str | None:
    """Return the id of the prediction whose coin `tx` carries on; None if that is to be announced anew.

    A coin that rested for a day has come to rest: that it moves again is news.
    """
    chain = beliefs.peels.root_of(tx) or beliefs.peels.root_after(tx)
    if chain is None or any(one.prediction_id == chain for one in beliefs.unloaded.values()):
        return chain
    root = beliefs.whales.by_id(chain)
    return chain if root is not None and at - root.updated_at < COMES_TO_REST else None


def _go_on(beliefs: Beliefs, chain: str, txid: Txid, at: datetime) -> None:
    """Say of the announced prediction that its coin was moved on."""
    root = beliefs.whales.by_id(chain)
    if root is not None:
        beliefs.publish(EventType.UPDATED, lifecycle.go_on(root, txid, at), at)


def complete(beliefs: Beliefs, whale: Prediction, tx: Transaction, at: datetime) -> Prediction:
    """Fill in the whole transaction of a whale that was announced from a summary line."""
    if whale.tx.outputs:
        return whale
    tx = with_derived_scripts(tx).filled_in(whale.tx.fee, whale.tx.vsize, whale.package_feerate)
    if ask := missing_prevouts(tx):
        beliefs.ask(ask)
    if whale.status is Status.PENDING:
        packages.begin(beliefs, tx)
    classification = beliefs.whale_policy.classify(tx, beliefs.peels)
    return beliefs.publish(EventType.UPDATED, lifecycle.reclassify(whale, tx, classification, at), at)


def announce_by_line(beliefs: Beliefs, txid: Txid, at: datetime) -> None:
    """Announce from the summary line alone, marked as such: the whole transaction cannot be fetched."""
    entry = beliefs.entries.pop(txid)
    projected = beliefs.projected.pop(txid)
    if entry is not None:
        beliefs.settle(entry[0])
    if beliefs.whales.current(txid) is not None or beliefs.is_no_whale(txid):
        return
    if beliefs.is_unloaded(txid):
        beliefs.ask(AskStatus(txid))  # announced since, and unloaded: the answer has it recalled
        return
    if entry is not None:
        block, line, source = entry[0], entry[1], SourceName.BLOCK
        tx = Transaction(txid=txid, inputs=(), outputs=(), fee=line.fee, vsize=line.vsize)
        candidate = Candidate(tx=tx, source=source, at=at, late=True, block=block)
        announce(beliefs, candidate, _known_by_total(line.value), at)
    elif projected is not None and not (txid in beliefs.candidates or beliefs.whales.find(txid)):
        # Else it is known whole meanwhile, or was a version of a whale.
        tx = Transaction(
            txid=txid,
            inputs=(),
            outputs=(),
            fee=projected.fee,
            vsize=projected.vsize,
            package_feerate=projected.package_feerate,
        )
        candidate = Candidate(tx=tx, source=projected.source, at=at, late=True)
        announce(beliefs, candidate, _known_by_total(projected.value), at)


def _flags(beliefs: Beliefs, candidate: Candidate) -> frozenset[Flag]:
    marks = (
        (Flag.LATE_SEEN, candidate.late),
        (Flag.FEE_SPIKE, candidate.block is None and beliefs.whale_policy.forecast_source.spiking),
    )
    return shared(frozenset(flag for flag, applies in marks if applies))


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
