"""What a forecast is worked out for, and that what is kept of it is of the right one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.forecasting.foresight import Foresight, waiting_of
from app.core.forecasting.model import FRESH_SECONDS, Waiting, figures_of
from app.core.models import SourceName
from app.core.prediction import Prediction
from app.core.tracking import lifecycle
from app.core.units import SatPerVb
from tests.core.fee_markets import AT, a_market, a_model, an_inflow, forecast_one, waiting
from tests.core.forecasting.frames import NOTHING_KNOWN, paying

MARKET = a_market([(3.0, 2e6), (20.0, 4e5)])
INFLOW = an_inflow([(9.0, 500.0)])
LATER = AT + timedelta(seconds=100)


def a_prediction(feerate: float | None = 5.0, vsize: float = 1_000.0) -> Prediction:
    return lifecycle.begin(
        paying("aa", feerate, vsize), NOTHING_KNOWN, source=SourceName.MEMPOOL_WS, at=AT, tip=None
    )


def waits(whale: Prediction, *, feerate: float | None, vsize: float, age_seconds: float) -> Waiting:
    return Waiting(txid=whale.txid, feerate=feerate, vsize=vsize, age_seconds=age_seconds)


def test_a_whale_waits_at_its_feerate_with_its_size_since_it_was_detected() -> None:
    whale = a_prediction()

    assert waiting_of(whale, LATER) == waits(whale, feerate=5.0, vsize=1_000.0, age_seconds=100.0)


def test_a_whale_in_a_package_waits_at_what_the_package_pays() -> None:
    whale = replace(a_prediction(), package_feerate=SatPerVb(7.0))

    assert waiting_of(whale, LATER) == waits(whale, feerate=7.0, vsize=1_000.0, age_seconds=100.0)


def test_a_whale_of_unknown_size_waits_at_no_feerate_even_in_a_package() -> None:
    whale = replace(a_prediction(), package_feerate=SatPerVb(7.0))
    unsized = replace(whale, tx=replace(whale.tx, vsize=None))

    assert waiting_of(unsized, LATER) == waits(unsized, feerate=None, vsize=0.0, age_seconds=100.0)


def test_a_replacement_waits_since_its_own_first_forecast_and_without_one_is_new() -> None:
    taken = lifecycle.take_over(
        a_prediction(), paying("bb", 8.0), NOTHING_KNOWN, LATER, tip=None, fee_spike=False
    )
    made = forecast_one(waiting(8.0), MARKET, INFLOW, a_model(), LATER)
    assert made is not None
    known = replace(taken, first_forecast=made)
    at = LATER + timedelta(seconds=30)

    assert waiting_of(taken, at) == waits(taken, feerate=8.0, vsize=1_000.0, age_seconds=0.0)
    assert waiting_of(known, at) == waits(taken, feerate=8.0, vsize=1_000.0, age_seconds=30.0)


@pytest.mark.parametrize("age_seconds", [0.0, FRESH_SECONDS - 1, FRESH_SECONDS, FRESH_SECONDS + 1])
def test_what_is_no_longer_new_is_not_given_the_figures_of_what_is(age_seconds: float) -> None:
    foresight, one = Foresight(), waiting(9.0, age_seconds=age_seconds)
    model = a_model()
    for kept in (waiting(9.0, age_seconds=0.0), waiting(9.0, age_seconds=10 * FRESH_SECONDS)):
        foresight.figures(kept, MARKET, INFLOW, model, AT)

    assert [foresight.figures(one, MARKET, INFLOW, model, AT)] == figures_of([one], MARKET, INFLOW, model)
