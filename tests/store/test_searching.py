"""Searches, held against the same question answered slowly over every version that was ever stored."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from app.api.models import signal_of
from app.core.classification import Flow
from app.core.prediction import Prediction, Status, Urgency
from app.core.units import Height, Script
from app.errors import ParseError
from app.store.opening import open_database
from app.store.predictions import PredictionStore
from app.views import Order, PredictionQuery, SortKey
from tests.builders import numbered_txid
from tests.store.builders import NOON, a_classification, a_prediction

pytestmark = pytest.mark.asyncio(loop_scope="module")
WHALES, MOST_VERSIONS, MINUTES = 60, 6, 2_000
URGENCIES = tuple(Urgency)
SCRIPTS = tuple(Script(f"0014{number:040x}") for number in range(12))
SORTS = {
    SortKey.DETECTED: lambda _: 0,
    SortKey.MOVED: lambda one: one.classification.moved,
    SortKey.GROSS: lambda one: one.classification.gross,
    SortKey.URGENCY: lambda one: URGENCIES.index(one.forecast.urgency) + 1 if one.forecast else 0,
    SortKey.STATUS: lambda one: one.status.value,
    SortKey.FLOW: lambda one: one.classification.flow.value,
    SortKey.CONFIRMED: lambda one: one.confirmed_height or 0,
}
Lives = dict[str, list[Prediction]]


def a_life(number: int, chance: random.Random) -> list[Prediction]:
    """Versions in their order: some are replaced, some classified anew, some end."""
    at = NOON + timedelta(minutes=chance.randrange(MINUTES // 2))
    tx = a_prediction(1_000 * number).tx
    whale = a_prediction(
        number,
        urgency=chance.choice(URGENCIES),
        tx=_paying(tx, chance),
        forecasts=(),
        first_forecast=None,
        detected_at=at,
        updated_at=at,
    )
    life = [_revised(whale, number, chance, 0)]
    for turn in range(1, chance.randrange(1, MOST_VERSIONS)):
        life.append(_revised(life[-1], number, chance, turn))
    return life


def _revised(whale: Prediction, number: int, chance: random.Random, turn: int) -> Prediction:
    flow = chance.choice((Flow.INFLOW, Flow.OUTFLOW, Flow.UNKNOWN))
    owner = chance.choice(("Binance", "Kraken"))
    changes = {
        "version": whale.version + bool(turn),
        "updated_at": whale.updated_at + timedelta(minutes=chance.randrange(1, 300)) * bool(turn),
        "classification": a_classification(flow, owner, chance.randrange(9, 15) * 10**9),
    }
    if turn and chance.random() < 0.4:
        tx = _paying(replace(whale.tx, txid=numbered_txid(1_000 * number + turn)), chance)
        changes |= {"tx": tx, "replaces": (*whale.replaces, whale.txid)}
    if chance.random() < 0.5:
        made = a_prediction(1, urgency=chance.choice(URGENCIES)).forecasts[0]
        now = changes.get("tx", whale.tx)
        forecast = replace(made, txid=now.txid, made_at=changes["updated_at"])
        changes |= {"forecasts": (*whale.forecasts, forecast)}
    if chance.random() < 0.3:
        changes |= {"status": Status.CONFIRMED, "confirmed_height": Height(900_000 + chance.randrange(50))}
    else:
        changes |= {"status": Status.PENDING, "confirmed_height": None}
    return replace(whale, **changes)


def _paying(tx: object, chance: random.Random) -> object:
    outputs = [replace(tx.outputs[0], script=script) for script in chance.sample(SCRIPTS, 2)]
    return replace(tx, outputs=tuple(outputs))


def believed(lives: Lives, query: PredictionQuery) -> list[Prediction]:
    """What each whale was thought to be at that moment, if it was known."""
    versions = (
        [one for one in life if query.as_of is None or one.updated_at <= query.as_of]
        for life in lives.values()
    )
    return [life[-1] for life in versions if life]


def expected(lives: Lives, query: PredictionQuery) -> list[Prediction]:
    found = [one for one in believed(lives, query) if _is_asked_for(lives[one.prediction_id], one, query)]
    value = SORTS[query.order.key]
    numbers = list(lives)
    return sorted(
        found,
        key=lambda one: (value(one), one.detected_at, numbers.index(one.prediction_id)),
        reverse=query.order.descending,
    )


def _is_asked_for(life: Sequence[Prediction], one: Prediction, query: PredictionQuery) -> bool:
    until = life[: life.index(one) + 1]
    scripts = {output.script for version in until for output in version.tx.outputs}
    urgency = one.forecast.urgency if one.forecast else None
    names = {party.name.casefold() for party in one.classification.to_entities}
    return (
        query.status in (None, one.status)
        and query.flow in (None, one.classification.flow)
        and query.txid in (None, one.txid, *one.replaces)
        and (query.script is None or query.script in scripts)
        and (query.min_moved_sat is None or one.classification.moved >= query.min_moved_sat)
        and (query.min_urgency is None or (urgency is not None and _reaches(urgency, query.min_urgency)))
        and (query.entity is None or query.entity.casefold() in names)
        and (query.start is None or one.detected_at >= query.start)
        and (query.end is None or one.detected_at < query.end)
    )


def _reaches(urgency: Urgency, least: Urgency) -> bool:
    return URGENCIES.index(urgency) >= URGENCIES.index(least)


def a_query(chance: random.Random) -> PredictionQuery:
    """Each part is asked for now and then."""

    def now_and_then(value: object, share: float = 0.25) -> object:
        return value if chance.random() < share else None

    return PredictionQuery(
        status=now_and_then(chance.choice((Status.PENDING, Status.CONFIRMED))),
        flow=now_and_then(chance.choice((Flow.INFLOW, Flow.OUTFLOW))),
        txid=now_and_then(numbered_txid(1_000 * chance.randrange(WHALES) + chance.randrange(3)), 0.1),
        script=now_and_then(chance.choice(SCRIPTS)),
        min_moved_sat=now_and_then(11 * 10**9),
        min_urgency=now_and_then(chance.choice(URGENCIES)),
        entity=now_and_then("KRAKEN"),
        start=now_and_then(NOON + timedelta(minutes=chance.randrange(MINUTES))),
        end=now_and_then(NOON + timedelta(minutes=chance.randrange(MINUTES))),
        as_of=now_and_then(NOON + timedelta(minutes=chance.randrange(MINUTES)), 0.6),
        order=Order(chance.choice(tuple(SortKey)), descending=chance.random() < 0.5),
        limit=chance.choice((7, 30, 100)),
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterable[tuple[PredictionStore, Lives]]:
    """Every version stored in the order of its moment, as it came."""
    chance = random.Random(14)
    lives = {life[0].prediction_id: life for life in (a_life(number, chance) for number in range(WHALES))}
    opened = await open_database(tmp_path_factory.mktemp("searched"), at=NOON)
    store = PredictionStore(opened)
    versions = sorted((one for life in lives.values() for one in life), key=lambda one: one.updated_at)
    for start in range(0, len(versions), 20):
        await store.append([], versions[start : start + 20])
    # In the order in which they came: of two first seen at one moment that decides.
    came = dict.fromkeys(one.prediction_id for one in versions)
    yield store, {name: lives[name] for name in came}
    await opened.database.close()


@pytest.mark.parametrize("seed", range(4))
async def test_pages_are_what_a_slow_search_finds(searched: tuple[PredictionStore, Lives], seed: int) -> None:
    store, lives = searched
    chance = random.Random(seed)
    for _ in range(25):
        query = a_query(chance)
        wanted = [(one.prediction_id, one.version) for one in expected(lives, query)]

        assert await _all_pages(store, query) == (wanted, {len(wanted)}), query


async def _all_pages(
    store: PredictionStore, query: PredictionQuery
) -> tuple[list[tuple[str, int]], set[int]]:
    found: list[tuple[str, int]] = []
    counts: set[int] = set()
    cursor = None
    while True:
        page = await store.page(replace(query, cursor=cursor))
        found += [(one.prediction_id, one.version) for one in page.predictions]
        counts.add(page.total_count)
        cursor = page.next_cursor
        if cursor is None:
            return found, counts


async def test_flows_a_day_add_up_what_a_search_finds(searched: tuple[PredictionStore, Lives]) -> None:
    store, lives = searched
    chance = random.Random(99)
    for _ in range(30):
        query = a_query(chance)
        wanted: Counter[tuple[object, Flow]] = Counter()
        for one in expected(lives, query):
            wanted[one.detected_at.date(), one.classification.flow] += one.classification.moved

        assert {(one.day, one.flow): one.moved_sat for one in await store.flows(query)} == dict(wanted)


async def test_what_was_believed_is_whole(searched: tuple[PredictionStore, Lives]) -> None:
    store, lives = searched
    query = PredictionQuery(as_of=NOON + timedelta(minutes=MINUTES // 2), limit=100)
    found = await store.page(query)

    assert [signal_of(one) for one in found.predictions] == [signal_of(one) for one in expected(lives, query)]


async def test_a_cursor_of_another_order_is_refused(searched: tuple[PredictionStore, Lives]) -> None:
    store, _ = searched
    page = await store.page(PredictionQuery(limit=1))

    with pytest.raises(ParseError):
        await store.page(PredictionQuery(limit=1, cursor=page.next_cursor, order=Order(SortKey.MOVED)))


async def test_a_script_of_another_restart_is_still_found(tmp_path: Path) -> None:
    before = a_prediction(1)
    after = replace(before, version=2, tx=replace(before.tx, fee=before.tx.fee + 1))
    for version in (before, after):
        opened = await open_database(tmp_path, at=NOON)
        await PredictionStore(opened).append([], [version])
        found = await PredictionStore(opened).page(PredictionQuery(script=before.tx.outputs[0].script))
        await opened.database.close()

        assert [one.version for one in found.predictions] == [version.version]


@pytest.mark.parametrize("bunched", [1, 4, 0.25])
async def test_pages_give_each_whale_once_however_unevenly_they_came(
    store: PredictionStore, bunched: float
) -> None:
    count, days = 60, 30
    whales = [
        replace(one, detected_at=at, updated_at=at)
        for number in range(count)
        for one, at in [(a_prediction(number + 1), NOON + timedelta(days=days * (number / count) ** bunched))]
    ]
    await store.append([], whales)
    latest = NOON + timedelta(days=days)

    for query in (PredictionQuery(limit=2), PredictionQuery(limit=3, as_of=latest)):
        pages = [await store.page(query)]
        while pages[-1].next_cursor is not None:
            pages.append(await store.page(replace(query, cursor=pages[-1].next_cursor)))

        assert [one for page in pages for one in page.predictions] == whales[::-1]
        assert {page.total_count for page in pages} == {count}
