"""What the wire tells, once parsed: transactions and blocks."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.core.units import BlockHash, Height, Outpoint, SatPerVb, Sats, Script, Txid, VBytes

BIP125_FINAL = 0xFFFFFFFE
"""An input with a sequence below this signals replaceability (BIP 125)."""


class SourceName(StrEnum):
    """Who told us; also the contract's `first_seen_by`."""

    MEMPOOL_WS = "mempool_ws"
    MEMPOOL_REST = "mempool_rest"
    BITCOIND = "bitcoind"
    ELECTRS = "electrs"
    BLOCK = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input; `script` and `value` are those of the output it spends, None while unknown.

    `scriptsig` and `witness` (hex) are what a missing script is derived from
    (`app.core.encoding.scripts`); they are dropped once that is done.
    """

    outpoint: Outpoint
    sequence: int = 0xFFFFFFFF
    script: Script | None = None
    value: Sats | None = None
    scriptsig: str = ""
    witness: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output; `address` is None where the script has none (OP_RETURN, bare multisig, ...)."""

    value: Sats
    script: Script
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A transaction with what we were told of it; what we were not told is None."""

    txid: Txid
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    fee: Sats | None = None
    vsize: VBytes | None = None
    package_feerate: SatPerVb | None = None
    """What its package pays a vbyte (ancestors and descendants counted); None if nobody said."""

    @property
    def gross(self) -> Sats:
        """Sum of all outputs, change included."""
        return Sats(sum(output.value for output in self.outputs))

    @property
    def feerate(self) -> SatPerVb | None:
        """Its own fee by its own size; a package may pay more or less."""
        if self.fee is None or not self.vsize:
            return None
        return SatPerVb(self.fee / self.vsize)

    @property
    def effective_feerate(self) -> SatPerVb | None:
        """What a miner earns by it: its package's feerate if somebody said, else its own."""
        return self.feerate if self.package_feerate is None else self.package_feerate

    def is_of_package(self, package_feerate: SatPerVb | None) -> bool:
        """Whether its package pays otherwise than it does itself: a child lifts it, or it lifts a parent.

        The two may differ by a vbyte's rounding; over a fiftieth is a package. False where one is unknown.
        """
        own = self.feerate
        return own is not None and package_feerate is not None and abs(package_feerate - own) > own / 50

    @property
    def signals_rbf(self) -> bool:
        return any(spent.sequence < BIP125_FINAL for spent in self.inputs)

    @property
    def outpoints(self) -> frozenset[Outpoint]:
        return frozenset(spent.outpoint for spent in self.inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockEntry:
    """One line of a block's summary; `value` is the sum of all its outputs."""

    txid: Txid
    value: Sats
    fee: Sats | None = None
    vsize: VBytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of the best chain; `txids` and `entries` (coinbase first) are None until somebody said."""

    hash: BlockHash
    height: Height
    previous: BlockHash | None = None
    time: datetime | None = None
    txids: tuple[Txid, ...] | None = None
    entries: tuple[BlockEntry, ...] | None = None
