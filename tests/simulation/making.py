"""Made-up transactions: amounts, senders, receivers, ids."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.random import Generator

from tests.simulation.scripts import Output, witness_output
from tests.simulation.wire import Tx

WHALE_SAT: Final = 10_000_000_000
_KNOWN_SHARE: Final = 0.4  # of whales' senders, and of their receivers, have an address that labels know
_CHANGE_TO_SENDER: Final = 0.5  # the rest of the change goes to a fresh address, as most wallets do


class Maker:
    """Makes transactions in order; `known` outputs belong to somebody whom the labels name."""

    def __init__(self, rng: Generator, known: Sequence[Output], network: str) -> None:
        self._rng = rng
        self._known = known
        self._network = network
        self._order = 0

    def transaction(self, t: float, rate: float, vsize: float, *, whale: bool) -> Tx:
        """Return one that pays `rate` sat/vB. A whale pays over 100 BTC to one output."""
        self._order += 1
        weight = max(440, round(vsize * 4))
        fee = max(1, int(np.ceil(rate * weight / 4)))
        sender, receiver = self._somebody(whale=whale), self._somebody(whale=whale)
        pays = [(receiver, self._value(whale=whale))]
        change = int(pays[0][1] * self._rng.uniform(0.0, 0.6))
        if change and self._rng.random() < 0.7:
            back = sender if self._rng.random() < _CHANGE_TO_SENDER else self.stranger()
            pays.append((back, change))
        inputs = int(np.clip(weight // 900, 1, 40))
        total = sum(sat for _, sat in pays) + fee
        shares = [total // inputs] * (inputs - 1)
        return Tx(
            txid=self.txid(),
            fee=fee,
            weight=weight,
            arrived=t,
            spends=tuple((self.txid(), int(self._rng.integers(0, 3))) for _ in range(inputs)),
            spent=tuple((sender, sat) for sat in (*shares, total - sum(shares))),
            pays=tuple(pays),
            signature=self._rng.bytes(71).hex(),
            key="02" + self.txid(),
            signals=bool(self._rng.random() < 0.8),
            whale=whale,
            effective=fee / (weight / 4),
            order=self._order,
        )

    def stranger(self) -> Output:
        taproot = self._rng.random() < 0.3
        return witness_output(int(taproot), self._rng.bytes(32 if taproot else 20), self._network)

    def txid(self) -> str:
        return self._rng.bytes(32).hex()

    def _value(self, *, whale: bool) -> int:
        if whale:
            return WHALE_SAT + int(WHALE_SAT * min(float(self._rng.pareto(1.4)), 80.0)) + 1
        return int(min(float(self._rng.lognormal(14.5, 2.0)), WHALE_SAT / 3)) + 2_000

    def _somebody(self, *, whale: bool) -> Output:
        if whale and self._known and self._rng.random() < _KNOWN_SHARE:
            return self._known[int(self._rng.integers(len(self._known)))]
        return self.stranger()
