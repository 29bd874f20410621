"""The market's figures and fee spikes."""

from datetime import timedelta

import pytest

from app.core.forecasting.marketfigures import SpikeWatch, has_moved, urgency_metrics
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
