"""Known and missing prevouts of a transaction, and filling them in."""

from collections.abc import Mapping
from dataclasses import replace

from app.core.models import Input, Transaction
from app.core.observations import Prevout
from app.core.questions import AskPrevouts
from app.core.units import Outpoint


def missing_prevouts(tx: Transaction) -> AskPrevouts | None:
    """Return the question for all missing prevouts; None if none is missing."""
    missing = tuple(spent.outpoint for spent in tx.inputs if spent.value is None or spent.script is None)
    return AskPrevouts(tx.txid, missing) if missing else None


def known_prevouts(tx: Transaction) -> dict[Outpoint, Prevout]:
    return {
        spent.outpoint: Prevout(value=spent.value, script=spent.script)
        for spent in tx.inputs
        if spent.value is not None and spent.script is not None
    }


def with_prevouts(tx: Transaction, reply: Mapping[Outpoint, Prevout | None]) -> Transaction:
    """Fill in the prevouts of a reply; an input that the reply does not cover stays as it is."""

    def filled(spent: Input) -> Input:
        prevout = reply.get(spent.outpoint)
        return spent if prevout is None else replace(spent, script=prevout.script, value=prevout.value)

    return replace(tx, inputs=tuple(filled(spent) for spent in tx.inputs))
