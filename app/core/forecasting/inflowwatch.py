"""Counts what arrives: each package once at what it pays, and never what only came to our notice late."""

from datetime import datetime

from app.core.forecasting.feerates import by_rung
from app.core.forecasting.inflow import Inflow, arrivals_between, no_inflow_seen
from app.core.forecasting.market import Queue, QueueSource
from app.core.models import SourceName, Transaction
from app.core.observations import (
    MempoolMeasured,
    Observation,
    PackageTold,
    QueueProjected,
    SourceConnected,
    TransactionGlimpsed,
    TransactionReplaced,
    TransactionSeen,
)
from app.core.recent import Recent
from app.core.units import SatPerVb, Txid, VBytes

FLUSH_SECONDS = 10.0
"""Arrivals are counted together over at least so long."""
PICTURE_SECONDS = 30.0
"""Where single arrivals have no fee, pictures of the queue so far apart are compared."""
SILENT_SECONDS = 120.0
"""A backend that says nothing of its market for so long is not heard; a lull it would tell."""
REMEMBERED = 20_000
"""Transactions whose feerate is remembered, so that a lift shows: about an hour of mainnet, 5 MB."""


class InflowWatch:
    """Hears single arrivals, changes of package feerates and pictures of the queue; keeps the inflow."""

    def __init__(self) -> None:
        self.inflow: Inflow = no_inflow_seen()
        self._arrived: list[tuple[float, float]] = []
        self._paid: Recent[int, tuple[float, float]] = Recent(REMEMBERED)
        self._counted_at: datetime | None = None
        self._heard_at: datetime | None = None
        self._source: SourceName | None = None
        self._picture: tuple[Queue, datetime] | None = None
        self._mined_since = 0.0

    def hear(self, observation: Observation, at: datetime) -> None:
        """Take note of what arrived, what pays more than before, and what could not be heard."""
        match observation:
            case TransactionSeen(tx=tx, source=source, late=True):
                self._was_waiting(tx, source, at)
            case (
                TransactionSeen(tx=tx, source=source) | TransactionReplaced(by=tx, mined=False, source=source)
            ):
                self._arrive(tx, source, at)
            case (
                PackageTold(txid=txid, package_feerate=feerate)
                | TransactionGlimpsed(txid=txid, package_feerate=feerate)
            ) if feerate is not None:
                self._reprice(txid, feerate)
            case QueueProjected() | MempoolMeasured():
                self._hear_market(at)
            case SourceConnected(again=True, source=source) if source is self._source:
                self._miss(at)

    def pictured(self, queue: Queue, at: datetime) -> None:
        """Where the node or electrs tells the queue, arrivals come without fees: compare pictures instead."""
        if queue.source is QueueSource.PROJECTED_BLOCKS:
            self._picture = None
            return
        if self._picture is None:
            self._picture, self._mined_since = (queue, at), 0.0
            return
        before, since = self._picture
        elapsed = (at - since).total_seconds()
        if elapsed < 0:
            self._picture, self._mined_since = (queue, at), 0.0  # the clock was set back
        if elapsed < PICTURE_SECONDS:
            return
        self.inflow = self.inflow.observed(arrivals_between(before, queue, self._mined_since), elapsed)
        self._picture, self._mined_since = (queue, at), 0.0
        self._begin_anew(at)

    def mined(self, vbytes: float) -> None:
        """Take note of what a block took from the top of the queue."""
        self._mined_since += vbytes

    def flush(self, at: datetime) -> None:
        """Count what arrived; silence counts too, while the market is heard."""
        if self._picture is not None:
            return
        if self._counted_at is None:
            self._counted_at = at
            return
        if self._heard_at is not None and (at - self._heard_at).total_seconds() > SILENT_SECONDS:
            return
        elapsed = (at - self._counted_at).total_seconds()
        if elapsed < 0:
            self._begin_anew(at)  # the clock was set back: over how long this came is not known
        if elapsed < FLUSH_SECONDS:
            return
        rates, sizes = zip(*self._arrived, strict=True) if self._arrived else ((), ())
        self.inflow = self.inflow.observed(by_rung(rates, sizes), elapsed)
        self._begin_anew(at)

    def _arrive(self, tx: Transaction, source: SourceName, at: datetime) -> None:
        """Count a new transaction: once, however often and by whomever it is told."""
        self._source = source
        if self._counted_at is None:
            self._counted_at = at
        paid = self._take_up(tx)
        if paid is not None:
            self._arrived.append(paid)

    def _was_waiting(self, tx: Transaction, source: SourceName, at: datetime) -> None:
        """Remember what it pays; it did not arrive now. While a backend fills up, nothing is counted."""
        self._take_up(tx)
        if source is not SourceName.MEMPOOL_WS:
            return  # looked up beside the stream, which goes on
        if self._counted_at is None or (at - self._counted_at).total_seconds() >= 1.0:
            self._miss(at)

    def _reprice(self, txid: Txid, feerate: SatPerVb) -> None:
        """Count it again at what its package pays now, if that is more than before.

        Of one not remembered nothing is counted: a line of a projected block may only have moved up.
        """
        known = self._paid.get(_key(txid))
        if known is None or _about(feerate, known[0]):
            return
        lifted = (float(feerate), known[1])
        self._paid.put(_key(txid), lifted)
        if feerate > known[0]:
            self._arrived.append(lifted)

    def _hear_market(self, at: datetime) -> None:
        """It can be heard; what came during a long silence before was missed."""
        if self._heard_at is not None and (at - self._heard_at).total_seconds() > SILENT_SECONDS:
            self._miss(at)
        self._heard_at = at

    def _miss(self, at: datetime) -> None:
        """Nothing was heard since the last count: what was known is worth less."""
        if self._counted_at is not None:
            elapsed = (at - self._counted_at).total_seconds()
            if elapsed > 0:
                self.inflow = self.inflow.unobserved(elapsed)
        self._picture = None
        self._begin_anew(at)

    def _take_up(self, tx: Transaction) -> tuple[float, float] | None:
        """Remember what it pays; return that if it is news: a new transaction, or a higher feerate."""
        feerate = tx.feerate if tx.package_feerate is None else tx.package_feerate
        if feerate is None or tx.vsize is None:
            return None
        key, paid = _key(tx.txid), _paid(feerate, tx.vsize)
        known = self._paid.get(key)
        if known is not None and _about(feerate, known[0]):
            return None
        self._paid.put(key, paid)
        return paid if known is None or feerate > known[0] else None

    def _begin_anew(self, at: datetime) -> None:
        self._arrived.clear()
        self._counted_at = at


def _key(txid: Txid) -> int:
    """Eight bytes tell transactions apart well enough to count them."""
    return int(txid[:16], 16)


def _paid(feerate: SatPerVb, vsize: VBytes) -> tuple[float, float]:
    return float(feerate), float(vsize)


def _about(feerate: float, before: float) -> bool:
    return abs(feerate - before) <= 0.01 * before
