"""The market's figures and fee spikes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.forecasting.feerates import bucket_of, feerate_of_bucket
from app.core.forecasting.marketfigures import SpikeWatch, UrgencyMetrics, has_moved, urgency_metrics
from app.core.forecasting.recalibration import Recalibration
from app.core.forecasting.urgency import Congestion
from app.core.prediction import HORIZONS
from tests.core.fee_markets import AT, a_market, a_model, an_inflow

MINUTE = timedelta(minutes=1)


def watched(*medians: float | None, every: timedelta = MINUTE) -> SpikeWatch:
    watch = SpikeWatch()
    for step, median in enumerate(medians):
        watch = watch.observed(AT + step * every, median)
    return watch


def test_five_times_the_median_of_ten_minutes_ago_is_no_spike_yet() -> None:
    assert not watched(2.0, *[5.0] * 9, 10.0).is_spike(AT + 10 * MINUTE)


def test_more_than_five_times_is_a_spike() -> None:
    assert watched(2.0, *[5.0] * 9, 10.1).is_spike(AT + 10 * MINUTE)


def test_a_spike_ends_when_the_old_median_has_caught_up() -> None:
    assert not watched(2.0, *[50.0] * 20).is_spike(AT + 20 * MINUTE)


@pytest.mark.parametrize("unknown", [None, 0.0])
def test_no_spike_while_either_median_is_zero_or_unknown(unknown: float | None) -> None:
    assert not watched(unknown, *[5.0] * 9, 90.0).is_spike(AT + 10 * MINUTE)
    assert not watched(2.0, *[5.0] * 9, unknown).is_spike(AT + 10 * MINUTE)


def test_no_spike_before_ten_minutes_were_watched() -> None:
    assert not watched(2.0, 90.0).is_spike(AT + MINUTE)


def test_a_median_from_long_ago_proves_nothing() -> None:
    watch = SpikeWatch().observed(AT, 2.0).observed(AT + 60 * MINUTE, 90.0)

    assert not watch.is_spike(AT + 60 * MINUTE)


def test_the_watch_forgets_what_it_no_longer_needs() -> None:
    assert len(watched(*[3.0] * 200).medians) <= 21


def test_blocks_to_confirm_do_not_fall_with_the_tier() -> None:
    market = a_market([(4.0, 3e6), (2.0, 9e6)], tiers=(5.0, 4.0, 3.0, 2.0, 1.0))
    figures = urgency_metrics(market, an_inflow([(4.0, 900.0)]), a_model(), fee_spike=False, at=AT)

    assert figures.blocks_to_confirm is not None
    blocks = [block or 10**9 for block in figures.blocks_to_confirm.values()]
    assert blocks == sorted(blocks)
    assert list(figures.blocks_to_confirm) == ["fastest", "half_hour", "hour", "economy", "minimum"]


def test_what_was_not_told_is_unknown() -> None:
    figures = urgency_metrics(a_market(), an_inflow(), a_model(), fee_spike=False, at=AT)

    assert figures.percentiles is None
    assert figures.blocks_to_confirm is None
    assert figures.mempool_vbytes is None


STILL = [(5.0, 1e6)]


@pytest.mark.parametrize("pairs", [STILL, [(5.0, 1.05e6)]])
def test_a_little_more_waiting_calls_for_no_new_forecasts(pairs: list[tuple[float, float]]) -> None:
    assert not has_moved(a_market(STILL), a_market(pairs))


def test_a_block_calls_for_new_forecasts() -> None:
    assert has_moved(a_market(STILL), a_market(STILL, height=900_001))


def test_a_shift_of_the_queue_calls_for_new_forecasts() -> None:
    assert has_moved(a_market(STILL), a_market([*STILL, (9.0, 300_000.0)]))


def test_the_figures_of_a_market_are_these_and_no_others() -> None:
    learned = Recalibration(
        lines=((-0.5, 1.0, 1.0, 1.0, 1.0, 1.0),) * len(HORIZONS), outcomes=812, fitted_at=AT - 90 * MINUTE
    )
    market = replace(a_market([(4.0, 3e6)], height=812_000), mempool_vbytes=7e6)
    model = replace(a_model(), recalibration=learned)

    assert urgency_metrics(market, an_inflow(), model, fee_spike=True, at=AT) == UrgencyMetrics(
        block_height=812_000,
        percentiles=dict.fromkeys((10, 25, 50, 75, 90), float(feerate_of_bucket(bucket_of(4.0)))),
        blocks_to_confirm=None,
        mempool_vbytes=7e6,
        congestion=Congestion.MEDIUM,
        fee_spike=True,
        source="bitcoind",
        updated_at=AT,
        recalibration_outcomes=812,
        recalibration_age_seconds=5_400.0,
        recalibrated=True,
    )


def test_before_anything_was_learned_the_figures_say_so() -> None:
    figures = urgency_metrics(a_market(), an_inflow(), a_model(), fee_spike=False, at=AT)

    assert (figures.recalibration_outcomes, figures.recalibration_age_seconds) == (0, None)
    assert not figures.recalibrated


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        (500_000.0, 600_000.0, False),  # a tenth of a block
        (500_000.0, 600_001.0, True),
        (600_001.0, 500_000.0, True),
        (1_800_000.0, 2_000_000.0, False),  # a tenth of itself, and more than one of a block
        (1_799_990.0, 2_000_000.0, True),
        (5_000.0, 9_000.0, False),  # most of itself, and little of a block
        (0.0, 50.0, False),
    ],
)
def test_a_shift_counts_from_more_than_a_tenth_of_a_block_and_of_itself(
    before: float, after: float, *, moved: bool
) -> None:
    """All of it pays more than anything asks for: whole amounts are ahead of every lower feerate."""
    assert has_moved(a_market([(9.0, before)]), a_market([(9.0, after)])) is moved


def test_a_reading_is_remembered_for_twice_the_time_it_is_looked_back() -> None:
    watch = SpikeWatch().observed(AT, 2.0).observed(AT + MINUTE, 3.0).observed(AT + 20 * MINUTE, 4.0)
    later = watch.observed(AT + 20 * MINUTE + timedelta(seconds=1), 5.0)

    assert [median for _, median in watch.medians] == [2.0, 3.0, 4.0]
    assert [median for _, median in later.medians] == [3.0, 4.0, 5.0]


@pytest.mark.parametrize(("old", "spikes"), [(10.0, True), (10.5, False)])
def test_a_median_older_than_ten_minutes_before_is_too_old(old: float, *, spikes: bool) -> None:
    watch = SpikeWatch().observed(AT - old * MINUTE, 2.0).observed(AT + 10 * MINUTE, 90.0)

    assert watch.is_spike(AT + 10 * MINUTE) is spikes


def test_a_median_of_now_may_be_as_old_too() -> None:
    watch = SpikeWatch().observed(AT, 2.0).observed(AT + 10 * MINUTE, 90.0)

    assert [watch.is_spike(AT + minutes * MINUTE) for minutes in (10, 19.9, 20.1)] == [True, True, False]


@pytest.mark.parametrize(("minutes", "spikes"), [(19, True), (20, True), (21, False)])
def test_what_fees_were_is_too_old_to_compare_with_though_those_of_now_are_not(
    minutes: float, *, spikes: bool
) -> None:
    watch = SpikeWatch().observed(AT, 2.0).observed(AT + 15 * MINUTE, 90.0)

    assert watch.is_spike(AT + minutes * MINUTE) is spikes
