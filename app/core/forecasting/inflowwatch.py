"""Measures the inflow, each arrival once at its package feerate, late-seen ones never."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import TypeAlias

import numpy as np

from app.core.forecasting.feerates import by_bucket, nothing
from app.core.forecasting.inflow import Inflow, arrivals_between, no_inflow_seen
from app.core.forecasting.market import Queue, QueueSource
from app.core.models import SourceName, Transaction
from app.core.observations import (
    MempoolMeasured,
    Observation,
    PackageReply,
    ProjectedTransaction,
    QueueProjected,
    SourceConnected,
    TransactionReplaced,
    TransactionSeen,
    TransactionsSeen,
)
from app.core.units import SatPerVb, Txid

Paid: TypeAlias = Sequence[tuple[Txid, tuple[float, float]]]
"""Transactions, each with its effective feerate in sat/vB and its vsize."""
FLUSH_SECONDS = 10.0
"""Arrivals are accumulated over at least this long."""
VIEW_SECONDS = 30.0
"""Where single arrivals have no fee, states of the queue this far apart are compared."""
SILENT_SECONDS = 120.0
"""A source without market data for this long counts as disconnected; in a lull it would still report."""
REMEMBERED = 20_000
"""Transactions whose feerate is remembered, to detect a CPFP increase: about an hour of mainnet, 5 MB."""
SINGLY = 4_096
"""Arrivals that are held one by one; in a silence none are counted, and a million of them would be 110 MB."""
FORGOTTEN_AT_ONCE = 1_000
"""A dictionary's first key is searched for past all that were deleted before it: seldom, then many."""


class InflowWatch:
    """Keeps the inflow from single arrivals, changes of package feerates, and states of the queue."""

    def __init__(self) -> None:
        self.inflow: Inflow = no_inflow_seen()
        self._arrived: list[tuple[float, float]] = []
        self._summed = nothing()
        """Of arrivals since the last count that are no longer held: vbytes by bucket."""
        self._paid: dict[int, tuple[float, float]] = {}
        """Feerate and vsize by the hash of the txid, the latest last."""
        self._counted_at: datetime | None = None
        self._received_at: datetime | None = None
        self._source: SourceName | None = None
        self._view: tuple[Queue, datetime] | None = None
        self._mined_since = 0.0

    def receive(self, observation: Observation, at: datetime) -> None:
        """Record arrivals, increases of package feerates, and gaps in the observation."""
        match observation:
            case TransactionSeen(tx=tx, source=source, late=late):
                self._arrive(_paid_by(tx), source, at, late=late)
            case TransactionsSeen(batch=batch, source=source, late=late):
                self._arrive(batch.paid(), source, at, late=late)
            case TransactionReplaced(by=tx, mined=False, source=source):
                self._arrive(_paid_by(tx), source, at, late=False)
            case (
                PackageReply(txid=txid, package_feerate=feerate)
                | ProjectedTransaction(txid=txid, package_feerate=feerate)
            ) if feerate is not None:
                self._reprice(txid, feerate)
            case QueueProjected() | MempoolMeasured():
                self._receive_market(at)
            case SourceConnected(again=True, source=source) if source is self._source:
                self._miss(at)

    def pictured(self, queue: Queue, at: datetime) -> None:
        """Compare states of the queue from bitcoind or electrs, whose single arrivals come without fees."""
        if queue.source is QueueSource.PROJECTED_BLOCKS:
            self._view = None
            return
        if self._view is None:
            self._view, self._mined_since = (queue, at), 0.0
            return
        before, since = self._view
        elapsed = (at - since).total_seconds()
        if elapsed < 0:
            self._view, self._mined_since = (queue, at), 0.0  # the clock was stepped back
        if elapsed < VIEW_SECONDS:
            return
        self.inflow = self.inflow.observed(arrivals_between(before, queue, self._mined_since), elapsed)
        self._view, self._mined_since = (queue, at), 0.0
        self._begin_anew(at)

    def mined(self, vbytes: float) -> None:
        """Record the vbytes that a block removed from the top of the queue."""
        self._mined_since += vbytes

    def flush(self, at: datetime) -> None:
        """Add the accumulated arrivals to the inflow; none count as zero while market data comes in."""
        if self._view is not None:
            return
        if self._counted_at is None:
            self._counted_at = at
            return
        if self._received_at is not None and (at - self._received_at).total_seconds() > SILENT_SECONDS:
            return
        elapsed = (at - self._counted_at).total_seconds()
        if elapsed < 0:
            self._begin_anew(at)  # the clock was stepped back: the interval is not known
        if elapsed < FLUSH_SECONDS:
            return
        self._sum_up()
        self.inflow = self.inflow.observed(self._summed, elapsed)
        self._begin_anew(at)

    def _arrive(self, paid: Paid, source: SourceName, at: datetime, *, late: bool) -> None:
        """Count new transactions once, however often and by whichever sources they are reported.

        Those that are late were waiting before: their feerates are remembered and not counted as arrivals.
        """
        fresh = self._adopt(paid)
        if not late:
            self._source = source
            if self._counted_at is None:
                self._counted_at = at
            self._hold(fresh)
        elif source is SourceName.MEMPOOL_WS and (
            # While a backend syncs, nothing counts. What a query fetched does not interrupt the stream.
            self._counted_at is None or (at - self._counted_at).total_seconds() >= 1.0
        ):
            self._miss(at)

    def _reprice(self, txid: Txid, feerate: SatPerVb) -> None:
        """Count a transaction again at its package feerate, if that has risen.

        One that is not remembered is not counted: a transaction in a projected block may just have moved up.
        """
        known = self._paid.get(hash(txid))
        if known is None or _about(feerate, known[0]):
            return
        lifted = (float(feerate), known[1])
        del self._paid[hash(txid)]  # the latest stands last
        self._paid[hash(txid)] = lifted
        if feerate > known[0]:
            self._hold((lifted,))

    def _receive_market(self, at: datetime) -> None:
        """Note that market data came in; arrivals during a long silence before it were missed."""
        if self._received_at is not None and (at - self._received_at).total_seconds() > SILENT_SECONDS:
            self._miss(at)
        self._received_at = at

    def _miss(self, at: datetime) -> None:
        """Record a gap since the last count, which reduces the weight of the inflow's history."""
        if self._counted_at is not None:
            elapsed = (at - self._counted_at).total_seconds()
            if elapsed > 0:
                self.inflow = self.inflow.unobserved(elapsed)
        self._view = None
        self._begin_anew(at)

    def _adopt(self, paid: Paid) -> list[tuple[float, float]]:
        """Remember feerate and vsize; return those of new transactions and of higher feerates."""
        remembered, new = self._paid, {hash(txid): one for txid, one in paid}
        if len(new) == len(paid) and remembered.keys().isdisjoint(new):
            fresh = list(new.values())
            remembered |= new
        else:
            fresh = self._adopt_anew(paid)
        if (excess := len(remembered) - REMEMBERED) > FORGOTTEN_AT_ONCE:
            for key in list(islice(remembered, excess)):
                del remembered[key]
        return fresh

    def _adopt_anew(self, paid: Paid) -> list[tuple[float, float]]:
        """Adopt transactions of which some are known already, or reported twice."""
        fresh = []
        for txid, one in paid:
            key = hash(txid)
            known = self._paid.get(key)
            if known is not None:
                if _about(one[0], known[0]):
                    continue
                del self._paid[key]  # the latest stands last
            self._paid[key] = one
            if known is None or one[0] > known[0]:
                fresh.append(one)
        return fresh

    def _hold(self, fresh: Iterable[tuple[float, float]]) -> None:
        self._arrived += fresh
        if len(self._arrived) > SINGLY:
            self._sum_up()

    def _sum_up(self) -> None:
        if self._arrived:
            rates, sizes = np.fromiter(chain.from_iterable(self._arrived), np.float64).reshape(-1, 2).T
            self._summed = self._summed + by_bucket(rates, sizes)
            self._arrived.clear()

    def _begin_anew(self, at: datetime) -> None:
        self._arrived.clear()
        self._summed = nothing()
        self._counted_at = at


def _paid_by(tx: Transaction) -> Paid:
    feerate = tx.effective_feerate
    if feerate is None or tx.vsize is None:
        return ()
    return ((tx.txid, (float(feerate), float(tx.vsize))),)


def _about(feerate: float, before: float) -> bool:
    return abs(feerate - before) <= 0.01 * before
