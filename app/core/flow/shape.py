"""Flags from the shape of a transaction, such as consolidation, batch and coinjoin."""

from collections import Counter

from app.core.classification import Flag
from app.core.encoding import owner_ids
from app.core.flow.peel import remainder_index
from app.core.flow.sides import Sides
from app.core.models import Transaction
from app.core.shared import shared
from app.core.units import SATS_PER_BTC

_MANY = 5
_EQUAL_AT_LEAST = 10_000
"""Satoshi; smaller equal outputs carry data and are not a coinjoin."""
_POOLS = frozenset(round(btc * SATS_PER_BTC) for btc in (0.001, 0.01, 0.025, 0.05, 0.25, 0.5))
"""Sizes of Whirlpool's pools, Samourai's four and the two that Ashigaru added."""
_CROWD = 10
"""Equal outputs without as many change outputs are a coinjoin only from this number on."""
_LARGEST_SHARE = 5 * SATS_PER_BTC
_LARGEST_OFFER = 50 * SATS_PER_BTC


def shape_flags(tx: Transaction, sides: Sides) -> frozenset[Flag]:
    """Return all flags except coinjoin. Trifles and OP_RETURN do not count as outputs."""
    ins, outs = len(tx.inputs), len(tx.outputs) - len(sides.trifles) - len(sides.burnt)
    flags = set()
    if outs and ins >= 2 and (outs == 1 or ins >= _MANY * outs):
        flags.add(Flag.CONSOLIDATION)
    if outs >= _MANY * ins:
        flags.add(Flag.BATCH)
    if ins == 1 and outs == 1 and not sides.sender.coinbase:
        flags.add(Flag.SWEEP)
    if is_peel_hop(tx, sides):
        flags.add(Flag.PEEL)
    if tx.is_of_package(tx.package_feerate):
        flags.add(Flag.CPFP)
    return shared(frozenset(flags))


def is_peel_hop(tx: Transaction, sides: Sides) -> bool:
    """Return whether it has one input and two outputs, the large one of which is not known to leave."""
    index = remainder_index(tx)
    if index is None or sides.trifles or sides.burnt:
        return False
    return index not in sides.named and (1 - index) not in sides.change


def is_coinjoin(tx: Transaction, sides: Sides) -> bool:
    """Return whether it is a coinjoin; strict, since the value of a coinjoin is suppressed.

    At least five equal outputs and five distinct signers, no more equal outputs than signers, no label on
    either side, no output that pays back to a signer, and at least half of the outputs equal to another one.
    Equal outputs alone are a payer's batch: they must also be of a size, or stand beside change, as the
    known protocols make them (`_mixes`).
    """
    if len(tx.inputs) < _MANY or len(tx.outputs) < _MANY:
        return False
    signers = len({owner_ids(script) for script in sides.sender.scripts})
    if sides.sender.groups or sides.labels or sides.change or signers < _MANY:
        return False
    values = [tx.outputs[index].value for index in sides.unnamed]
    alike = {value: n for value, n in Counter(values).items() if n > 1 and value >= _EQUAL_AT_LEAST}
    most = max(alike.values(), default=0)
    if not _MANY <= most <= signers or 2 * sum(alike.values()) < len(values):
        return False
    return any(n == most and _mixes(size, n, len(values), len(alike)) for size, n in alike.items())


def _mixes(size: int, equal: int, outputs: int, sizes: int) -> bool:
    """Return whether `equal` outputs of `size` satoshi, among `outputs`, are what a known protocol makes.

    Whirlpool makes equal outputs only, of its pools' sizes. Wasabi 1 makes many equal outputs of a small
    size (0.1 BTC and its multiples), Wasabi 2 outputs of several standard sizes. A JoinMarket maker offers
    any size, so what tells a JoinMarket transaction is the change: every participant but one has some. The
    largest that was found held 23 BTC a participant; above 50 BTC equal outputs are a custodian's.
    """
    if equal == outputs:
        return size in _POOLS
    joinmarket = outputs - equal >= equal - 1 and size <= _LARGEST_OFFER
    wasabi = sizes > 1 or (equal >= _CROWD and size <= _LARGEST_SHARE)
    return joinmarket or (wasabi and size <= _LARGEST_OFFER)
