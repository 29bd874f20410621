"""Questions of the tracker, which a source that can answers with observations. None has to."""

from dataclasses import dataclass
from typing import Final

from app.core.units import BlockHash, Height, Outpoint, Txid

AFTER_NEXT_POLL_SECONDS: Final = 2.5
"""The backend polls its node every 2 s; by then it has reported why a transaction left its mempool."""


@dataclass(frozen=True, slots=True)
class AskStatus:
    """The status of a transaction: in a block, in the mempool, or in neither.

    `in_seconds`: when to ask. It was nowhere just now, and a source that polls its node may be about to
    report why; or it is only where nobody reports that it leaves.
    """

    txid: Txid
    in_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class AskTransaction:
    """The whole transaction; a node without txindex needs `block_hash` for one that is in a block."""

    txid: Txid
    block_hash: BlockHash | None = None
    height: Height | None = None


@dataclass(frozen=True, slots=True)
class AskPrevouts:
    """Scripts and values of the outputs that `txid` spends."""

    txid: Txid
    outpoints: tuple[Outpoint, ...]


@dataclass(frozen=True, slots=True)
class AskPackage:
    """The current feerate of its package."""

    txid: Txid


@dataclass(frozen=True, slots=True)
class AskBlock:
    """A block's header and entries. `height` is None where only the hash is known."""

    hash: BlockHash
    height: Height | None = None


@dataclass(frozen=True, slots=True)
class AskMempool:
    """All txids in the mempool, and the tip."""

    reason: str


@dataclass(frozen=True, slots=True)
class AskStored:
    """The stored prediction with that id, which was unloaded when memory ran short."""

    prediction_id: str


Question = AskStatus | AskTransaction | AskPrevouts | AskPackage | AskBlock | AskMempool | AskStored
