"""A cursor names a place: whales that come while pages are turned move nothing on the pages that follow."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from app.store.predictions import PredictionStore
from app.views import Order, PredictionQuery, SortKey
from tests.store.builders import NOON, a_classification, a_prediction

FIRST, EACH = 40, 7


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("key", [SortKey.DETECTED, SortKey.MOVED, SortKey.GROSS])
async def test_what_stood_at_the_first_page_is_listed_once_whatever_comes_meanwhile(
    store: PredictionStore, key: SortKey, seed: int
) -> None:
    chance = random.Random(seed)
    query = PredictionQuery(limit=EACH, order=Order(key, descending=bool(seed % 2)))
    stood = await _come(store, chance, 1, FIRST)
    listed: list[str] = []
    cursor, number = None, FIRST
    while cursor is not None or not listed:
        page = await store.page(replace(query, cursor=cursor))
        listed += [one.prediction_id for one in page.predictions]
        cursor = page.next_cursor
        await _come(store, chance, number + 1, number := number + chance.randrange(4))

    assert sorted(set(listed) & set(stood)) == sorted(stood)
    assert len(listed) == len(set(listed))


async def _come(store: PredictionStore, chance: random.Random, first: int, last: int) -> list[str]:
    """Many at one moment or of one amount, so that the order among equals counts too; some known revised."""
    whales = [
        a_prediction(
            number,
            detected_at=NOON + timedelta(seconds=chance.randrange(8)),
            classification=a_classification(moved=chance.randrange(1, 9) * 10_000_000_000),
        )
        for number in range(first, last + 1)
    ]
    revised = [replace(one, version=2, updated_at=NOON + timedelta(hours=1)) for one in whales[::3]]
    await store.append([], whales)
    await store.append([], revised)
    return [one.prediction_id for one in whales]
