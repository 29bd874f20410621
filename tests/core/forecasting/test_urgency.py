"""Urgency, congestion, percentiles."""

import numpy as np
import pytest

from app.core.forecasting.feerates import bucket_of, feerate_of_bucket
from app.core.forecasting.pace import USUAL_CAPACITY_VBYTES
from app.core.forecasting.urgency import (
    HIGH_FROM,
    MEDIUM_FROM,
    Congestion,
    congestion_of,
    feerate_percentiles,
    urgency_of,
    urgency_scores,
)
from app.core.prediction import Urgency
from tests.core.fee_markets import a_market

SURE = np.ones((1, 7))
HOPELESS = np.zeros((1, 7))


def score(chances: np.ndarray, feerate: float, pairs: list[tuple[float, float]]) -> float:
    return float(urgency_scores(chances, np.array([feerate]), a_market(pairs).queue)[0])


def test_a_sure_thing_at_the_top_of_the_queue_scores_one() -> None:
    assert score(SURE, 50.0, [(1.0, 1e6)]) == pytest.approx(1.0)


def test_no_chance_at_the_bottom_of_the_queue_scores_nothing() -> None:
    assert score(HOPELESS, 1.0, [(50.0, 1e6)]) == 0.0


def test_in_an_empty_mempool_nobody_is_behind() -> None:
    assert score(SURE, 1.0, []) == 1.0


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (0.0, Urgency.LOW),
        (MEDIUM_FROM - 1e-9, Urgency.LOW),
        (MEDIUM_FROM, Urgency.MEDIUM),
        (HIGH_FROM - 1e-9, Urgency.MEDIUM),
        (HIGH_FROM, Urgency.HIGH),
        (1.0, Urgency.HIGH),
    ],
)
def test_the_cut_offs_are_as_stated(value: float, word: Urgency) -> None:
    assert urgency_of(value) is word


def test_percentiles_are_weighted_by_size() -> None:
    found = feerate_percentiles(a_market([(2.0, 800_000.0), (40.0, 200_000.0)]).queue)

    assert found is not None
    assert found[75] == pytest.approx(2.0, rel=0.01)
    assert found[90] == pytest.approx(40.0, rel=0.01)


def test_an_empty_queue_has_no_percentiles() -> None:
    assert feerate_percentiles(a_market().queue) is None


@pytest.mark.parametrize(
    ("blocks", "word"),
    [
        (0.5, Congestion.LOW),
        (2.0, Congestion.MEDIUM),
        (8.0, Congestion.HIGH),
        (30.0, Congestion.EXTREME),
    ],
)
def test_congestion_counts_blocks_that_pay_twice_the_floor(blocks: float, word: Congestion) -> None:
    market = a_market([(3.0, blocks * USUAL_CAPACITY_VBYTES)])

    assert congestion_of(market, USUAL_CAPACITY_VBYTES) is word


def test_what_waits_at_the_floor_congests_nobody() -> None:
    assert congestion_of(a_market([(1.0, 140e6)]), USUAL_CAPACITY_VBYTES) is Congestion.LOW


def test_a_lower_floor_moves_the_measure() -> None:
    market = a_market([(0.5, 6e6)], floor=0.1)

    assert congestion_of(market, USUAL_CAPACITY_VBYTES) is Congestion.HIGH


@pytest.mark.parametrize(
    ("vbytes", "word"),
    [
        (999_999.0, Congestion.LOW),
        (1e6, Congestion.MEDIUM),
        (3_999_999.0, Congestion.MEDIUM),
        (4e6, Congestion.HIGH),
        (11_999_999.0, Congestion.HIGH),
        (12e6, Congestion.EXTREME),
    ],
)
def test_each_degree_of_congestion_begins_at_whole_blocks(vbytes: float, word: Congestion) -> None:
    assert congestion_of(a_market([(3.0, vbytes)]), 1e6) is word


def test_an_unknown_floor_is_one_sat_and_twice_the_floor_itself_counts() -> None:
    twice = feerate_of_bucket(400)
    waits = [(float(twice), 2e6)]

    assert congestion_of(a_market([(2.5, 2e6)], floor=None), 1e6) is Congestion.MEDIUM
    assert congestion_of(a_market([(1.5, 2e6)], floor=None), 1e6) is Congestion.LOW
    assert congestion_of(a_market(waits, floor=float(twice) / 2), 1e6) is Congestion.MEDIUM


def test_the_percentiles_are_those_five_and_each_is_the_feerate_that_its_share_does_not_exceed() -> None:
    bounds = (10, 25, 50, 75, 90)
    exactly = [(10.0 * (1 + index), share * 1_000.0) for index, share in enumerate((10, 15, 25, 25, 15, 10))]
    found = feerate_percentiles(a_market(exactly).queue)

    assert found == {
        percent: float(feerate_of_bucket(bucket_of(10.0 * (1 + index))))
        for index, percent in enumerate(bounds)
    }


def test_the_rank_is_the_share_that_is_behind_and_a_quarter_of_the_score() -> None:
    queue = [(1.0, 0.3), (9.0, 0.1)]  # less than a vbyte in all: a share all the same

    assert score(HOPELESS, 5.0, queue) == pytest.approx(0.25 * 0.75)
    assert score(HOPELESS, 9.0, queue) == pytest.approx(0.25 * (0.75 + 0.25 / 2))


def test_the_speed_is_the_mean_chance_of_one_three_and_six_blocks() -> None:
    chances = np.array([[0.1, 0.2, 0.4, 0.7, 0.8, 0.9, 1.0]])

    assert score(chances, 1.0, [(50.0, 1e6)]) == pytest.approx(0.75 * (0.1 + 0.4 + 0.7) / 3)


def test_a_share_that_ends_just_before_a_percentile_leaves_it_to_the_next_feerate() -> None:
    sizes = (9.95, 15.0, 25.0, 25.0, 15.0, 10.05)
    found = feerate_percentiles(
        a_market([(10.0 * (1 + index), size) for index, size in enumerate(sizes)]).queue
    )

    assert found == {
        percent: float(feerate_of_bucket(bucket_of(10.0 * (2 + index))))
        for index, percent in enumerate((10, 25, 50, 75, 90))
    }
