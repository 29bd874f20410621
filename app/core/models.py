"""Parsed transactions and blocks, the same whichever source they come from."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from app.core.units import BlockHash, Height, Outpoint, SatPerVb, Sats, Script, Txid, VBytes

_ROUNDED_BY = 0.0051
"""sat/vB; half a hundredth, and what binary fractions add."""
BIP125_FINAL = 0xFFFFFFFE
"""An input with a sequence below this signals replaceability (BIP 125)."""


class SourceName(StrEnum):
    """The source of an observation; also the contract's `first_seen_by`."""

    MEMPOOL_WS = "mempool_ws"
    MEMPOOL_REST = "mempool_rest"
    BITCOIND = "bitcoind"
    ELECTRS = "electrs"
    BLOCK = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input; `script` and `value` are those of its prevout, None while unknown.

    A missing script is derived from `scriptsig` and `witness` (hex; see `app.core.encoding.scripts`),
    which are dropped afterwards.
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
    """A transaction as far as the sources reported it; a field that no source reported is None."""

    txid: Txid
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    fee: Sats | None = None
    vsize: VBytes | None = None
    """Virtual size as mempools and miners count it: a quarter of the weight, more where sigops weigh more."""
    package_feerate: SatPerVb | None = None
    """Feerate of its package (ancestors and descendants included); None if no source reported it."""

    @property
    def gross(self) -> Sats:
        """Sum of all output values, change included."""
        return Sats(sum(output.value for output in self.outputs))

    @property
    def paid(self) -> Sats | None:
        """Its fee as a source reported it, else what its inputs bring; None where neither is known."""
        return self.paid_by_inputs if self.fee is None else self.fee

    @property
    def paid_by_inputs(self) -> Sats | None:
        """What its inputs bring beyond its outputs.

        None where that is not known of each, and where they bring less: then somebody errs.
        """
        values = [spent.value for spent in self.inputs if spent.value is not None]
        rest = sum(values) - self.gross
        return Sats(rest) if values and len(values) == len(self.inputs) and rest >= 0 else None

    @property
    def feerate(self) -> SatPerVb | None:
        """Its own fee divided by its own vsize; its package may pay more or less."""
        paid = self.paid
        if paid is None or not self.vsize:
            return None
        return SatPerVb(paid / self.vsize)

    @property
    def effective_feerate(self) -> SatPerVb | None:
        """The feerate a miner earns by including it: its package's if known, else its own."""
        return self.feerate if self.package_feerate is None else self.package_feerate

    def is_of_package(self, package_feerate: SatPerVb | None) -> bool:
        """Return whether the package feerate differs from its own: a child pays for it, or it for a parent.

        The two may differ by a vbyte's rounding, so only a difference of over 2 % counts; and a package
        feerate may be rounded to two decimals, which at 0.1 sat/vB is more. False where one is unknown.
        """
        own = self.feerate
        if own is None or package_feerate is None:
            return False
        return abs(package_feerate - own) > own / 50 + _ROUNDED_BY

    def filled_in(
        self, fee: Sats | None, vsize: VBytes | None, package_feerate: SatPerVb | None = None
    ) -> "Transaction":
        """Return it with what another report said that this one does not say, nor do its inputs."""
        return replace(
            self,
            fee=fee if self.paid is None else self.fee,
            vsize=vsize if self.vsize is None else self.vsize,
            package_feerate=package_feerate if self.package_feerate is None else self.package_feerate,
        )

    @property
    def signals_rbf(self) -> bool:
        return any(spent.sequence < BIP125_FINAL for spent in self.inputs)

    @property
    def outpoints(self) -> frozenset[Outpoint]:
        return frozenset(spent.outpoint for spent in self.inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockEntry:
    """One transaction in a block's summary; `value` is the sum of all its outputs."""

    txid: Txid
    value: Sats
    fee: Sats | None = None
    vsize: VBytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of the best chain; `txids` and `entries` (coinbase first) are None until reported."""

    hash: BlockHash
    height: Height
    previous: BlockHash | None = None
    time: datetime | None = None
    txids: tuple[Txid, ...] | None = None
    entries: tuple[BlockEntry, ...] | None = None

    def header(self) -> "Block":
        """Return it without what is in it, to be kept: the txids of a full block take half a megabyte."""
        return replace(self, txids=None, entries=None)
