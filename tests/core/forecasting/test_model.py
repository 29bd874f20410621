"""Forecasts: what must always hold of them, whatever the market."""

import itertools
import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.forecasting.inflow import Inflow
from app.core.forecasting.market import Market
from app.core.forecasting.model import (
    SETTLED_SECONDS,
    ForecastFigures,
    ForecastModel,
    Standings,
    Waiting,
    blocks_at,
    chance_within,
    forecast_many,
    forecast_of,
    standings_of,
)
from app.core.forecasting.pace import Pace
from app.core.forecasting.recalibration import IDENTITY_LINE, Line, Recalibration
from app.core.prediction import HORIZONS, Forecast, Urgency
from app.core.units import Height, SatPerVb
from tests.core.fee_markets import AT, Pairs, a_market, a_model, an_inflow, forecast_one, waiting

TOLERANCE = 1e-9

feerates = st.floats(0.1, 2_000.0)
queues = st.lists(st.tuples(feerates, st.floats(1_000.0, 4e6)), max_size=12)
inflows = st.lists(st.tuples(feerates, st.floats(0.0, 2_000.0)), max_size=8)
ages = st.sampled_from([5.0, 600.0])
watched = st.sampled_from([30.0, 900.0, 20_000.0])
slopes = st.floats(0.02, 3.0)
learned_lines = st.tuples(*[st.tuples(st.floats(-3.0, 3.0), *[slopes] * 5)] * len(HORIZONS))


def forecast(one: Waiting, market: Market, inflow: Inflow, model: ForecastModel | None = None) -> Forecast:
    made = forecast_one(one, market, inflow, model or a_model(), AT)
    assert made is not None
    return made


def later(block: int | None) -> int:
    return 10**9 if block is None else block


@settings(max_examples=150, deadline=None)
@given(queue=queues, rates=inflows, low=feerates, more=st.floats(1.0, 20.0), age=ages, seconds=watched)
def test_more_feerate_never_means_later(
    queue: Pairs, rates: Pairs, low: float, more: float, age: float, seconds: float
) -> None:
    market, inflow = a_market(queue), an_inflow(rates, seconds)
    poor = forecast(waiting(low, age_seconds=age), market, inflow)
    rich = forecast(waiting(low * more, age_seconds=age), market, inflow)

    assert all(b >= a - TOLERANCE for a, b in zip(poor.probabilities, rich.probabilities, strict=True))
    assert later(rich.predicted_block) <= later(poor.predicted_block)
    assert rich.urgency_score >= poor.urgency_score - TOLERANCE


@settings(max_examples=150, deadline=None)
@given(
    queue=queues, rates=inflows, rate=feerates, extra=st.tuples(feerates, st.floats(1_000.0, 5e6)), age=ages
)
def test_more_waiting_ahead_never_means_sooner(
    queue: Pairs, rates: Pairs, rate: float, extra: tuple[float, float], age: float
) -> None:
    inflow = an_inflow(rates)
    before = forecast(waiting(rate, age_seconds=age), a_market(queue), inflow)
    after = forecast(waiting(rate, age_seconds=age), a_market([*queue, extra]), inflow)

    assert all(b <= a + TOLERANCE for a, b in zip(before.probabilities, after.probabilities, strict=True))
    assert later(after.predicted_block) >= later(before.predicted_block)


@settings(max_examples=100, deadline=None)
@given(queue=queues, rates=inflows, rate=feerates, extra=st.tuples(feerates, st.floats(0.0, 3_000.0)))
def test_more_arriving_above_never_means_sooner(
    queue: Pairs, rates: Pairs, rate: float, extra: tuple[float, float]
) -> None:
    market = a_market(queue)
    before = forecast(waiting(rate), market, an_inflow(rates))
    after = forecast(waiting(rate), market, an_inflow([*rates, extra]))

    assert all(b <= a + TOLERANCE for a, b in zip(before.probabilities, after.probabilities, strict=True))


@settings(max_examples=150, deadline=None)
@given(queue=queues, rates=inflows, rate=feerates, age=ages, seconds=watched)
def test_probabilities_rise_with_the_horizon_and_stay_within_0_and_1(
    queue: Pairs, rates: Pairs, rate: float, age: float, seconds: float
) -> None:
    made = forecast(waiting(rate, age_seconds=age), a_market(queue), an_inflow(rates, seconds))

    chances = (0.0, *made.probabilities, 1.0)
    assert all(b >= a for a, b in itertools.pairwise(chances))
    assert made.p_dropped is not None
    assert 0.0 <= made.p_dropped <= 1.0 - made.probabilities[-1] + TOLERANCE


@settings(max_examples=100, deadline=None)
@given(queue=queues, rates=inflows, rate=feerates)
def test_a_forecast_of_the_next_block_never_reads_low(queue: Pairs, rates: Pairs, rate: float) -> None:
    made = forecast(waiting(rate), a_market(queue), an_inflow(rates))

    assert made.predicted_block != made.at_height + 1 or made.urgency is not Urgency.LOW


@settings(max_examples=150, deadline=None)
@given(
    queue=queues,
    rate=feerates,
    more=st.floats(1.0, 20.0),
    extra=st.tuples(feerates, st.floats(1_000.0, 5e6)),
    seconds=watched,
    lines=learned_lines,
)
def test_whatever_was_learned_and_however_short_the_history_the_order_stays(
    *,
    queue: Pairs,
    rate: float,
    more: float,
    extra: tuple[float, float],
    seconds: float,
    lines: tuple[Line, ...],
) -> None:
    learned = replace(a_model(), recalibration=Recalibration(lines=lines, outcomes=500, fitted_at=AT))
    inflow = an_inflow([extra], seconds)
    plain = forecast(waiting(rate), a_market(queue), inflow, learned)
    rich = forecast(waiting(rate * more), a_market(queue), inflow, learned)
    behind = forecast(waiting(rate), a_market([*queue, extra]), inflow, learned)

    for worse, better in ((plain, rich), (behind, plain)):
        pairs = zip(worse.probabilities, better.probabilities, strict=True)
        assert all(b >= a - TOLERANCE for a, b in pairs)
        assert later(better.predicted_block) <= later(worse.predicted_block)
    for made in (plain, rich, behind):
        assert list(made.probabilities) == sorted(made.probabilities)
        assert made.predicted_block != made.at_height + 1 or made.urgency is not Urgency.LOW


def test_equal_fee_tiers_make_no_jump() -> None:
    smooth = [(1.0 + step / 500, 4_000.0) for step in range(2_500)]
    market = a_market(smooth, tiers=(2.0, 2.0, 2.0, 2.0, 2.0))
    inflow = an_inflow([(1.0 + step / 500, 0.6) for step in range(2_500)])
    around = [waiting(2.0 * (1.0 + step / 1_000)) for step in range(-20, 21)]

    made = forecast_many(around, market, inflow, a_model(), AT)

    chances = np.array([one.probabilities for one in made if one])
    assert np.abs(np.diff(chances, axis=0)).max() < 0.05


def test_recommended_fees_do_not_enter_a_forecast() -> None:
    queue, inflow = [(3.0, 800_000.0)], an_inflow([(4.0, 900.0)])

    assert forecast(waiting(), a_market(queue, tiers=(1, 1, 1, 1, 1)), inflow) == forecast(
        waiting(), a_market(queue, tiers=(90, 50, 20, 2, 1)), inflow
    )


def test_a_transaction_whose_fee_is_not_known_gets_no_forecast() -> None:
    made = forecast_many([waiting(None), waiting(9.0)], a_market(), an_inflow(), a_model(), AT)

    assert made[0] is None
    assert made[1] is not None


def test_one_and_many_say_the_same() -> None:
    market, inflow = a_market([(5.0, 700_000.0)]), an_inflow([(6.0, 900.0)])
    all_of_them = [waiting(rate) for rate in (0.5, 1.0, 4.9, 5.0, 5.1, 80.0)]

    many = forecast_many(all_of_them, market, inflow, a_model(), AT)

    assert many == [forecast(one, market, inflow) for one in all_of_them]


def test_the_predicted_block_is_a_height_and_its_chance_is_the_confidence() -> None:
    made = forecast(waiting(50.0), a_market([(1.0, 2e6)], height=812_000), an_inflow([(1.0, 500.0)]))

    assert made.predicted_block == 812_001
    assert made.confidence_score == pytest.approx(made.probabilities[0])
    assert made.eta_seconds == 600


def test_nothing_within_144_blocks_predicts_no_block() -> None:
    made = forecast(waiting(1.0), a_market([(50.0, 148e6)]), an_inflow([(60.0, 4_000.0)]))

    assert made.predicted_block is None
    assert made.eta_seconds is None
    assert made.confidence_score == made.probabilities[-1]


def test_a_short_history_of_arrivals_widens_the_forecast() -> None:
    market = a_market([(10.0, 500_000.0)])
    known = forecast(waiting(5.0), market, an_inflow([(10.0, 800.0)], SETTLED_SECONDS))
    hardly = forecast(waiting(5.0), market, an_inflow([(10.0, 800.0)], 600.0))

    assert not known.widened
    assert hardly.widened
    assert hardly.inflow_seconds == 600.0


def test_before_any_arrival_was_seen_a_busy_queue_is_not_taken_for_a_quiet_one() -> None:
    market = a_market([(10.0, 900_000.0)])
    blind = forecast(waiting(5.0), market, an_inflow((), 2.0))
    quiet = forecast(waiting(5.0), market, an_inflow((), 20_000.0))

    assert blind.probabilities[0] < quiet.probabilities[0] - 0.2


def test_a_fresh_transaction_may_be_missing_from_the_template() -> None:
    market, inflow = a_market([(1.0, 2e6)]), an_inflow([(2.0, 300.0)])

    assert (
        forecast(waiting(90.0, age_seconds=5.0), market, inflow).probabilities[0]
        < forecast(waiting(90.0, age_seconds=600.0), market, inflow).probabilities[0]
    )


def test_below_one_sat_some_miners_refuse() -> None:
    below = forecast(waiting(0.98), a_market(floor=0.1), an_inflow())
    above = forecast(waiting(1.02), a_market(floor=0.1), an_inflow())

    assert below.probabilities[0] < above.probabilities[0] - 0.05


def test_without_the_mempools_limit_the_chance_to_be_dropped_is_unknown() -> None:
    assert forecast(waiting(), a_market(limit_vbytes=None), an_inflow()).p_dropped is None


def test_slow_blocks_make_a_later_eta_and_no_better_chance() -> None:
    market, inflow = a_market([(10.0, 900_000.0)]), an_inflow([(10.0, 700.0)])
    usual = forecast(waiting(5.0), market, inflow)
    slow = forecast(waiting(5.0), market, inflow, replace(a_model(), pace=Pace(interval_seconds=750.0)))

    assert slow.probabilities[0] < usual.probabilities[0]
    assert slow.eta_seconds is not None
    assert usual.eta_seconds is not None
    assert slow.eta_seconds > usual.eta_seconds


def test_a_recalibration_is_applied_and_told() -> None:
    learned = Recalibration(
        lines=((-0.5, 1.0, 1.0, 1.0, 1.0, 1.0),) * len(HORIZONS), outcomes=812, fitted_at=AT
    )
    market, inflow = a_market([(10.0, 900_000.0)]), an_inflow([(10.0, 700.0)])
    made = forecast(waiting(5.0), market, inflow, replace(a_model(), recalibration=learned))

    assert made.probabilities[0] < forecast(waiting(5.0), market, inflow).probabilities[0]
    assert made.recalibration_outcomes == 812
    assert made.recalibration_age_seconds == 0.0


def test_predicted_blocks_are_read_linearly_in_the_logarithm_of_n() -> None:
    chances = np.array([[0.1, 0.2, 0.5, 0.9, 0.95, 0.97, 1.0], [0.9] * 7, [0.1] * 7])

    # 0.8 lies three quarters of the way from ln 3 to ln 6: exp(1.618) = 5.04.
    assert blocks_at(chances, 0.8).tolist() == [6, 1, 0]


def test_the_chance_of_the_predicted_block_reaches_the_share_asked_for() -> None:
    rng = np.random.default_rng(5)
    chances = np.sort(rng.random((500, len(HORIZONS))), axis=1)
    blocks = blocks_at(chances, 0.8)
    found = blocks > 0

    assert (chance_within(chances, blocks)[found] >= 0.8 - TOLERANCE).all()
    sooner = np.maximum(blocks - 1, 0)
    assert (chance_within(chances, sooner)[found & (blocks > 1)] < 0.8).all()


def a_learned(outcomes: int, *, lines: tuple[Line, ...] | None = None) -> Recalibration:
    bent = ((-0.5, 1.0, 1.0, 1.0, 1.0, 1.0),) * len(HORIZONS)
    return Recalibration(lines=lines or bent, outcomes=outcomes, fitted_at=AT - timedelta(minutes=2))


def test_outcomes_that_change_nothing_yet_are_not_named_beside_a_forecast() -> None:
    straight = a_learned(299, lines=(IDENTITY_LINE,) * len(HORIZONS))
    market, inflow = a_market([(10.0, 900_000.0)]), an_inflow([(10.0, 700.0)])
    made = forecast(waiting(5.0), market, inflow, replace(a_model(), recalibration=straight))

    assert made == forecast(waiting(5.0), market, inflow)
    assert (made.recalibration_outcomes, made.recalibration_age_seconds, made.raw) == (0, None, ())


def test_a_forecast_bears_its_figures_and_what_they_were_made_of() -> None:
    figures = ForecastFigures(
        chances=[0.1, 0.2, 0.3, 0.4, 0.5, 0.85, 0.9],
        raw=[0.2, 0.3, 0.4, 0.5, 0.6, 0.9, 0.95],
        p_dropped=0.02,
        block=20,
        confidence=0.81,
        urgency=0.74,
    )
    model = replace(a_model(), pace=Pace(interval_seconds=601.03), recalibration=a_learned(812))
    market, inflow = a_market(height=812_000), an_inflow((), 300.0)
    one = waiting(7.5)

    assert forecast_of(one, figures, market, inflow, model, AT) == Forecast(
        made_at=AT,
        at_height=Height(812_000),
        txid=one.txid,
        feerate=SatPerVb(7.5),
        probabilities=(0.1, 0.2, 0.3, 0.4, 0.5, 0.85, 0.9),
        p_dropped=0.02,
        predicted_block=Height(812_020),
        eta_seconds=12_021,
        confidence_score=0.81,
        urgency_score=0.74,
        urgency=Urgency.MEDIUM,
        inputs="bitcoind",
        widened=True,
        inflow_seconds=300.0,
        recalibration_outcomes=812,
        recalibration_age_seconds=120.0,
        raw=(0.2, 0.3, 0.4, 0.5, 0.6, 0.9, 0.95),
    )


def placed(seconds: float, ages: tuple[float, ...] = (59.0, 60.0, 61.0)) -> Standings:
    feerates = np.array([0.99, 1.0, 6.0])
    inflow = an_inflow([(5.0, 900.0), (50.0, 300.0)], seconds)
    market = a_market([(5.0, 1e6), (50.0, 4e5)])
    pace = Pace(interval_seconds=500.0, capacity_vbytes=800_000.0)
    return standings_of(feerates, np.array([200.0, 400.0, 600.0]), np.array(ages), market, inflow, pace)


def test_a_place_is_what_is_ahead_and_half_of_its_own_in_blocks() -> None:
    assert placed(7_200.0).ahead.tolist() == pytest.approx([1_400_100 / 8e5, 1_400_200 / 8e5, 400_300 / 8e5])


def test_what_is_new_and_what_some_miners_refuse_is_so_to_the_second_and_the_satoshi() -> None:
    assert placed(7_200.0).fresh.tolist() == [True, False, False]
    assert placed(7_200.0).below_one.tolist() == [True, False, False]


@pytest.mark.parametrize("seconds", [60.0, 1_799.0, 1_800.0, 7_200.0])
def test_a_short_history_is_filled_up_with_a_market_in_balance_and_a_settled_one_is_not(
    seconds: float,
) -> None:
    """An inflow that was steady all the while is the same on each window."""
    ahead = [1_400_100 / 8e5, 1_400_200 / 8e5, 400_300 / 8e5]
    seen = [rate * 500.0 / 8e5 for rate in (1_200.0, 1_200.0, 300.0)]
    weight = 1.0 if seconds >= 1_800 else seconds / (seconds + 120.0)
    expected = [
        weight * each + (1 - weight) * 0.9 * min(1.0, depth) for each, depth in zip(seen, ahead, strict=True)
    ]

    assert placed(seconds).inflow.tolist() == pytest.approx(expected)
    assert placed(seconds).widening == pytest.approx(0.56 * max(0.0, 1 - seconds / 1_800))


ROWS = np.array(
    [
        [0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 1.0],
        [0.1, 0.8, 0.9, 0.95, 0.97, 0.98, 1.0],
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8],
        [0.5, 0.9, 0.9, 0.95, 0.97, 0.98, 1.0],
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.79],
    ]
)


def test_the_first_block_that_reaches_a_share_is_counted_from_the_horizon_that_does() -> None:
    """The fourth: three quarters of the way from ln 1 to ln 2, which is the second block."""
    assert blocks_at(ROWS, 0.8).tolist() == [1, 2, 144, 2, 0]


def test_the_chance_within_a_number_of_blocks_is_read_between_the_horizons() -> None:
    at_horizons = np.array(HORIZONS)
    row = np.repeat(ROWS[3:4], len(HORIZONS), axis=0)
    between = math.log(100 / 24) / math.log(144 / 24)

    assert chance_within(row, at_horizons).tolist() == pytest.approx(ROWS[3].tolist())
    assert chance_within(ROWS[3:4], np.array([0])).tolist() == [0.0]
    assert chance_within(ROWS[3:4], np.array([100]))[0] == pytest.approx(0.98 + 0.02 * between)
