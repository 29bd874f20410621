"""Urgency, congestion, percentiles."""

import numpy as np
import pytest

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
