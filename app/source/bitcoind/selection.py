"""What is paid for a transaction with all its relatives in the mempool: a miner takes them by packages."""

import math
from collections.abc import Mapping

from app.core.units import SatPerVb
from app.source.bitcoind.cluster import distances
from app.source.bitcoind.rpc import sats
from app.source.bitcoind.shapes import MempoolEntry, chunk_feerate, fee_delta


def selected_feerate(txid: str, cluster: Mapping[str, MempoolEntry]) -> SatPerVb:
    """Return the feerate at which a miner would take the transaction, sat/vB.

    The cluster is taken as a miner does: again and again the best, each with all its ancestors that are not
    taken yet; the best is what pays most by the lower of its own feerate and that of this package. So a child
    pays for its parent, what is rich pays for itself alone, a poor parent weighs down what spends it, and a
    poor child that joins two rich ones does not go before either of them. What is rich waits for its parents
    all the same, so nothing is told to pay more than what those are taken for.

    Where the node reports what it would mine it with (the chunk, Core 31), that is it, unless the operator
    has given one of the cluster a fee delta (`prioritisetransaction`): the chunk's fee includes it, and other
    miners do not know it. Then it is counted by what the transactions really pay. (The delta of one that was
    not read, beyond `cluster.MEMBERS_AT_MOST` or too far away, is not seen.)

    `cluster`: its relatives and itself, by txid. Of what is missing there the entries know the sum: if that
    pays less, it weighs down what needs it.

    Source: Bitcoin Core up to 30, src/node/miner.cpp (addPackageTxs).
    """
    reported = chunk_feerate(cluster[txid])
    if reported is not None and not any(fee_delta(one) for one in cluster.values()):
        return reported
    above = {one: frozenset(distances(one, cluster, upwards=True)) for one in cluster}
    waiting = {one: _package(one, above[one], cluster) for one in sorted(cluster)}
    levels = dict[str, float]()
    while True:
        best = max(waiting, key=lambda one: waiting[one].score)
        taken = above[best] & waiting.keys()
        level = min(waiting[best].score, *(levels[one] for one in above[best] - taken), math.inf)
        if txid in taken:
            return SatPerVb(level)
        levels |= dict.fromkeys(taken, level)
        for one in taken:
            del waiting[one]
        for one, package in waiting.items():
            for parent in above[one] & taken:
                package.remove(cluster[parent])


class _Package:
    """A transaction with its ancestors that are not taken yet: satoshi and vbytes."""

    def __init__(self, own_feerate: float) -> None:
        self._own_feerate = own_feerate
        self.fee = 0
        self.vsize = 0
        self.unknown_fee = 0
        self.unknown_vsize = 0

    @property
    def feerate(self) -> float:
        known = self.fee / self.vsize
        if self.unknown_vsize <= 0:
            return known
        return min(known, (self.fee + self.unknown_fee) / (self.vsize + self.unknown_vsize))

    @property
    def score(self) -> float:
        """What a miner ranks it by: a poor transaction is not made better by the rich ones that it spends."""
        return min(self._own_feerate, self.feerate)

    def add(self, entry: MempoolEntry) -> None:
        self.fee += sats(entry.fees.base)
        self.vsize += entry.vsize
        self.unknown_fee -= sats(entry.fees.modified)
        self.unknown_vsize -= entry.vsize

    def remove(self, entry: MempoolEntry) -> None:
        """Another package has it: what is unknown of its ancestors stays as it is."""
        self.fee -= sats(entry.fees.base)
        self.vsize -= entry.vsize


def _package(txid: str, above: frozenset[str], cluster: Mapping[str, MempoolEntry]) -> _Package:
    entry = cluster[txid]
    package = _Package(sats(entry.fees.base) / entry.vsize)
    package.unknown_fee, package.unknown_vsize = sats(entry.fees.ancestor), entry.ancestorsize
    for one in above:
        package.add(cluster[one])
    return package
