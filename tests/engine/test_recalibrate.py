"""The node learns from its own outcomes, out of a real store: what a biased forecaster says becomes true."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from app.core.classification import Flag
from app.core.forecasting.feerates import Floats
from app.core.forecasting.model import ForecastModel, Standings
from app.core.forecasting.recalibration import Recalibration, no_recalibration
from app.core.prediction import HORIZONS, Forecast, Prediction, Status
from app.core.scoring import Fate, ScoredForecast, headline_outcomes
from app.core.tracking import lifecycle
from app.core.units import Height
from app.engine.recalibrate import Recalibrator
from app.store.predictions import PredictionStore
from tests.core.fee_markets import a_market, a_table, an_inflow, forecast_one, waiting
from tests.store.builders import a_block, a_classification, a_forecast, a_prediction, a_transaction

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TIP = 901_000


class NowClock:
    """Nobody waits here."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody should sleep {seconds} s")


def drawn_chances(rng: np.random.Generator, number: int) -> Floats:
    """True chances, rising with the horizon."""
    first = rng.uniform(0.03, 0.97, number)
    return 1.0 - (1.0 - first[:, None]) ** np.sqrt(np.array(HORIZONS, dtype=np.float64))


def too_sure(true: Floats) -> Floats:
    """What a forecaster says that doubles every logit: overconfident both ways."""
    odds = (np.clip(true, 1e-4, 1 - 1e-4) / (1 - np.clip(true, 1e-4, 1 - 1e-4))) ** 2
    return np.asarray(odds / (1 + odds))


def blocks_until(rng: np.random.Generator, true: Floats) -> np.ndarray:
    """Blocks to confirmation by those chances; 200 where it is not within 144."""
    within = rng.random(len(true))[:, None] <= true
    column = np.where(within.any(axis=1), within.argmax(axis=1), len(HORIZONS))
    return np.array([*HORIZONS, 200])[column]


def an_ended_whale(
    number: int, stated: Sequence[float], blocks: int, raw: Sequence[float] = ()
) -> Prediction:
    seen_at = NOW - timedelta(hours=20) + timedelta(seconds=20 * number)
    opening = replace(a_forecast(number), made_at=seen_at, probabilities=tuple(stated), raw=tuple(raw))
    return replace(
        a_prediction(number, flags=frozenset()),
        detected_at=seen_at,
        status=Status.CONFIRMED if blocks <= 144 else Status.PENDING,
        confirmed_height=Height(900_000 + blocks) if blocks <= 144 else None,
        forecasts=(opening,),
        first_forecast=opening,
    )


async def learned_by(store: PredictionStore) -> Recalibration:
    handed_on: list[Recalibration] = []
    recalibrator = Recalibrator(
        of_detected=store.of_detected,
        first_detected=store.first_detected,
        tip=lambda: a_block(TIP),
        adopt=handed_on.append,
        clock=NowClock(),
    )
    assert await recalibrator.learn() is handed_on[0]
    return handed_on[0]


def calibration_error(stated: Floats, true: Floats) -> float:
    """Mean distance of what is said from what is so, percent, within 1, 3, 6 and 12 blocks."""
    columns = [HORIZONS.index(n) for n in (1, 3, 6, 12)]
    return float(100 * np.abs(stated - true)[:, columns].mean())


async def test_a_forecaster_that_is_too_sure_becomes_calibrated(store: PredictionStore) -> None:
    rng = np.random.default_rng(5)
    true = drawn_chances(rng, 3_000)
    stated, blocks = too_sure(true), blocks_until(rng, true)
    whales = [an_ended_whale(n, stated[n].tolist(), int(blocks[n])) for n in range(len(true))]
    await store.append((), whales)

    learned = await learned_by(store)

    fresh = drawn_chances(np.random.default_rng(6), 2_000)
    before = calibration_error(too_sure(fresh), fresh)
    after = calibration_error(learned.recalibrated(too_sure(fresh)), fresh)
    assert learned.outcomes == 3_000
    assert before > 6.0
    assert after < before / 3


async def test_what_was_straightened_already_is_not_straightened_twice(store: PredictionStore) -> None:
    rng = np.random.default_rng(5)
    true = drawn_chances(rng, 2_000)
    raw, blocks = too_sure(true), blocks_until(rng, true)
    await store.append(
        (), [an_ended_whale(n, true[n].tolist(), int(blocks[n]), raw[n].tolist()) for n in range(len(true))]
    )

    learned = await learned_by(store)

    fresh = drawn_chances(np.random.default_rng(6), 2_000)
    assert calibration_error(learned.recalibrated(too_sure(fresh)), fresh) < 3.0


async def test_too_few_outcomes_change_nothing(store: PredictionStore) -> None:
    await store.append((), [an_ended_whale(n, [0.5] * 7, 200) for n in range(299)])

    learned = await learned_by(store)

    assert learned.outcomes == 299
    assert learned.changes_nothing


async def test_a_hundred_more_are_trusted_in_part(store: PredictionStore) -> None:
    stated = [0.5] * 7
    await store.append((), [an_ended_whale(n, stated, 200) for n in range(400)])

    straight = (await learned_by(store)).recalibrated(np.array([stated]))

    assert 0.0 < straight[0, 0] < 0.5


async def test_only_the_latest_version_of_a_whale_counts(store: PredictionStore) -> None:
    whale = an_ended_whale(1, [0.5] * 7, 3)
    await store.append((), [replace(whale, version=1, status=Status.PENDING), replace(whale, version=2)])

    found = await store.of_detected(NOW - timedelta(days=1), NOW, lambda one: (one.status,))

    assert found == [Status.CONFIRMED]


async def test_no_outcomes_at_all_are_no_trouble(store: PredictionStore) -> None:
    assert (await learned_by(store)).outcomes == 0


# --- which forecasts count, and as what


def scored(whale: Prediction, tip: int | None = TIP) -> list[ScoredForecast]:
    return list(headline_outcomes(whale, None if tip is None else Height(tip)))


def test_a_confirmed_one_came_true_from_its_block_on() -> None:
    [one] = scored(an_ended_whale(1, [0.5] * 7, 3))

    assert [one.came_true(n) for n in HORIZONS] == [False, False, True, True, True, True, True]
    assert all(one.evaluable(n) for n in HORIZONS)


def test_a_dropped_one_never_came_true_and_always_counts() -> None:
    [one] = scored(lifecycle.drop(an_ended_whale(1, [0.5] * 7, 200), NOW, "expired"))

    assert not any(one.came_true(n) for n in HORIZONS)
    assert all(one.evaluable(n) for n in HORIZONS)


def test_one_still_waiting_counts_as_far_as_blocks_have_passed() -> None:
    [one] = scored(an_ended_whale(1, [0.5] * 7, 200), tip=900_003)

    assert [one.evaluable(n) for n in HORIZONS] == [True, True, True, False, False, False, False]
    assert not one.came_true(144)


def test_one_that_nobody_can_have_confirmed_yet_says_nothing() -> None:
    assert scored(an_ended_whale(1, [0.5] * 7, 200), tip=900_000) == []


def test_a_replaced_one_counts_until_it_was_replaced_and_its_replacement_by_itself() -> None:
    old = an_ended_whale(1, [0.5] * 7, 200)
    taken = lifecycle.take_over(old, a_transaction(2), a_classification(), NOW, tip=None, fee_spike=False)
    own = replace(a_forecast(2), at_height=Height(900_002))
    confirmed = lifecycle.confirm(lifecycle.with_forecast(taken, own, NOW), a_block(900_003), NOW)
    first, second = scored(confirmed)

    assert (first.fate, first.blocks) == (Fate.REPLACED, 2)
    assert [first.evaluable(n) for n in (1, 2, 3)] == [True, True, False]
    assert (second.fate, second.blocks) == (Fate.CONFIRMED, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"flags": frozenset({Flag.LATE_SEEN})},
        {"left_unverified": True},
        {"demo": True},
        {"forecasts": ()},
        {"detected_at": NOW - timedelta(days=2)},
    ],
)
def test_late_unverified_demo_and_unforecast_ones_are_left_out(changes: dict[str, object]) -> None:
    assert scored(replace(an_ended_whale(1, [0.5] * 7, 3), **changes)) == []  # type: ignore[arg-type]  # fields


# --- what a forecast keeps and shows of it

BENT = Recalibration(lines=((0.3, *[0.8] * 5),) * 7, outcomes=700, fitted_at=NOW - timedelta(hours=2))


def a_forecast_by(recalibration: Recalibration) -> Forecast:
    model = ForecastModel(table=a_table(), recalibration=recalibration)
    market = a_market([(5.0, 1.2e6)])
    made = forecast_one(waiting(5.0), market, an_inflow([(5.0, 900.0)]), model, NOW)
    assert made is not None
    return made


def test_a_straightened_forecast_keeps_what_it_was_before_and_shows_age_and_number() -> None:
    plain, bent = a_forecast_by(no_recalibration()), a_forecast_by(BENT)

    assert bent.raw == plain.probabilities
    assert bent.probabilities != plain.probabilities
    assert (bent.recalibration_outcomes, bent.recalibration_age_seconds) == (700, 7_200.0)


def test_a_forecast_that_was_not_straightened_claims_no_outcomes() -> None:
    untaught = replace(no_recalibration(), outcomes=120, fitted_at=NOW)
    plain = a_forecast_by(untaught)

    assert (plain.raw, plain.recalibration_outcomes) == ((), 0)


def test_only_the_opening_forecast_keeps_it() -> None:
    whale = a_prediction(1, forecasts=(), first_forecast=None)
    bent = replace(a_forecast_by(BENT), txid=whale.txid)
    twice = lifecycle.with_forecast(lifecycle.with_forecast(whale, bent, NOW), bent, NOW)

    assert [bool(one.raw) for one in twice.forecasts] == [True, False]


def test_the_model_straightens_what_it_says_elsewhere_too() -> None:
    one = np.array([0.5])
    standings = Standings(
        ahead=one, inflow=one, fresh=np.array([False]), below_one=np.array([False]), widening=0.0
    )
    model = ForecastModel(table=a_table(), recalibration=BENT)

    assert (model.probabilities(standings) == BENT.recalibrated(model.raw_probabilities(standings))).all()
