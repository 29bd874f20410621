"""What the tracker wants to know. A source that can answers with observations; nobody has to."""

from dataclasses import dataclass

from app.core.units import BlockHash, Height, Outpoint, Txid


@dataclass(frozen=True, slots=True)
class AskStatus:
    """Where it is: in a block, in the mempool, nowhere."""

    txid: Txid


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
    """What its package pays now."""

    txid: Txid


@dataclass(frozen=True, slots=True)
class AskBlock:
    """A block's header and entries. `height` is None where only the hash is known."""

    hash: BlockHash
    height: Height | None = None


@dataclass(frozen=True, slots=True)
class AskMempool:
    """Everything that waits now, and the tip."""

    reason: str


@dataclass(frozen=True, slots=True)
class AskStored:
    """The prediction of that id, as the store has it; it was set aside when memory ran short."""

    prediction_id: str


Question = AskStatus | AskTransaction | AskPrevouts | AskPackage | AskBlock | AskMempool | AskStored
