"""The accounts over HTTP, out of a real store: the same figures as the core's, in the contract's words."""

from pathlib import Path

import pytest

from app.store.accounts import AccountStore
from app.store.opening import open_database
from app.store.predictions import PredictionStore
from tests.api.conftest import READ, Composition
from tests.core.scoring import naive
from tests.core.scoring.lives import lived
from tests.fakes import NOON

CHANCES = dict.fromkeys((1, 2, 3, 6, 12, 24, 144), 0.9)


def a_life(*, confirmed_height: int, flow: str = "inflow") -> naive.Life:
    """Forecast for the next block."""
    version = naive.Version(seen_height=0, forecast_at=0, predicted=1, p=CHANCES, projected=1, flow=flow)
    lead = confirmed_height * 600.0
    return naive.Life(
        versions=[version], end="confirmed", confirmed_height=confirmed_height, lead=lead, final_flow=flow
    )


async def test_without_a_database_it_says_that_it_starts(composition: Composition) -> None:
    answer = await composition.http.get("/api/v1/statistics", headers=READ)

    assert answer.status_code == 503


async def test_statistics_and_correlation_say_what_was_seen(composition: Composition, tmp_path: Path) -> None:
    opened = await open_database(tmp_path / "accounts", at=NOON)
    history = [a_life(confirmed_height=1) for _ in range(18)] + [a_life(confirmed_height=3) for _ in range(6)]
    await PredictionStore(opened).append([], [lived(life, number) for number, life in enumerate(history)])
    composition.server.attach(composition.history, composition.keys, accounts=AccountStore(opened.database))
    start, end = "2026-02-20", "2026-03-20"
    statistics = (
        await composition.http.get(
            f"/api/v1/statistics?period=monthly&start_date={start}&end_date={end}", headers=READ
        )
    ).json()
    await opened.database.close()
    (march,) = statistics["periods"]

    assert (statistics["period"], march["start"]) == ("monthly", "2026-03-01T00:00:00.000Z")
    assert (march["n"], march["on_time"], march["late"], march["hit_rate"]) == (24, 18, 6, 0.75)
    assert march["baseline_hit_rate"] == 0.75
    assert march["lead_time_s"]["p50"] == 600.0


async def test_a_wrong_period_is_refused_by_name(composition: Composition) -> None:
    answer = await composition.http.get("/api/v1/statistics?period=hourly", headers=READ)

    assert (answer.status_code, "period" in answer.json()["error"]["message"]) == (400, True)


@pytest.mark.parametrize(
    "asked",
    [
        "end_date=0001-01-05",
        "period=weekly&end_date=9999-12-31T10:00",
        "period=quarterly&start_date=0001-01-01&end_date=9999-12-31",
    ],
)
async def test_whole_periods_may_be_asked_to_either_end_of_the_calendar(
    composition: Composition, tmp_path: Path, asked: str
) -> None:
    opened = await open_database(tmp_path / "accounts", at=NOON)
    composition.server.attach(composition.history, composition.keys, accounts=AccountStore(opened.database))

    answer = await composition.http.get(f"/api/v1/statistics?{asked}", headers=READ)

    await opened.database.close()
    assert (answer.status_code, answer.json()["periods"]) == (200, [])


async def test_a_window_is_at_most_ninety_days(composition: Composition) -> None:
    answer = await composition.http.get("/api/v1/correlation?days=91", headers=READ)

    assert answer.status_code == 400


async def test_one_prediction_says_what_became_of_its_forecast(composition: Composition) -> None:
    whale = lived(a_life(confirmed_height=3), 1)
    composition.history.predictions.append(whale)
    life = (await composition.http.get(f"/api/v1/predictions/{whale.txid}", headers=READ)).json()

    assert life["outcome_detail"] == {
        "result": "late",
        "scored_forecast_at": life["first_forecast"]["made_at"],
        "predicted_block": 1,
        "confirmed_height": 3,
        "lead_time_s": 1800.0,
        "flow_right": True,
        "excused": False,
    }
