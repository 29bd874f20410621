"""The figures equal those that a slow and obvious computation finds, on whatever happened."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.prediction import HORIZONS, Outcome
from app.core.scoring import (
    BINS,
    BRIER_HORIZONS,
    CalibrationBin,
    Fate,
    Figures,
    ForecastOutcome,
    HorizonSums,
    LeadTimes,
    Sums,
    calibration_of,
    figures_of,
    forecast_outcomes,
    quantile,
    sums_of,
    whale_outcome,
    wilson,
)
from app.core.scoring.figures import blocks_seen, came_true, is_evaluable
from app.core.units import Height
from tests.core.scoring import naive
from tests.core.scoring.lives import TIP, lives, many


def worked_out(history: list[naive.Life]) -> Figures:
    whales = many(history)
    forecasts = [one for whale in whales for one in forecast_outcomes(whale)]
    ended = [one for whale in whales if (one := whale_outcome(whale)) is not None]
    leads = sorted(one.lead_time_seconds for one in ended if one.lead_time_seconds is not None)
    lead_times = LeadTimes(p10=quantile(leads, 0.1), p50=quantile(leads, 0.5), p90=quantile(leads, 0.9))
    return figures_of(sums_of(forecasts, ended, Height(TIP)), lead_times)


def about(expected: Any, rounding: float) -> Any:
    """What equals it to rounding, within dicts and tuples too; None is None."""
    if isinstance(expected, dict):
        return {name: about(one, rounding) for name, one in expected.items()}
    if isinstance(expected, tuple):
        return tuple(about(one, rounding) for one in expected)
    return None if expected is None else pytest.approx(expected, rel=rounding)


def check_equal(
    figures: Figures, history: list[naive.Life], tip: int = TIP, *, rounding: float = 1e-6
) -> None:
    """Every figure, to rounding."""
    expected = naive.figures(history, tip)
    for name in ("n", "on_time", "late", "dropped", "replaced", "censored", "excused", "baseline_n"):
        assert getattr(figures, name) == expected[name], name
    for name in ("flow_judged", "flow_right", "false_positives", "false_negatives"):
        assert getattr(figures, name) == expected[name], name
    for name in (
        "hit_rate",
        "baseline_hit_rate",
        "skill_to_baseline",
        "skill_to_base_rate",
        "replaced_share",
        "false_positive_rate",
        "false_negative_rate",
    ):
        assert getattr(figures, name) == about(expected[name], rounding), name
    assert dict(figures.brier) == about(expected["brier"], rounding)
    assert dict(figures.baseline_brier) == about(expected["baseline_brier"], rounding)
    assert (figures.hit_rate_low, figures.hit_rate_high) == about(expected["interval"], rounding)
    leads = figures.lead_times
    assert (leads.p10, leads.p50, leads.p90) == about(expected["leads"], rounding)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.lists(lives(), max_size=70))
def test_they_equal_the_obvious_computation(history: list[naive.Life]) -> None:
    check_equal(worked_out(history), history)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_where_the_share_is_just_possible(counted: tuple[int, int]) -> None:
    hits, n = counted

    assert wilson(hits, n) == pytest.approx(naive.interval(hits, n), abs=1e-6)


def test_of_none_every_share_is_possible() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_below_twenty_there_is_a_count_and_no_rate() -> None:
    on_time = naive.Version(
        seen_height=0, forecast_at=0, predicted=1, p=dict.fromkeys((1, 2, 3, 6, 12, 24, 144), 0.9)
    )
    life = naive.Life(versions=[on_time], end="confirmed", confirmed_height=1, lead=600.0)
    few, enough = worked_out([life] * 19), worked_out([life] * 20)

    assert (few.n, few.hit_rate) == (19, None)
    assert (enough.n, enough.hit_rate) == (20, 1.0)


def test_each_horizon_has_all_its_bins_and_one_that_nobody_stated_has_no_share() -> None:
    found = calibration_of([(6, 9, 4, 3.8, 3.0), (1, 0, 2, 0.1, 0.0)])

    assert list(found) == [str(horizon) for horizon in HORIZONS]
    assert [len(bins) for bins in found.values()] == [BINS] * len(HORIZONS)
    assert found["6"][9] == CalibrationBin(low=0.9, high=1.0, n=4, stated=0.95, seen=0.75)
    assert found["1"][0] == CalibrationBin(low=0.0, high=0.1, n=2, stated=0.05, seen=0.0)
    assert {(one.n, one.stated, one.seen) for one in found["144"]} == {(0, None, None)}


def test_of_nothing_there_is_no_quantile() -> None:
    assert [quantile(values, 0.5) for values in ([], [3.0], [1.0, 2.0])] == [None, 3.0, 1.5]


def a_sum(count: int, **more: float) -> Sums:
    """So many at each horizon, and of these so much each."""
    return Sums(horizons={n: HorizonSums(count=count, compared=count, **more) for n in BRIER_HORIZONS})


NO_LEADS = LeadTimes()


def test_each_figure_is_the_rate_of_its_own_counts() -> None:
    sums = replace(
        a_sum(40, seen=10.0, squares=6.0, compared_squares=4.0, baseline_squares=8.0),
        on_time=20,
        late=15,
        dropped=5,
        replaced=10,
        censored=3,
        baseline_n=50,
        baseline_on_time=30,
        excused=2,
        ended=25,
        confirmed=80,
        flow_judged=16,
        flow_right=12,
        false_positives=5,
        false_negatives=4,
    )
    low, high = wilson(20, 40)
    skill: Any = pytest.approx(1 - 6.0 / (10.0 * (1 - 10 / 40)))

    assert figures_of(sums, NO_LEADS) == Figures(
        n=40,
        on_time=20,
        late=15,
        dropped=5,
        replaced=10,
        censored=3,
        excused=2,
        hit_rate=0.5,
        hit_rate_low=low,
        hit_rate_high=high,
        baseline_n=50,
        baseline_hit_rate=0.6,
        brier=dict.fromkeys(("1", "3", "6", "12"), 0.15),
        baseline_brier=dict.fromkeys(("1", "3", "6", "12"), 0.2),
        skill_to_baseline=0.5,
        skill_to_base_rate=skill,
        lead_times=NO_LEADS,
        replaced_share=0.2,
        flow_judged=16,
        flow_right=12,
        false_positives=5,
        false_positive_rate=0.2,
        false_negatives=4,
        false_negative_rate=0.05,
    )


@pytest.mark.parametrize(("number", "known"), [(19, False), (20, True)])
def test_twenty_are_enough_for_each_rate(number: int, *, known: bool) -> None:
    sums = replace(
        a_sum(number, seen=5.0, squares=0.5, compared_squares=0.5, baseline_squares=0.75),
        on_time=number,
        baseline_n=number,
        ended=number,
        confirmed=number,
    )
    figures = figures_of(sums, NO_LEADS)
    rates = (
        figures.hit_rate,
        figures.hit_rate_low,
        figures.hit_rate_high,
        figures.baseline_hit_rate,
        figures.skill_to_baseline,
        figures.skill_to_base_rate,
        figures.replaced_share,
        figures.false_positive_rate,
        figures.false_negative_rate,
        *figures.brier.values(),
        *figures.baseline_brier.values(),
    )

    assert [rate is not None for rate in rates] == [known] * len(rates)


def test_without_any_forecast_there_is_no_skill_and_a_reference_that_is_never_wrong_has_none_to_beat() -> (
    None
):
    never_wrong = a_sum(30, seen=30.0, squares=1.0, compared_squares=1.0, baseline_squares=0.0)
    figures = figures_of(never_wrong, NO_LEADS)

    assert (figures.skill_to_baseline, figures.skill_to_base_rate) == (None, None)
    assert figures_of(Sums(), NO_LEADS).skill_to_base_rate is None


def test_a_bin_of_which_nothing_is_known_has_neither_stated_nor_seen() -> None:
    (empty, *_), *_ = calibration_of([]).values()

    assert empty == CalibrationBin(low=0.0, high=0.1, n=0, stated=None, seen=None)


def test_a_share_of_all_of_one_is_no_more_than_one() -> None:
    assert all(0.0 <= low <= high <= 1.0 for low, high in (wilson(n, n) for n in range(1, 300)))
    assert all(0.0 <= low <= high <= 1.0 for low, high in (wilson(0, n) for n in range(1, 300)))


def a_forecast(fate: Fate = Fate.PENDING, **changes: Any) -> ForecastOutcome:
    (outcome,) = forecast_outcomes(
        many([naive.Life(versions=[naive.Version(seen_height=10, forecast_at=10, predicted=11, p=STATED)])])[
            0
        ]
    )
    return replace(outcome, fate=fate, **changes)


STATED = dict(zip(HORIZONS, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0), strict=True))


@pytest.mark.parametrize(("tip", "seen"), [(None, 0), (9, 0), (10, 0), (11, 1), (14, 4)])
def test_of_what_waits_the_blocks_since_it_was_forecast_are_seen(tip: int | None, seen: int) -> None:
    height = None if tip is None else Height(tip)

    assert blocks_seen(a_forecast(), height) == seen
    assert [n for n in (1, 2, 3, 4, 5) if is_evaluable(a_forecast(), n, height)] == list(range(1, seen + 1))


def test_of_what_has_ended_its_own_blocks_are_seen_whatever_the_tip() -> None:
    assert blocks_seen(a_forecast(Fate.REPLACED, blocks=2), Height(99)) == 2
    assert came_true(a_forecast(Fate.CONFIRMED, blocks=2), 2)
    assert not came_true(a_forecast(Fate.CONFIRMED, blocks=3), 2)
    assert not came_true(a_forecast(Fate.DROPPED, blocks=0), 144)


def test_a_confirmed_forecast_is_one_at_each_horizon_beside_the_baseline() -> None:
    outcome = a_forecast(Fate.CONFIRMED, blocks=2, result=Outcome.LATE, projected_block=3)
    sums = sums_of([outcome], [], None)

    assert (sums.late, sums.baseline_n, sums.baseline_on_time) == (1, 1, 1)
    assert sums.horizons == {
        1: HorizonSums(count=1, seen=0.0, squares=0.1**2, compared=1, compared_squares=0.1**2),
        3: HorizonSums(
            count=1, seen=1.0, squares=(1 - 0.3) ** 2, compared=1, compared_squares=(1 - 0.3) ** 2
        ),
        6: HorizonSums(
            count=1, seen=1.0, squares=(1 - 0.4) ** 2, compared=1, compared_squares=(1 - 0.4) ** 2
        ),
        12: HorizonSums(count=1, seen=1.0, squares=0.5**2, compared=1, compared_squares=0.5**2),
    }


def test_where_the_baseline_was_wrong_its_squares_say_so() -> None:
    sums = sums_of([a_forecast(Fate.CONFIRMED, blocks=5, projected_block=1)], [], None)

    assert [sums.horizons[n].baseline_squares for n in BRIER_HORIZONS] == [1.0, 1.0, 0.0, 0.0]


def test_a_whale_is_counted_by_what_it_was() -> None:
    life = naive.Life(
        versions=[naive.Version(seen_height=10, forecast_at=10, predicted=11, p=STATED)],
        end="confirmed",
        confirmed_height=11,
    )
    whale = whale_outcome(many([life])[0])
    assert whale is not None
    given = [whale, replace(whale, confirmed=False, flow_right=None), replace(whale, announced=False)]

    assert sums_of([], given, None) == Sums(
        excused=3 * whale.excused,
        ended=2,
        confirmed=2,
        flow_judged=2,
        flow_right=2,
        false_positives=1,
        false_negatives=0 if whale.excused else 1,
    )


def test_a_reference_that_is_hardly_ever_wrong_can_be_beaten_all_the_same() -> None:
    figures = figures_of(a_sum(30, seen=30.0, compared_squares=0.05, baseline_squares=0.1), NO_LEADS)

    assert figures.skill_to_baseline == pytest.approx(0.5)
