"""Packages of pending whales, whose feerate changes when a relative joins or leaves."""

from collections.abc import Iterable
from typing import Final

from app.core.models import Transaction
from app.core.prediction import Status
from app.core.questions import AskPackage
from app.core.tracking.beliefs import Beliefs
from app.core.units import Txid

MOST_WHALES: Final = 25
"""Most whales remembered per relative; more than a mempool allows in one package."""


def joined(beliefs: Beliefs, tx: Transaction) -> None:
    """Ask for a whale's package again if `tx` is a child of the whale, of its child or of its parent."""
    whales: set[Txid] = set()
    for spent in tx.inputs:  # runs for every transaction; nearly none is a relative of a whale
        parent = spent.outpoint.txid
        if parent in beliefs.kin:
            whales.update(beliefs.kin.get(parent) or ())
        if beliefs.whales.current(parent) is not None:
            whales.add(parent)
    if not whales:
        return
    whales = {one for one in whales if one != tx.txid and not _contests(beliefs, one, tx)}
    if not whales:
        return
    _remember(beliefs, tx.txid, whales)
    _ask(beliefs, whales)


def left(beliefs: Beliefs, txid: Txid) -> None:
    """Ask for the package again if `txid` was a relative: it was mined or removed and pays no longer."""
    whales = beliefs.kin.pop(txid)
    if whales:
        _ask(beliefs, whales)


def learn(beliefs: Beliefs, whale: Txid, members: Iterable[Txid]) -> None:
    """Remember the unconfirmed ancestors and descendants of a whale, as a source lists them."""
    for member in members:
        _remember(beliefs, member, {whale})


def begin(beliefs: Beliefs, whale: Transaction) -> None:
    """Watch a new whale's parents: their other children may change its package."""
    for parent in dict.fromkeys(spent.outpoint.txid for spent in whale.inputs):
        _remember(beliefs, parent, {whale.txid})


def _contests(beliefs: Beliefs, whale: Txid, tx: Transaction) -> bool:
    """Return whether `tx` spends an outpoint of the whale, so is a rival and not a relative."""
    known = beliefs.whales.current(whale)
    return known is not None and bool(known.tx.outpoints & tx.outpoints)


def _remember(beliefs: Beliefs, txid: Txid, whales: set[Txid]) -> None:
    known = beliefs.kin.get(txid) or ()
    beliefs.kin.put(txid, tuple(sorted(whales.union(known))[:MOST_WHALES]))


def _ask(beliefs: Beliefs, whales: Iterable[Txid]) -> None:
    for txid in sorted(whales):
        whale = beliefs.whales.current(txid)
        if whale is not None and whale.status is Status.PENDING:
            beliefs.ask(AskPackage(txid))
