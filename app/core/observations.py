"""What a source can tell. Every source yields these and nothing else; the tracker alone draws conclusions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.core.ladder import Transition
from app.core.models import Block, SourceName, Transaction
from app.core.prediction import Prediction
from app.core.questions import Question
from app.core.units import BlockHash, Height, Outpoint, SatPerVb, Sats, Script, Txid, VBytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionSeen:
    """It is in the mempool. `late`: it was waiting there before this source could tell."""

    tx: Transaction
    source: SourceName
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionGlimpsed:
    """A line of a projected block: its outputs' sum and package feerate, nothing else."""

    txid: Txid
    value: Sats
    fee: Sats | None
    vsize: VBytes | None
    package_feerate: SatPerVb | None
    source: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionLeft:
    """It is no longer in this source's mempool; why is not said, and it may be in a block."""

    txids: tuple[Txid, ...]
    source: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionReplaced:
    """The source says that `by` took the place of `victims`; a heuristic of the source, to be checked.

    `mined`: `by` is in a block, so this is a conflict lost, not a replacement.
    """

    victims: tuple[Txid, ...]
    by: Transaction
    mined: bool
    source: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockConnected:
    """`block` is part of the source's best chain; may come again, out of order, or with a gap before it."""

    block: Block
    source: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainListed:
    """The end of the source's best chain, ascending; may be an old view of it, right after a start."""

    blocks: tuple[Block, ...]
    source: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusTold:
    """The answer to AskStatus: in a block, in the mempool, or known to nobody (both None / False)."""

    txid: Txid
    block_hash: BlockHash | None
    height: Height | None
    in_mempool: bool
    source: SourceName
    replaced_by: Txid | None = None
    """The transaction the source names as its replacement, if it remembers one."""
    as_of: datetime | None = None
    """Since when it is known to be so; None where the source does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionTold:
    """The answer to AskTransaction: the whole transaction, waiting or in a block."""

    tx: Transaction
    block_hash: BlockHash | None
    height: Height | None
    source: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class Prevout:
    value: Sats
    script: Script


@dataclass(frozen=True, slots=True, kw_only=True)
class PrevoutsTold:
    """The answer to AskPrevouts; None where the source does not know one."""

    txid: Txid
    prevouts: Mapping[Outpoint, Prevout | None]
    source: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageTold:
    """The answer to AskPackage. `related`: its unconfirmed ancestors and descendants."""

    txid: Txid
    package_feerate: SatPerVb
    related: int | None
    source: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class MempoolListed:
    """Everything that waited at `as_of`."""

    txids: frozenset[Txid]
    as_of: datetime
    source: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """Nobody could be asked, or nobody answered. Says nothing about the thing asked for."""

    question: Question
    reason: str


TIERS = ("fastest", "half_hour", "hour", "economy", "minimum")
"""The recommended fees by name, the dearest first; the contract's keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeesTold:
    """The backend's recommended fees, sat/vB."""

    fastest: float
    half_hour: float
    hour: float
    economy: float
    minimum: float
    source: SourceName

    @property
    def by_tier(self) -> dict[str, float]:
        """By the names of TIERS, in their order."""
        rates = (self.fastest, self.half_hour, self.hour, self.economy, self.minimum)
        return dict(zip(TIERS, rates, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectedBlock:
    """One block of the queue: `fee_range` ascending, sat/vB; `median` 0 while it is not half full.

    A fee histogram tells neither how many transactions nor which fees: those are None then.
    """

    vsize: VBytes
    count: int | None
    total_fees: Sats | None
    median: SatPerVb
    fee_range: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FeeBin:
    """So many vbytes at one feerate; count and fees are None where nobody said.

    Where a range is told, `feerate` is their mean, or the lowest if that is all there is.
    """

    feerate: SatPerVb
    vsize: VBytes
    count: int | None = None
    fees: Sats | None = None
    lowest: SatPerVb | None = None
    highest: SatPerVb | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueProjected:
    """The blocks that would be made of what waits, the next one first.

    `bins`: the same before it was cut into blocks, from a source that tells it so; empty from others.
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
    """Something may have been missed. `reason` in words, for the log and the page."""

    source: SourceName
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConnected:
    """A source can be heard and asked now. `again`: it had been before."""

    source: SourceName
    again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSynced:
    """How far the source's own mempool is, 0..100; below 100 it tells what was waiting, not what is new."""

    source: SourceName
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SightChanged:
    """The sources together let us see more, or less."""

    transition: Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPressed:
    """Our own memory is short: `rss_mb` of `limit_mb`. `first`: of this episode."""

    rss_mb: float
    limit_mb: int
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionRecalled:
    """The answer to AskStored; None if the store does not have it."""

    prediction_id: str
    prediction: Prediction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Bytes or a part of them could not be read; `what` names the field."""

    source: SourceName
    what: str


Observation = (
    TransactionSeen
    | TransactionGlimpsed
    | TransactionLeft
    | TransactionReplaced
    | BlockConnected
    | ChainListed
    | StatusTold
    | TransactionTold
    | PrevoutsTold
    | PackageTold
    | MempoolListed
    | Unanswered
    | FeesTold
    | QueueProjected
    | MempoolMeasured
    | SourceConnected
    | Gap
    | SourceSynced
    | SightChanged
    | MemoryPressed
    | PredictionRecalled
    | Skipped
)
