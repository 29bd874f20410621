"""What the node says about fees and the queue, cheaply enough for a small computer.

`getrawmempool true` is not asked: 300,000 entries are some 270 MB of JSON. Instead
- `getmempoolinfo` (size, minimum) each 10 s;
- `estimatesmartfee` each minute and after a block;
- the queue: Knots sorts its mempool by feerate itself (`getmempoolinfo [feerates]`): all blocks. Core
  has no such call: `getblocktemplate` gives the next block exactly, once a minute; what lies behind it
  stays unknown. A node without peers, or one that syncs, has no template: then the queue is unknown.
"""

import msgspec

from app.core.forecasting.queue import project
from app.core.models import SourceName
from app.core.observations import FeeBin, FeesTold, MempoolMeasured, QueueProjected
from app.core.units import SatPerVb, Sats, VBytes, sat_per_vb
from app.errors import NodeRefusedError
from app.source.bitcoind_rpc import BitcoindRpc, Call
from app.source.bitcoind_shapes import FeeEstimate, MempoolState, Template

SOURCE = SourceName.BITCOIND
FEERATES = (
    *range(11),
    *range(12, 31, 2),
    *range(35, 101, 5),
    *range(120, 301, 20),
    400,
    500,
    700,
    1000,
    2000,
)
"""Lower edges of the histogram asked of Knots, sat/vB."""
TARGETS = (2, 3, 6, 144)
"""Blocks: fastest, half an hour, an hour, a day."""


class _Group(msgspec.Struct):
    sizes: int
    count: int
    fees: int
    from_feerate: float


class _Histogram(msgspec.Struct):
    fee_histogram: dict[str, _Group | int] | None = None


class BitcoindFees:
    def __init__(self, rpc: BitcoindRpc) -> None:
        self._rpc = rpc
        self._sorts = True
        """Whether this node has Knots' histogram, until it refuses."""

    async def measure(self) -> MempoolMeasured:
        """Raises SourceError if the node cannot be asked."""
        state = await self._rpc.ask(MempoolState, "getmempoolinfo")
        return MempoolMeasured(
            count=state.size,
            vbytes=state.bytes,
            usage_bytes=state.usage,
            limit_bytes=state.maxmempool,
            minimum_feerate=sat_per_vb(state.mempoolminfee),
            loaded=state.loaded,
            source=SOURCE,
        )

    async def recommend(self) -> FeesTold | None:
        """The node's estimates; None while it has not seen enough blocks. Raises SourceError."""
        calls = [Call("estimatesmartfee", (target,)) for target in TARGETS]
        answers = await self._rpc.ask_each(FeeEstimate, calls)
        state = await self._rpc.ask(MempoolState, "getmempoolinfo")
        rates = [
            sat_per_vb(answer.feerate)
            for answer in answers
            if isinstance(answer, FeeEstimate) and answer.feerate is not None
        ]
        if len(rates) < len(TARGETS):
            return None
        fastest, half_hour, hour, economy = rates
        minimum = sat_per_vb(state.mempoolminfee)
        return FeesTold(
            fastest=fastest, half_hour=half_hour, hour=hour, economy=economy, minimum=minimum, source=SOURCE
        )

    async def queue(self) -> QueueProjected | None:
        """The queue as far as the node tells it cheaply; None where it tells nothing. Raises SourceError."""
        try:
            bins = await self._histogram() if self._sorts else None
            if bins is None:
                self._sorts = False
                bins = await self._next_block()
        except NodeRefusedError:
            return None
        return QueueProjected(blocks=project(bins), source=SOURCE, bins=tuple(bins))

    async def _histogram(self) -> list[FeeBin] | None:
        try:
            told = await self._rpc.ask(_Histogram, "getmempoolinfo", FEERATES)
        except NodeRefusedError:
            return None
        if told.fee_histogram is None:
            return None
        groups = [group for group in told.fee_histogram.values() if isinstance(group, _Group)]
        return [
            FeeBin(
                SatPerVb(_mean(group)),
                VBytes(group.sizes),
                group.count,
                Sats(group.fees),
                lowest=SatPerVb(group.from_feerate),
                highest=SatPerVb(_next_edge(group)),
            )
            for group in groups
            if group.sizes
        ]

    async def _next_block(self) -> list[FeeBin]:
        template = await self._rpc.ask(Template, "getblocktemplate", {"rules": ["segwit"]})
        return [
            FeeBin(SatPerVb(tx.fee * 4 / tx.weight), VBytes(tx.weight / 4), 1, Sats(tx.fee))
            for tx in template.transactions
        ]


def _next_edge(group: _Group) -> float:
    """Where the next group begins; the last one has no end, and reaches as far up as its mean."""
    return min((edge for edge in FEERATES if edge > group.from_feerate), default=_mean(group))


def _mean(group: _Group) -> float:
    """The group's fees by its sizes, held within its edges below (a node's fee delta may distort it)."""
    return max(group.fees / group.sizes, group.from_feerate)
