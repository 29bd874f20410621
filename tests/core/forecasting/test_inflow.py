"""How fast vbytes arrive above a feerate."""

import numpy as np
import pytest

from app.core.forecasting.feerates import by_bucket
from app.core.forecasting.inflow import Inflow, arrivals_between, no_inflow_seen
from app.core.forecasting.market import QueueSource
from tests.core.fee_markets import queue_of_transactions


def steady(rate: float, feerate: float, steps: int, seconds: float = 2.0) -> Inflow:
    inflow = no_inflow_seen()
    for _ in range(steps):
        inflow = inflow.observed(by_bucket([feerate], [rate * seconds]), seconds)
    return inflow


def above(inflow: Inflow, feerate: float) -> tuple[float, float, float]:
    rates = inflow.above(np.array([feerate]))
    return float(rates.short[0]), float(rates.middle[0]), float(rates.long[0])


@pytest.mark.parametrize("steps", [5, 300, 3_000])
def test_a_steady_inflow_reads_the_same_however_short_the_history(steps: int) -> None:
    assert above(steady(700.0, 9.0, steps), 5.0) == pytest.approx((700.0, 700.0, 700.0))


def test_what_pays_less_is_not_above() -> None:
    assert above(steady(700.0, 3.0, 10), 5.0) == (0.0, 0.0, 0.0)


def test_what_pays_the_same_counts_half() -> None:
    assert above(steady(700.0, 5.0, 10), 5.0) == pytest.approx((350.0, 350.0, 350.0))


def test_the_short_window_answers_first() -> None:
    inflow = steady(1_000.0, 9.0, 600, seconds=60.0)
    for _ in range(10):
        inflow = inflow.observed(by_bucket([], []), 60.0)
    short, middle, long = above(inflow, 5.0)

    assert short == pytest.approx(1_000.0 * np.exp(-1.0), rel=0.01)
    assert short < middle < long < 1_000.0


def test_nothing_watched_is_nothing_known() -> None:
    assert above(no_inflow_seen(), 5.0) == (0.0, 0.0, 0.0)
    assert no_inflow_seen().observed_seconds == 0.0


def test_a_gap_keeps_the_estimate_and_takes_its_weight() -> None:
    before = steady(700.0, 9.0, 1_000)
    after = before.unobserved(1_800.0)

    assert above(after, 5.0) == pytest.approx(above(before, 5.0))
    assert after.observed_seconds < before.observed_seconds / 10


def test_arrivals_are_found_between_two_pictures() -> None:
    before = queue_of_transactions([(5.0, 1_000.0), (20.0, 500.0)], QueueSource.BITCOIND)
    after = queue_of_transactions([(5.0, 1_300.0), (9.0, 200.0), (20.0, 500.0)], QueueSource.BITCOIND)

    arrived = arrivals_between(before, after)

    assert arrived == pytest.approx(by_bucket([5.0, 9.0], [300.0, 200.0]))


def test_a_block_between_two_pictures_hides_nothing_that_came() -> None:
    before = queue_of_transactions([(5.0, 1_000.0), (20.0, 500.0)], QueueSource.BITCOIND)
    after = queue_of_transactions([(5.0, 900.0), (30.0, 70.0)], QueueSource.BITCOIND)

    arrived = arrivals_between(before, after, mined_vbytes=600.0)

    assert arrived.sum() == pytest.approx(70.0)


def test_departures_are_never_negative_arrivals() -> None:
    before = queue_of_transactions([(5.0, 1_000.0)], QueueSource.BITCOIND)
    after = queue_of_transactions([(5.0, 100.0)], QueueSource.BITCOIND)

    assert arrivals_between(before, after).min() == 0.0
