"""The order of transactions that arrive together: parents before the children that spend from them."""

from collections.abc import Sequence

from app.core.models import Transaction
from app.core.units import Txid


def parents_first(txs: Sequence[Transaction]) -> list[Transaction]:
    """Return them with each after those whose outputs it spends, else in their order.

    The backend lists a mempool's arrivals in no such order. The first hop of a coin is its one alert, so
    its hops are reported as they must have come. What stands there twice is returned twice, the second last.
    """
    left = {tx.txid: tx for tx in reversed(txs)}
    if not any(spent.outpoint.txid in left for tx in txs for spent in tx.inputs):
        return list(txs)
    ordered: list[Transaction] = []
    for tx in txs:
        waiting = {tx.txid: None} if left.get(tx.txid) is tx else {}
        while waiting:
            latest = next(reversed(waiting))
            parent = _parent_among(left, left[latest], waiting)
            if parent is not None:
                waiting[parent] = None
            else:
                del waiting[latest]
                ordered.append(left.pop(latest))
    first = {id(tx) for tx in ordered}
    again = [tx for tx in txs if id(tx) not in first]
    return ordered + again


def _parent_among(left: dict[Txid, Transaction], tx: Transaction, waiting: dict[Txid, None]) -> Txid | None:
    """No transaction is its own ancestor, but what is read may claim it: who waits already is no parent."""
    parents = (spent.outpoint.txid for spent in tx.inputs)
    return next((one for one in parents if one in left and one not in waiting), None)
