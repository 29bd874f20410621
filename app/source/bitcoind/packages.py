"""The packages of a block template, in which a child pays for its parents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.core.observations import FeeBin
from app.core.units import SatPerVb, Sats, VBytes
from app.source.bitcoind.shapes import TemplateTx


@dataclass(slots=True)
class _Package:
    fee: int
    weight: int
    count: int

    def pays_more_than(self, other: "_Package") -> bool:
        return self.fee * other.weight > other.fee * self.weight


def bins_of_template(transactions: Sequence[TemplateTx]) -> list[FeeBin]:
    """Return a bin for each package that a miner takes at once.

    The relatives in a template are cut into chunks of falling feerate, in their order: a transaction that
    pays more than those before it pays for them. So a parent without a fee is part of its child's package.
    Source: Bitcoin Core, doc/policy/mempool-design.md, "Chunks".
    """
    return [
        FeeBin(
            SatPerVb(package.fee * 4 / package.weight),
            VBytes(package.weight / 4),
            package.count,
            Sats(package.fee),
        )
        for relatives in _clusters(transactions)
        for package in _chunks(relatives)
    ]


def _clusters(transactions: Sequence[TemplateTx]) -> Iterable[list[TemplateTx]]:
    """Yield groups connected by `depends`, each in template order; impossible positions are ignored."""
    root = list(range(len(transactions)))

    def find(one: int) -> int:
        while root[one] != one:
            root[one] = root[root[one]]
            one = root[one]
        return one

    for index, tx in enumerate(transactions):
        for position in tx.depends:
            if 0 < position <= index:
                root[find(index)] = find(position - 1)
    clusters: dict[int, list[TemplateTx]] = {}
    for index, tx in enumerate(transactions):
        if tx.weight > 0:
            clusters.setdefault(find(index), []).append(tx)
    return clusters.values()


def _chunks(relatives: Iterable[TemplateTx]) -> list[_Package]:
    chunks: list[_Package] = []
    for tx in relatives:
        package = _Package(tx.fee, tx.weight, 1)
        while chunks and package.pays_more_than(chunks[-1]):
            before = chunks.pop()
            package = _Package(
                package.fee + before.fee, package.weight + before.weight, package.count + before.count
            )
        chunks.append(package)
    return chunks
