"""Every revision of a forecast is kept once; a record stays small however often a whale is forecast anew."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from app.core.prediction import REVISIONS_HELD, Prediction, thinned
from app.core.tracking import lifecycle
from app.core.units import Height
from app.store.opening import open_database
from app.store.predictions import PredictionStore
from tests.builders import numbered_txid
from tests.store.builders import NOON, a_forecast, a_prediction

BLOCKS = 3 * REVISIONS_HELD


def forecast_anew(whale: Prediction, height: int) -> Prediction:
    at = NOON + timedelta(minutes=height)
    forecast = replace(whale.forecasts[-1], made_at=at, at_height=Height(height), raw=())
    return lifecycle.with_forecast(whale, forecast, at)


async def after_many_blocks(store: PredictionStore) -> Prediction:
    """Store a whale's version after each of many blocks; return the last one."""
    whale = a_prediction(1, forecasts=(replace(a_forecast(1), made_at=NOON),))
    await store.append([], [whale])
    for height in range(1, BLOCKS + 1):
        whale = forecast_anew(whale, height)
        await store.append([], [whale])
    return whale


async def test_every_revision_can_be_read_back_in_order(store: PredictionStore) -> None:
    await after_many_blocks(store)

    found = await store.one("whale-1")

    assert found is not None
    assert [one.at_height for one in found.forecasts[1:]] == list(range(1, BLOCKS + 1))


async def test_a_version_that_comes_again_repeats_no_revision(store: PredictionStore) -> None:
    whale = await after_many_blocks(store)
    await store.append([], [whale])

    found = await store.one("whale-1")

    assert found is not None
    assert len(found.forecasts) == BLOCKS + 1


async def test_after_a_restart_only_new_revisions_are_added(tmp_path: Path) -> None:
    opened = await open_database(tmp_path, at=NOON)
    await after_many_blocks(PredictionStore(opened))
    await opened.database.close()
    again = await open_database(tmp_path, at=NOON)
    store = PredictionStore(again)

    (restored,) = (await store.restore(NOON)).predictions
    await store.append([], [forecast_anew(restored, BLOCKS + 1)])
    found = await store.one("whale-1")
    await again.database.close()

    assert len(restored.forecasts) <= REVISIONS_HELD + 1
    assert found is not None
    assert len(found.forecasts) == BLOCKS + 2


async def test_a_record_does_not_grow_with_the_blocks_it_waits(tmp_path: Path) -> None:
    opened = await open_database(tmp_path, at=NOON)
    await after_many_blocks(PredictionStore(opened))
    sizes = await opened.database.run(
        lambda connection: connection.execute(
            "SELECT min(octet_length(record)), max(octet_length(record)) FROM superseded"
        ).fetchone()
    )
    await opened.database.close()

    assert sizes is not None
    assert sizes[1] < 2 * sizes[0]


def test_the_opening_forecast_of_each_txid_is_never_thinned_out() -> None:
    first, second = a_forecast(1), a_forecast(2)
    story = (first, *[first] * 5, replace(second, txid=numbered_txid(99)), *[second] * 5)

    held = thinned(story, latest=2)

    assert {one.txid for one in held} == {first.txid, numbered_txid(99), second.txid}
    assert held[-2:] == story[-2:]
