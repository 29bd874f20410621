"""Observations, the only output of a source; the tracker alone draws conclusions from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.core.models import Block, SourceName, Transaction
from app.core.prediction import Prediction
from app.core.questions import Question
from app.core.scoring import AccuracyChange
from app.core.units import BlockHash, Height, Outpoint, SatPerVb, Sats, Script, Txid, VBytes
from app.core.visibility import Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionSeen:
    """A transaction is in the mempool. `late`: it had entered before this source could report it."""

    tx: Transaction
    source: SourceName
    late: bool = False


class TransactionBatch(Protocol):
    """Transactions of which only what tells whether they matter has been decoded, in the order reported."""

    @property
    def txids(self) -> Sequence[Txid]: ...

    @property
    def gross(self) -> Sequence[int]:
        """The sum of the outputs of each, in satoshi."""
        ...

    @property
    def parents(self) -> Sequence[Txid]:
        """The txids that all of them spend from; one may be repeated."""
        ...

    def parents_of(self, index: int) -> Sequence[Txid]: ...

    def paid(self) -> Sequence[tuple[Txid, tuple[float, float]]]:
        """Return txid, and effective feerate in sat/vB with size in vB, of those of which both are known."""
        ...

    def whole(self, index: int) -> Transaction:
        """Read one of them whole.

        Raises:
            ParseError: if a part that had not been decoded is invalid.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionsSeen:
    """Transactions are in the mempool, none of which is large; `late` as for one."""

    batch: TransactionBatch
    source: SourceName
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectedTransaction:
    """A transaction seen in a projected block: sum of outputs, fee, vsize and package feerate only."""

    txid: Txid
    value: Sats
    fee: Sats | None
    vsize: VBytes | None
    package_feerate: SatPerVb | None
    source: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionLeft:
    """Transactions are no longer in this source's mempool, for an unreported reason; perhaps in a block."""

    txids: tuple[Txid, ...]
    source: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionReplaced:
    """The source reports that `by` replaced `victims`: its heuristic, to be checked against the inputs.

    `mined`: `by` is in a block, so `victims` lost a conflict to a block and were not replaced by RBF.
    """

    victims: tuple[Txid, ...]
    by: Transaction
    mined: bool
    source: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockConnected:
    """`block` is in the source's best chain; may be repeated, out of order, or preceded by a gap."""

    block: Block
    source: SourceName
    as_of: datetime | None = None
    """Of an answer when it was asked for: it was in that chain then, and need not be now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainListed:
    """The latest blocks of the source's best chain, ascending; may be stale right after a start."""

    blocks: tuple[Block, ...]
    source: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReply:
    """The answer to AskStatus: in a block, in the mempool, or in neither (block None, mempool False)."""

    txid: Txid
    block_hash: BlockHash | None
    height: Height | None
    in_mempool: bool
    source: SourceName
    replaced_by: Txid | None = None
    """The transaction that replaced it according to the source, if the source remembers one."""
    as_of: datetime | None = None
    """The time at which this status was valid, at the earliest; None where nothing is known of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionReply:
    """The answer to AskTransaction: the whole transaction, in the mempool or in a block."""

    tx: Transaction
    block_hash: BlockHash | None
    height: Height | None
    source: SourceName
    as_of: datetime | None = None
    """When it was asked for: it was there then, and need not be now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prevout:
    value: Sats
    script: Script


@dataclass(frozen=True, slots=True, kw_only=True)
class PrevoutsReply:
    """The answer to AskPrevouts; an outpoint the source does not know maps to None."""

    txid: Txid
    prevouts: Mapping[Outpoint, Prevout | None]
    source: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageReply:
    """The answer to AskPackage. `related`: the number of its unconfirmed ancestors and descendants.

    `members`: their txids, as far as the source reports them.
    """

    txid: Txid
    package_feerate: SatPerVb
    related: int | None
    source: SourceName
    members: frozenset[Txid] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class MempoolListed:
    """All txids in the source's mempool at `as_of`."""

    txids: frozenset[Txid]
    as_of: datetime
    source: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """No source could be asked, or none answered. Says nothing about the subject of the question."""

    question: Question
    reason: str
    asked_again: bool = False
    """Whether it will be asked again by itself."""


TIERS = ("fastest", "half_hour", "hour", "economy", "minimum")
"""Names of the recommended fees, highest feerate first; the contract's keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeesRecommended:
    """The backend's recommended fees, sat/vB."""

    fastest: float
    half_hour: float
    hour: float
    economy: float
    minimum: float
    source: SourceName

    @property
    def by_tier(self) -> dict[str, float]:
        """Return the feerates keyed by the names of TIERS, in their order."""
        rates = (self.fastest, self.half_hour, self.hour, self.economy, self.minimum)
        return dict(zip(TIERS, rates, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesReported:
    """What one BTC costs, by currency (ISO 4217), at the backend's own time of it.

    A currency whose price cannot be one is not in it; `at` is None if the backend does not say when.
    """

    per_btc: Mapping[str, float]
    at: datetime | None
    source: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectedBlock:
    """One projected block: `fee_range` ascending, sat/vB; `median` is 0 while it is not half full.

    A fee histogram gives neither transaction count nor fees; `count` and `total_fees` are None then.
    """

    vsize: VBytes
    count: int | None
    total_fees: Sats | None
    median: SatPerVb
    fee_range: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FeeBin:
    """Waiting vbytes at one feerate; `count` and `fees` are None where the source does not report them.

    For a range of feerates, `feerate` is the mean, or the lowest if only that is reported.
    """

    feerate: SatPerVb
    vsize: VBytes
    count: int | None = None
    fees: Sats | None = None
    lowest: SatPerVb | None = None
    highest: SatPerVb | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueProjected:
    """The projected blocks of the mempool, next block first.

    `bins`: the same queue before it was cut into blocks, from a source that reports bins; else empty.
    """

    blocks: tuple[ProjectedBlock, ...]
    source: SourceName
    bins: tuple[FeeBin, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MempoolMeasured:
    """Size of the node's mempool; `limit_bytes` is memory usage, not vbytes."""

    count: int
    vbytes: int
    usage_bytes: int | None
    limit_bytes: int | None
    minimum_feerate: SatPerVb | None
    loaded: bool | None
    source: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Transactions or blocks may have been missed. `reason` is text for the log and the page."""

    source: SourceName
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConnected:
    """A source is connected and can be queried. `again`: this is a reconnect."""

    source: SourceName
    again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSynced:
    """Sync progress of the source's mempool, 0..100; below 100 it reports transactions that are not new."""

    source: SourceName
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibilityChanged:
    """The visibility level that the sources give together has risen or fallen."""

    transition: Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPressed:
    """Our own process is short of memory: `rss_mb` of `limit_mb`. `first`: first report of this episode."""

    rss_mb: float
    limit_mb: int
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointGivenUp:
    """An alert endpoint was disabled because deliveries to it failed or were refused for too long."""

    endpoint_id: str
    name: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyChanged:
    """The accuracy of our own forecasts has degraded or recovered."""

    change: AccuracyChange


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStepped:
    """The wall clock was stepped by `seconds`: forward where positive, back where negative."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionRecalled:
    """The answer to AskStored; `prediction` is None if the store does not have it."""

    prediction_id: str
    prediction: Prediction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A message or a part of it could not be parsed; `what` names the field."""

    source: SourceName
    what: str


Observation = (
    TransactionSeen
    | TransactionsSeen
    | ProjectedTransaction
    | TransactionLeft
    | TransactionReplaced
    | BlockConnected
    | ChainListed
    | StatusReply
    | TransactionReply
    | PrevoutsReply
    | PackageReply
    | MempoolListed
    | Unanswered
    | FeesRecommended
    | PricesReported
    | QueueProjected
    | MempoolMeasured
    | SourceConnected
    | Gap
    | SourceSynced
    | VisibilityChanged
    | MemoryPressed
    | EndpointGivenUp
    | AccuracyChanged
    | PredictionRecalled
    | ClockStepped
    | Skipped
)
