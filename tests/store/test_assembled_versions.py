"""What is remembered of pages: right after every revision and after the retention, and bounded in bytes."""

from dataclasses import replace
from datetime import timedelta

from app.core.prediction import Status
from app.store.assembled_versions import LARGEST, MOST_BYTES, AssembledVersions, Encoded, VersionKey
from app.store.predictions import PredictionStore
from app.views import PredictionQuery
from tests.store.builders import NOON, a_prediction

ALL = PredictionQuery(limit=10)


async def test_a_page_that_is_asked_again_shows_what_was_revised_meanwhile(store: PredictionStore) -> None:
    before, other = a_prediction(1), a_prediction(2)
    await store.append([], [before, other])
    first = await store.page(ALL)
    after = replace(before, version=2, updated_at=before.updated_at + timedelta(minutes=1), reason="more")
    await store.append([], [after])

    again = await store.page(ALL)

    assert {one.prediction_id: one for one in first.predictions} == {"whale-1": before, "whale-2": other}
    assert {one.prediction_id: one for one in again.predictions} == {"whale-1": after, "whale-2": other}


async def test_what_was_believed_then_is_still_shown_beside_what_is_believed_now(
    store: PredictionStore,
) -> None:
    before = a_prediction(1)
    await store.append([], [before])
    await store.page(ALL)
    after = replace(before, version=2, updated_at=before.updated_at + timedelta(minutes=1), reason="more")
    await store.append([], [after])

    now = await store.page(ALL)
    then = await store.page(replace(ALL, as_of=before.updated_at))

    assert (now.predictions, then.predictions) == ((after,), (before,))


async def test_a_page_that_is_asked_again_gives_the_very_same_whales(store: PredictionStore) -> None:
    await store.append([], [a_prediction(number) for number in range(1, 9)])

    assert await store.page(ALL) == await store.page(ALL)


async def test_a_whale_that_retention_took_is_on_no_page(store: PredictionStore) -> None:
    whale = replace(a_prediction(1), status=Status.DROPPED, ended_at=NOON, updated_at=NOON, detected_at=NOON)
    await store.append([], [whale])
    await store.page(ALL)
    await store.prune(NOON + timedelta(days=1))

    assert (await store.page(ALL)).predictions == ()


def test_it_stays_within_its_bytes_and_forgets_the_least_used_first() -> None:
    versions = AssembledVersions()
    keys = [VersionKey(number, 1, 0) for number in range(2 * MOST_BYTES // LARGEST)]
    for key in keys:
        versions.get(keys[0])
        versions.keep(key, Encoded(bytes(LARGEST), 1))

    assert versions.size_bytes <= MOST_BYTES
    assert [versions.get(key) is not None for key in (keys[0], keys[1], keys[-1])] == [True, False, True]


def test_a_giant_is_not_remembered() -> None:
    versions = AssembledVersions()
    versions.keep(VersionKey(1, 1, 0), Encoded(bytes(LARGEST + 1), 1))

    assert versions.size_bytes == 0
