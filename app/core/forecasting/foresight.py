"""The figures of forecasts that will be asked for one by one, worked out together at the first of them.

A forecast alone is dozens of calls of numpy for one row; a thousand rows cost little more. So the pipeline
names what a batch brings before the tracker decides about it, one transaction after the other.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from app.core.forecasting.inflow import Inflow
from app.core.forecasting.market import Market
from app.core.forecasting.model import FRESH_SECONDS, ForecastFigures, ForecastModel, Waiting, figures_of
from app.core.models import Transaction
from app.core.observations import Observation, TransactionSeen
from app.core.prediction import Prediction

EXPECTED_FOR: Final = timedelta(seconds=10)
"""How long what was named is worked out with the rest: by then its prevouts have come, or it is no whale."""
MOST_EXPECTED: Final = 2_000

_Key = tuple[float | None, float, bool]
"""All that the figures depend on besides the market: feerate, size, and whether it is fresh."""


class Foresight:
    """Keeps figures for as long as queue, limit, inflow and model stay the same."""

    def __init__(self) -> None:
        self._expected: dict[_Key, tuple[datetime, Waiting]] = {}
        self._figures: dict[_Key, ForecastFigures] = {}
        self._of: tuple[object, ...] = ()

    def expect(self, observations: Iterable[Observation], at: datetime) -> None:
        """Note the transactions that a batch brings; what is asked about one of them is asked soon."""
        for observation in observations:
            if isinstance(observation, TransactionSeen) and (one := _arriving(observation.tx)).pays:
                self._expected[_key(one)] = (at, one)
        if len(self._expected) > MOST_EXPECTED:
            self._expected.clear()

    def figures(
        self, waiting: Waiting, market: Market, inflow: Inflow, model: ForecastModel, at: datetime
    ) -> ForecastFigures:
        """Return the figures of one that pays."""
        of = (market.queue, market.mempool_limit_vbytes, inflow, model)
        if of != self._of:
            self._of = of
            self._figures.clear()
        key = _key(waiting)
        if key not in self._figures:
            self._work_out(key, waiting, market, inflow, model, at)
        self._expected.pop(key, None)
        return self._figures[key]

    def _work_out(
        self, key: _Key, waiting: Waiting, market: Market, inflow: Inflow, model: ForecastModel, at: datetime
    ) -> None:
        self._expected = {
            one: noted for one, noted in self._expected.items() if abs(at - noted[0]) <= EXPECTED_FOR
        }
        together = {key: waiting, **{one: noted[1] for one, noted in self._expected.items()}}
        if len(self._figures) > MOST_EXPECTED:
            self._figures.clear()
        missing = [one for one in together if one not in self._figures]
        found = figures_of([together[one] for one in missing], market, inflow, model)
        self._figures.update(zip(missing, found, strict=True))


def _key(waiting: Waiting) -> _Key:
    return waiting.feerate, waiting.vsize, waiting.age_seconds < FRESH_SECONDS


def _arriving(tx: Transaction) -> Waiting:
    return Waiting(txid=tx.txid, feerate=tx.effective_feerate, vsize=tx.vsize or 0.0, age_seconds=0.0)


def waiting_of(whale: Prediction, at: datetime) -> Waiting:
    """Return what of a whale its forecast depends on."""
    vsize = whale.tx.vsize
    return Waiting(
        txid=whale.txid,
        feerate=None if vsize is None else whale.effective_feerate,
        vsize=vsize or 0.0,
        age_seconds=_age_seconds(whale, at),
    )


def _age_seconds(whale: Prediction, at: datetime) -> float:
    """Return the age of the current transaction; a replacement's counts from its own first forecast."""
    if not whale.replaces:
        return (at - whale.detected_at).total_seconds()
    first = whale.first_forecast
    return 0.0 if first is None else (at - first.made_at).total_seconds()
