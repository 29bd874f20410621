"""Fees and the fee histogram from the node, cheaply enough for a small computer.

`getrawmempool true` is not used: 300,000 entries are some 270 MB of JSON. Instead
- `getmempoolinfo` (size, minimum feerate) and the queue every 10 s;
- `estimatesmartfee` every minute and after a block;
- the queue: Knots has a feerate histogram of its mempool (`getmempoolinfo [feerates]`): all blocks. Core
  has no such call: `getblocktemplate` gives the next block exactly; the blocks behind it stay unknown.
  A node without peers, or in initial block download, has no template: then the queue is unknown.
"""

from typing import Annotated

import msgspec

from app.core.forecasting import project
from app.core.models import SourceName
from app.core.observations import FeeBin, FeesRecommended, MempoolMeasured, QueueProjected
from app.core.units import MAX_MONEY, SatPerVb, Sats, VBytes, sat_per_vb
from app.errors import NodeRefusedError, ParseError
from app.source.bitcoind.packages import bins_of_template
from app.source.bitcoind.rpc import BitcoindRpc, RpcCall
from app.source.bitcoind.shapes import FeeEstimate, MempoolState, Template
from app.source.resilience import Count, Optional, OptionalQuestions

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
"""Lower bounds of the histogram's feerate groups as requested from Knots, sat/vB."""
TARGETS = (2, 3, 6, 144)
"""Confirmation targets in blocks: fastest, half an hour, an hour, a day."""


class _Group(msgspec.Struct):
    sizes: Count
    count: Count
    fees: Annotated[int, msgspec.Meta(ge=-MAX_MONEY, le=MAX_MONEY)]
    """With the operator's own deltas, so less than nothing may stand here."""
    from_feerate: float


class _Histogram(msgspec.Struct):
    fee_histogram: dict[str, _Group | int] | None = None


ESTIMATES = Optional(name="estimatesmartfee", without="the node's own fee estimates are not shown")
HISTOGRAM = Optional(name="getmempoolinfo with feerates", usual=True)
"""Supported by Knots only."""
TEMPLATE = Optional(name="getblocktemplate", without="what waits is not known by feerate from this node")


class BitcoindFees:
    """Every reading except the mempool's size is optional."""

    def __init__(self, rpc: BitcoindRpc, optional: OptionalQuestions) -> None:
        self._rpc = rpc
        self._optional = optional

    async def measure(self) -> MempoolMeasured:
        """Return the mempool's size and minimum feerate. Raises SourceError if the node cannot be reached."""
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

    async def recommend(self) -> FeesRecommended | None:
        """Return the node's estimates; None if it has none yet. Raises SourceError."""
        return await self._optional.ask(ESTIMATES, self._estimates)

    async def queue(self) -> QueueProjected | None:
        """Return the queue as far as it is cheaply available; None if it is not. Raises SourceError."""
        bins = await self._optional.ask(HISTOGRAM, self._histogram)
        if bins is None:
            bins = await self._optional.ask(TEMPLATE, self._next_block)
        if bins is None:
            return None
        return QueueProjected(blocks=project(bins), source=SOURCE, bins=tuple(bins))

    async def _estimates(self) -> FeesRecommended | None:
        calls = [RpcCall("estimatesmartfee", (target,)) for target in TARGETS]
        answers = await self._rpc.ask_each(FeeEstimate, calls)
        state = await self._rpc.ask(MempoolState, "getmempoolinfo")
        refusals = [answer for answer in answers if isinstance(answer, NodeRefusedError)]
        if refusals:
            raise refusals[0]
        rates = [
            sat_per_vb(answer.feerate)
            for answer in answers
            if isinstance(answer, FeeEstimate) and answer.feerate is not None
        ]
        if len(rates) < len(TARGETS):
            return None
        fastest, half_hour, hour, economy = rates
        minimum = sat_per_vb(state.mempoolminfee)
        return FeesRecommended(
            fastest=fastest, half_hour=half_hour, hour=hour, economy=economy, minimum=minimum, source=SOURCE
        )

    async def _histogram(self) -> list[FeeBin]:
        reported = await self._rpc.ask(_Histogram, "getmempoolinfo", FEERATES)
        if reported.fee_histogram is None:
            raise ParseError("bitcoind: no histogram")  # Core accepts and ignores the argument
        groups = [group for group in reported.fee_histogram.values() if isinstance(group, _Group)]
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
        return bins_of_template(template.transactions)


def _next_edge(group: _Group) -> float:
    """Return the lower bound of the next group; the last group is open, and is taken to end at its mean."""
    return min((edge for edge in FEERATES if edge > group.from_feerate), default=_mean(group))


def _mean(group: _Group) -> float:
    """Return the group's fees over its sizes, clamped to its bounds (a node's fee delta may distort it)."""
    return max(group.fees / group.sizes, group.from_feerate)
