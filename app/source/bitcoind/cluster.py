"""Reads a waiting transaction with its relatives in the mempool, in few requests.

One call returns all ancestors, or all descendants, with their entries. So the first request reads the
transaction's own; the next ones what those name besides: the other parents of its descendants, the other
children of its ancestors, and so on, a step a request. A node that forbids these calls, or has none, is asked
for each relative by itself, one generation a request.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from app.core.units import Txid
from app.errors import ForbiddenError, NodeRefusedError
from app.source.bitcoind.rpc import RPC_NOT_FOUND, BitcoindRpc, RpcCall
from app.source.bitcoind.shapes import MempoolEntry

MEMBERS_AT_MOST = 100
"""Core 31 has no larger clusters (64); before it there was no limit, but what is far away changes little."""
STEPS_AT_MOST = 8
"""Requests in a row for one cluster; where a node lists nothing, those for its own line come on top."""
LISTED_AT_MOST = 500
"""Entries that one call may bring; a node has at most 25 by default, more if its operator wants it so."""
ANSWERED_AT_MOST = 2_000
"""Entries that the calls of one request may bring together, some 2 MB."""
_OWN, _PARENTS, _CHILDREN = 0, 1, 2


class Cluster(NamedTuple):
    entries: dict[str, MempoolEntry]
    """The transaction and its relatives, at most `MEMBERS_AT_MOST`."""
    torn: bool
    """Whether the entries contradict each other: some left the mempool while they were read."""


async def read_cluster(rpc: BitcoindRpc, txid: Txid, entry: MempoolEntry) -> Cluster:
    """Return the transaction, whose entry was just read, and what is related to it.

    Where there are more than can be kept, those come first that weigh most on it: its own ancestors and
    descendants, then the ancestors of its descendants, then the descendants of its ancestors; among them the
    nearest. What is left out counts as unknown.

    Raises:
        SourceError: if the node cannot be reached.
    """
    reading = _Reading(rpc, txid, entry)
    await reading.finish()
    return Cluster(reading.entries, reading.torn)


def distances(txid: str, entries: Mapping[str, MempoolEntry], *, upwards: bool) -> dict[str, int]:
    """Return how far away each of its ancestors (or descendants) is among `entries`; itself is 0."""
    found, near = {txid: 0}, [txid]
    for one in near:
        for relative in _named(entries[one], upwards=upwards):
            if relative in entries and relative not in found:
                found[relative] = found[one] + 1
                near.append(relative)
    return found


class _Gap(NamedTuple):
    """Parents (upwards) or children that an entry names, and that are not read yet."""

    rank: int
    of: str
    upwards: bool
    names: tuple[str, ...]
    listed: int
    """How many a list of all its ancestors or descendants would bring."""


class _Reading:
    def __init__(self, rpc: BitcoindRpc, txid: str, entry: MempoolEntry) -> None:
        self.entries = {txid: entry}
        self._rpc = rpc
        self._txid = txid
        self._gone: set[str] = set()
        """Named by an entry, and not in the mempool any more."""
        self._one_by_one = False

    @property
    def torn(self) -> bool:
        if self._gone:
            return True
        return not self._gaps() and any(
            len(distances(one, self.entries, upwards=True)) != entry.ancestorcount
            for one, entry in self.entries.items()
        )

    async def finish(self) -> None:
        steps = 0
        while steps < STEPS_AT_MOST:
            gaps = self._gaps()
            if not gaps or self._room() <= 0:
                return
            nearest = [gap for gap in gaps if gap.rank == gaps[0].rank]
            # One by one, its own line is read to the end all the same: there is room for so many only.
            steps += not (self._one_by_one and gaps[0].rank == _OWN)
            if self._one_by_one or any(gap.listed > LISTED_AT_MOST for gap in nearest):
                await self._read_each(nearest)
            else:
                await self._read_lists(self._chosen(gaps))

    def _room(self) -> int:
        return MEMBERS_AT_MOST - len(self.entries) - len(self._gone)

    def _gaps(self) -> list[_Gap]:
        """Return what is to be read, what weighs most on the transaction first."""
        own = {
            upwards: distances(self._txid, self.entries, upwards=upwards).keys() for upwards in (True, False)
        }
        gaps = list[_Gap]()
        for one, entry in self.entries.items():
            for upwards, listed in ((True, entry.ancestorcount), (False, entry.descendantcount)):
                names = tuple(
                    name
                    for name in _named(entry, upwards=upwards)
                    if name not in self.entries and name not in self._gone
                )
                if names:
                    rank = _OWN if one in own[upwards] else _PARENTS if upwards else _CHILDREN
                    gaps.append(_Gap(rank, one, upwards, names, listed))
        return sorted(gaps, key=lambda gap: (gap.rank, -gap.listed, gap.of))

    def _chosen(self, gaps: list[_Gap]) -> list[_Gap]:
        """Return those to be read at once: not what the list of another one brings as well."""
        chosen, left = list[_Gap](), ANSWERED_AT_MOST
        asked: dict[bool, set[str]] = {True: set(), False: set()}
        for gap in gaps:
            brought_by = distances(gap.of, self.entries, upwards=not gap.upwards).keys()
            if gap.listed <= min(left, LISTED_AT_MOST) and not brought_by & asked[gap.upwards]:
                chosen.append(gap)
                asked[gap.upwards].add(gap.of)
                left -= gap.listed
        return chosen

    async def _read_lists(self, gaps: list[_Gap]) -> None:
        calls = [
            RpcCall("getmempoolancestors" if gap.upwards else "getmempooldescendants", (gap.of, True))
            for gap in gaps
        ]
        try:
            answers = await self._rpc.ask_each(dict[str, MempoolEntry], calls)
        except ForbiddenError:
            self._one_by_one = True
            return
        found = list[tuple[int, int, str, MempoolEntry]]()
        for gap, answer in zip(gaps, answers, strict=True):
            if isinstance(answer, NodeRefusedError):
                self._one_by_one |= answer.code != RPC_NOT_FOUND
                self._gone.update(gap.names if answer.code == RPC_NOT_FOUND else ())
                continue
            self._gone.update(name for name in gap.names if name not in answer)
            # It may bring more than there is room for, or what is no relative at all.
            far = distances(gap.of, answer | {gap.of: self.entries[gap.of]}, upwards=gap.upwards)
            found += [(gap.rank, far[one], one, answer[one]) for one in far if one != gap.of]
        self._keep((one, entry) for *_, one, entry in sorted(found, key=lambda each: each[:3]))

    async def _read_each(self, gaps: list[_Gap]) -> None:
        names = sorted({name for gap in gaps for name in gap.names})[: self._room()]
        answers = await self._rpc.ask_each(
            MempoolEntry, [RpcCall("getmempoolentry", (name,)) for name in names]
        )
        found = {
            name: answer
            for name, answer in zip(names, answers, strict=True)
            if isinstance(answer, MempoolEntry)
        }
        self._gone.update(set(names) - found.keys())
        self._keep(found.items())

    def _keep(self, found: Iterable[tuple[str, MempoolEntry]]) -> None:
        for one, entry in found:
            if len(self.entries) < MEMBERS_AT_MOST:
                self.entries.setdefault(one, entry)


def _named(entry: MempoolEntry, *, upwards: bool) -> tuple[str, ...]:
    return entry.depends if upwards else entry.spentby
