"""Effective feerates: what a child pays for its parents (CPFP)."""

from collections.abc import Sequence

from tests.backend.transactions import Built


def effective_rates(waiting: Sequence[Built]) -> dict[str, float]:
    """Return the feerate each is mined at, sat/vB: the best of the packages that need it."""
    by_txid = {tx.txid: tx for tx in waiting}
    packages = {tx.txid: ancestors(tx, by_txid) for tx in waiting}
    rates = dict.fromkeys(by_txid, 0.0)
    for txid, above in packages.items():
        members = [by_txid[member] for member in (*above, txid)]
        rate = sum(tx.fee for tx in members) / sum(tx.vsize for tx in members)
        for member in members:
            rates[member.txid] = max(rates[member.txid], rate)
    return rates


def ancestors(tx: Built, by_txid: dict[str, Built]) -> set[str]:
    """Return the waiting transactions it needs."""
    found: set[str] = set()
    todo = [tx]
    while todo:
        for parent, _ in todo.pop().outpoints:
            if parent in by_txid and parent not in found:
                found.add(parent)
                todo.append(by_txid[parent])
    return found
