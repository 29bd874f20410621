"""The metrics on cases small enough to count by hand, and what no trick may win."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from app.core.prediction import HORIZONS
from tests.bench import __main__ as runner
from tests.bench import scoring
from tests.bench.baselines import learn_frequencies, percentile_rule, position_class, position_rule
from tests.bench.scoring import CONFIRMED, DROPPED, NEVER, PENDING, REPLACED, Outcomes, Stated


def outcomes(*pairs: tuple[int, int]) -> Outcomes:
    return Outcomes(
        fate=np.array([fate for fate, _ in pairs], dtype=np.intp),
        blocks=np.array([blocks for _, blocks in pairs], dtype=np.intp),
    )


def always(chance: float, number: int) -> Stated:
    return Stated.from_chances(np.full((number, len(HORIZONS)), chance))


def test_the_replaced_are_a_no_until_replaced_and_left_out_beyond() -> None:
    one = outcomes((REPLACED, 2))

    assert one.evaluable(2)[0]
    assert not one.came_true(2)[0]
    assert not one.evaluable(3)[0]


def test_the_dropped_are_never_left_out() -> None:
    one = outcomes((DROPPED, 1))

    assert all(one.evaluable(n)[0] and not one.came_true(n)[0] for n in HORIZONS)


def test_the_pending_are_left_out_beyond_the_blocks_observed() -> None:
    one = outcomes((PENDING, 6))

    assert one.evaluable(6)[0]
    assert not one.evaluable(12)[0]


def test_brier_is_the_mean_square_over_the_evaluable() -> None:
    some = outcomes((CONFIRMED, 1), (CONFIRMED, 5), (REPLACED, 1))

    assert scoring.brier(always(0.8, 3), some, 3) == pytest.approx((0.2**2 + 0.8**2) / 2)


def test_late_costs_four_times_what_early_costs() -> None:
    stated = Stated.from_steps(np.array([2, 2]))

    assert scoring.pinball(stated.of(np.array([True, False])), outcomes((CONFIRMED, 4))) == pytest.approx(0.8)
    assert scoring.pinball(stated.of(np.array([False, True])), outcomes((CONFIRMED, 1))) == pytest.approx(0.2)


def test_never_confirmed_counts_as_two_hundred_blocks() -> None:
    late = scoring.pinball(Stated.from_steps(np.array([1])), outcomes((DROPPED, 3)))

    assert late == pytest.approx(0.8 * math.log2(NEVER))


def test_a_calibrated_forecaster_has_no_calibration_error_and_a_boaster_has() -> None:
    rng = np.random.default_rng(2)
    chances = np.repeat(rng.random((20_000, 1)), len(HORIZONS), axis=1)
    true = np.where(rng.random(20_000) < chances[:, 0], 1, 100)
    some = Outcomes(fate=np.full(20_000, CONFIRMED), blocks=true)

    assert scoring.calibration_error(Stated.from_chances(chances), some, 1) < 1.5
    assert scoring.calibration_error(Stated.from_chances(chances**0.5), some, 1) > 10


def test_randomised_pit_of_a_true_distribution_covers_four_fifths() -> None:
    rng = np.random.default_rng(2)
    number = 20_000
    chances = np.tile(np.array([0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0]), (number, 1))
    u = rng.random(number)
    within = np.array([scoring.chance_within(chances[:1], np.array([n]))[0] for n in range(1, 145)])
    blocks = 1 + np.searchsorted(within, u)
    inside, below, above = scoring.pit_shares(
        Stated.from_chances(chances), Outcomes(fate=np.full(number, CONFIRMED), blocks=blocks)
    )

    assert inside == pytest.approx(80.0, abs=1.5)
    assert below == pytest.approx(10.0, abs=1.5)
    assert above == pytest.approx(10.0, abs=1.5)


def test_on_time_leaves_out_who_was_replaced_before_the_predicted_block() -> None:
    stated = Stated.from_chances(np.tile([0.1, 0.1, 0.9, 0.9, 0.9, 0.9, 0.9], (3, 1)))
    kept, _ = scoring.on_time(stated, outcomes((CONFIRMED, 2), (REPLACED, 1), (REPLACED, 9)))

    assert kept == pytest.approx(50.0)


def test_next_block_counts_precision_recall_and_accuracy() -> None:
    chances = np.array([[0.9] * 7, [0.9] * 7, [0.6] * 7, [0.1] * 7])
    some = outcomes((CONFIRMED, 1), (CONFIRMED, 2), (CONFIRMED, 1), (CONFIRMED, 3))

    assert scoring.next_block(Stated.from_chances(chances), some) == (50.0, 50.0, 75.0)


def test_the_percentile_rule_takes_the_third_and_fourth_tier() -> None:
    tiers = np.tile([10.0, 8.0, 5.0, 2.0, 1.0], (3, 1))

    assert percentile_rule(np.array([8.0, 5.0, 4.0]), tiers).predicted.tolist() == [1, 3, 6]


def test_position_classes_are_ten() -> None:
    index = np.array([1, 2, 3, 4, 5, 6, 7, 9, 10, 13, 14, 25, 26, 50, 51, 400])

    assert position_class(index).tolist() == [0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]


def test_frequencies_are_those_observed() -> None:
    some = outcomes((CONFIRMED, 1), (CONFIRMED, 2), (DROPPED, 1), (CONFIRMED, 3))
    learned = learn_frequencies(np.zeros(4, dtype=np.intp), some, number=1)

    assert learned.stated(np.zeros(1, dtype=np.intp)).chances[0, :4].tolist() == [0.25, 0.5, 0.75, 0.75]


def test_saying_144_is_always_on_time_and_loses_by_pinball_and_rps() -> None:
    rng = np.random.default_rng(2)
    index = rng.integers(1, 4, 2_000)
    some = Outcomes(fate=np.full(2_000, CONFIRMED), blocks=index + rng.integers(0, 2, 2_000))
    lazy = Stated.from_steps(np.full(2_000, 144))

    assert scoring.on_time(lazy, some)[0] == 100.0
    assert scoring.pinball(lazy, some) > 3 * scoring.pinball(position_rule(index), some)
    assert scoring.rps(lazy, some) > scoring.rps(position_rule(index), some)


def test_the_runner_prints_and_writes_what_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    code = runner.main(["forecast.cost"])

    written = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert {row["name"] for row in written} >= {"forecast.cost.single", "forecast.cost.each_of_1000"}
    assert set(written[0]) == {"name", "value", "unit", "bar", "holds"}
    assert code == int(any(row["holds"] is False for row in written))
    assert "forecast.cost.single" in capsys.readouterr().out


def test_the_runner_knows_no_other_bench() -> None:
    assert runner.main(["nonsense"]) == 2
