"""What the forecaster learns from: the first forecast of each transaction, and what became of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.classification import Flag
from app.core.prediction import HORIZONS, Prediction
from app.core.scoring import Fate, ScoredForecast, headline_outcomes
from app.core.units import Height
from tests.core.scoring.lives import lived
from tests.core.scoring.naive import Life, Version

CHANCES = (0.5, 0.6, 0.8, 0.9, 0.95, 0.99, 1.0)


def a_version(seen: int = 10, **more: object) -> Version:
    """First seen at that height and forecast there."""
    chances = dict(zip(HORIZONS, CHANCES, strict=True))
    return Version(**{"seen_height": seen, "forecast_at": seen, "predicted": seen + 1, "p": chances, **more})


def outcomes(life: Life, tip: int | None = 14) -> list[tuple[Fate, int]]:
    return found(lived(life, 1), tip)


def found(whale: Prediction, tip: int | None = 14) -> list[tuple[Fate, int]]:
    """The fate of each forecast, and after how many blocks."""
    height = None if tip is None else Height(tip)
    return [(one.fate, one.blocks) for one in headline_outcomes(whale, height)]


def test_of_a_confirmed_whale_the_blocks_until_then_are_learned() -> None:
    assert outcomes(Life([a_version()], end="confirmed", confirmed_height=13)) == [(Fate.CONFIRMED, 3)]


def test_a_block_of_no_later_height_counts_as_the_next_one() -> None:
    """A reorg put it in a block that is no higher than the tip that the forecast knew."""
    whale = lived(Life([a_version()], end="confirmed", confirmed_height=11), 1)

    assert found(replace(whale, confirmed_height=Height(9))) == [(Fate.CONFIRMED, 1)]


def test_of_a_dropped_whale_is_learned_that_it_never_came() -> None:
    assert outcomes(Life([a_version()], end="dropped")) == [(Fate.DROPPED, 0)]


def test_a_whale_that_waits_says_how_many_blocks_came_without_it() -> None:
    assert outcomes(Life([a_version()]), tip=14) == [(Fate.PENDING, 4)]


@pytest.mark.parametrize("tip", [None, 10, 9])
def test_a_whale_that_no_block_has_passed_yet_says_nothing(tip: int | None) -> None:
    assert outcomes(Life([a_version()]), tip=tip) == []


def test_a_replaced_version_says_how_many_blocks_came_without_it_and_its_replacement_how_it_ended() -> None:
    versions = [a_version(10, replaced_height=12), a_version(12)]

    assert outcomes(Life(versions, end="confirmed", confirmed_height=13)) == [
        (Fate.REPLACED, 2),
        (Fate.CONFIRMED, 1),
    ]


def test_a_version_that_was_replaced_before_the_next_block_says_nothing() -> None:
    versions = [a_version(10, replaced_height=10), a_version(10)]

    assert outcomes(Life(versions, end="confirmed", confirmed_height=12)) == [(Fate.CONFIRMED, 2)]


def test_a_version_whose_replacement_was_never_forecast_says_nothing() -> None:
    versions = [a_version(10, replaced_height=12), a_version(12, forecast_at=None)]

    assert outcomes(Life(versions, end="confirmed", confirmed_height=13)) == []


def test_a_whale_that_gave_way_to_another_says_how_far_its_forecasts_reached() -> None:
    whale = lived(Life([a_version(10, replaced_height=14)], end="replaced"), 1)
    revised = replace(whale.forecasts[-1], at_height=Height(13))

    assert found(whale) == []
    assert found(replace(whale, forecasts=(*whale.forecasts, revised))) == [(Fate.REPLACED, 3)]


@pytest.mark.parametrize("left_out", [{"demo": True}, {"unverified": True}])
def test_nothing_is_learned_from_the_demo_or_from_what_nobody_could_verify(left_out: dict[str, bool]) -> None:
    assert outcomes(Life([a_version()], **left_out)) == []


def test_a_forecast_that_was_made_a_minute_late_teaches_nothing() -> None:
    assert outcomes(Life([a_version(late_forecast=True)], end="confirmed", confirmed_height=13)) == []


def test_a_whale_that_was_seen_late_teaches_nothing_until_it_is_replaced() -> None:
    """How long it had waited is not known; of its replacement it is."""
    versions = [a_version(10, replaced_height=12), a_version(12)]
    whale = lived(Life(versions, end="confirmed", confirmed_height=13), 1)

    assert found(replace(whale, flags=whale.flags | {Flag.LATE_SEEN})) == [(Fate.CONFIRMED, 1)]


def test_what_is_learned_is_the_opening_forecast_as_it_was_before_recalibration() -> None:
    whale = lived(Life([a_version()], end="confirmed", confirmed_height=13), 1)
    opening, *later = whale.forecasts
    raw = tuple(chance / 2 for chance in CHANCES)
    later = [replace(one, probabilities=(1.0,) * 7, made_at=one.made_at + timedelta(1)) for one in later]
    recalibrated = replace(whale, forecasts=(replace(opening, raw=raw), *later))

    assert [one.stated for one in headline_outcomes(whale, None)] == [CHANCES]
    assert [one.stated for one in headline_outcomes(recalibrated, None)] == [raw]


@pytest.mark.parametrize(
    ("fate", "blocks", "true", "scored"),
    [
        (Fate.CONFIRMED, 2, [False, True, True], [True, True, True]),
        (Fate.DROPPED, 0, [False, False, False], [True, True, True]),
        (Fate.REPLACED, 2, [False, False, False], [True, True, False]),
        (Fate.PENDING, 1, [False, False, False], [True, False, False]),
    ],
)
def test_a_horizon_that_nobody_knows_the_end_of_is_not_scored(
    fate: Fate, blocks: int, true: list[bool], scored: list[bool]
) -> None:
    one = ScoredForecast(stated=CHANCES, fate=fate, blocks=blocks)

    assert [one.came_true(horizon) for horizon in (1, 2, 3)] == true
    assert [one.evaluable(horizon) for horizon in (1, 2, 3)] == scored


@pytest.mark.parametrize(("seconds", "learned"), [(59.9, True), (60.0, False)])
def test_a_forecast_is_learned_from_when_it_was_made_within_a_minute(
    seconds: float, *, learned: bool
) -> None:
    whale = lived(Life([a_version()], end="dropped"), 1)
    made = replace(whale.forecasts[0], made_at=whale.detected_at + timedelta(seconds=seconds))

    assert (found(replace(whale, forecasts=(made,))) == [(Fate.DROPPED, 0)]) is learned


def test_a_whale_that_waits_says_something_from_the_first_block_on() -> None:
    assert outcomes(Life([a_version()]), tip=11) == [(Fate.PENDING, 1)]


def test_each_replaced_version_is_followed_by_the_one_after_it() -> None:
    versions = [
        a_version(10, replaced_height=12),
        a_version(12, replaced_height=17),
        a_version(17),
    ]

    assert outcomes(Life(versions, end="confirmed", confirmed_height=20)) == [
        (Fate.REPLACED, 2),
        (Fate.REPLACED, 5),
        (Fate.CONFIRMED, 3),
    ]


def test_a_confirmed_whale_of_unknown_height_counts_as_one_that_waits() -> None:
    whale = lived(Life([a_version()], end="confirmed", confirmed_height=13), 1)

    assert found(replace(whale, confirmed_height=None)) == [(Fate.PENDING, 4)]
