"""From a transaction with a big total to a whale that is announced, once all that decides is known."""

from dataclasses import replace
from datetime import datetime

from app.core.classification import Classification, Flag, Flow, MovedIs
from app.core.encoding.scripts import with_derived_scripts
from app.core.events import EventType
from app.core.models import SourceName, Transaction
from app.core.prediction import Prediction
from app.core.questions import AskStatus, Question
from app.core.tracking import lifecycle
from app.core.tracking.beliefs import Beliefs
from app.core.tracking.candidates import Candidate
from app.core.tracking.endings import confirm, contest
from app.core.tracking.prevouts import missing_prevouts
from app.core.units import Sats, Txid


def weigh(beliefs: Beliefs, candidate: Candidate, at: datetime) -> None:
    """Ask what is still open about a candidate; decide on it if nothing is."""
    for question in sorted(candidate.waits_for, key=repr):
        beliefs.ask(question)
    weigh_again(beliefs, candidate, at)


def weigh_again(beliefs: Beliefs, candidate: Candidate, at: datetime) -> None:
    """The same, with the questions asked before."""
    if not candidate.waits_for:
        decide(beliefs, candidate, at)
        return
    waited_too_long = beliefs.candidates.put(candidate.tx.txid, candidate)
    if waited_too_long is not None:
        decide(beliefs, waited_too_long, at)


def answered(beliefs: Beliefs, candidate: Candidate, question: Question, at: datetime) -> None:
    """One question less, whether it was answered or never will be."""
    weigh_again(beliefs, replace(candidate, waits_for=candidate.waits_for - {question}), at)


def decide(beliefs: Beliefs, candidate: Candidate, at: datetime) -> None:
    """Announce it if it is a whale by what is known now."""
    tx = candidate.tx
    beliefs.candidates.pop(tx.txid)
    known = beliefs.whales.find(tx.txid)
    # An older version of a known whale that a miner took all the same is one of its own.
    if known is not None and (known.txid == tx.txid or candidate.block is None):
        return
    classification = beliefs.judgement.whale(tx, beliefs.peels)
    if classification is not None:
        announce(beliefs, candidate, classification, at)
    for rival in candidate.contests:
        if rival in candidate.lost:
            beliefs.ask(AskStatus(rival))
        else:
            contest(beliefs, rival, tx, at)


def decide_waiting(beliefs: Beliefs, txids: tuple[Txid, ...], at: datetime) -> None:
    """Those about to end are announced first, so that their story is whole."""
    for txid in txids:
        waiting = beliefs.candidates.get(txid)
        if waiting is not None:
            decide(beliefs, waiting, at)


def announce(beliefs: Beliefs, candidate: Candidate, classification: Classification, at: datetime) -> None:
    """Tell a new whale. A later hop of a coin that was announced already is an update, not an alert.

    A hop that certainly pays out more than the threshold is news of its own.
    """
    pays_a_whale = classification.moved_low > beliefs.judgement.threshold
    whale = lifecycle.begin(
        candidate.tx,
        classification,
        source=candidate.source,
        at=candidate.at,
        tip=beliefs.chain.tip,
        flags=_flags(beliefs, candidate),
        peel_of=None if pays_a_whale else beliefs.peels.root_of(candidate.tx),
        demo=beliefs.demo,
        taken=lambda one: beliefs.whales.by_id(one) is not None,
    )
    beliefs.tally.whales += 1
    if candidate.block is None:
        whale = beliefs.with_forecast(whale, at)
    beliefs.tell(EventType.UPDATED if whale.peel_of else EventType.DETECTED, whale, at)
    if candidate.block is not None:
        confirm(beliefs, whale, candidate.block, at)


def complete(beliefs: Beliefs, whale: Prediction, tx: Transaction, at: datetime) -> Prediction:
    """Take up the whole transaction of a whale that was announced by one line."""
    if whale.tx.outputs:
        return whale
    tx = with_derived_scripts(tx)
    if ask := missing_prevouts(tx):
        beliefs.ask(ask)
    classification = beliefs.judgement.classify(tx, beliefs.peels)
    return beliefs.tell(EventType.UPDATED, lifecycle.reclassify(whale, tx, classification, at), at)


def announce_by_line(beliefs: Beliefs, txid: Txid, at: datetime) -> None:
    """The whole transaction is not to be had: say what one line told, and that it is no more."""
    entry = beliefs.entries.pop(txid)
    glimpse = beliefs.glimpsed.pop(txid)
    if entry is not None:
        beliefs.settle(entry[0])
    if beliefs.whales.current(txid) is not None:
        return
    if entry is not None:
        block, line, source = entry[0], entry[1], SourceName.BLOCK
        tx = Transaction(txid=txid, inputs=(), outputs=(), fee=line.fee, vsize=line.vsize)
        candidate = Candidate(tx=tx, source=source, at=at, late=True, block=block)
        announce(beliefs, candidate, _known_by_total(line.value), at)
    elif glimpse is not None:
        tx = Transaction(
            txid=txid,
            inputs=(),
            outputs=(),
            fee=glimpse.fee,
            vsize=glimpse.vsize,
            package_feerate=glimpse.package_feerate,
        )
        candidate = Candidate(tx=tx, source=glimpse.source, at=at, late=True)
        announce(beliefs, candidate, _known_by_total(glimpse.value), at)


def _flags(beliefs: Beliefs, candidate: Candidate) -> frozenset[Flag]:
    marks = (
        (Flag.LATE_SEEN, candidate.late),
        (Flag.FEE_SPIKE, candidate.block is None and beliefs.judgement.foreteller.spiking),
    )
    return frozenset(flag for flag, applies in marks if applies)


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
