import gc
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from app.api.models import signal_of
from app.core.classification import Flow
from app.core.events import Event, EventType
from app.core.models import Output
from app.core.prediction import Prediction, Status, Urgency
from app.core.units import Height, Sats, Script
from app.errors import ParseError
from app.store import queries
from app.store.connections import Connection
from app.store.opening import Opened, open_database
from app.store.predictions import PredictionStore
from app.views import History, PredictionQuery
from tests.builders import a_coinjoin, numbered_txid
from tests.store.builders import (
    NOON,
    a_block,
    a_classification,
    a_prediction,
    detected,
    reported,
    source_degraded,
)


async def keep(store: PredictionStore, *predictions: Prediction) -> None:
    await store.append([], predictions)


def ids(predictions: tuple[Prediction, ...]) -> list[str]:
    return [prediction.prediction_id for prediction in predictions]


async def test_events_are_numbered_from_one_without_a_gap(store: PredictionStore) -> None:
    first = await store.append([detected(a_prediction(1)), source_degraded()], [a_prediction(1)])
    second = await store.append([detected(a_prediction(2))], [a_prediction(2)])

    assert [event.sequence for event in (*first, *second)] == [1, 2, 3]


async def test_an_events_id_names_the_instance_and_the_sequence(
    store: PredictionStore, opened: Opened
) -> None:
    (event,) = await store.append([source_degraded()], [])

    assert event.id == f"evt_{opened.instance}_1"


async def test_an_event_reads_back_as_it_was_told(store: PredictionStore) -> None:
    whale = a_prediction(1)
    events = await store.append([detected(whale), source_degraded()], [whale])

    assert await store.events_after(0, 10) == events


async def test_a_whales_event_carries_the_contracts_body(store: PredictionStore) -> None:
    whale = a_prediction(1)
    (event,) = await store.append([detected(whale)], [whale])

    assert event.body == signal_of(whale).body()


async def test_another_event_carries_its_facts(store: PredictionStore) -> None:
    (event,) = await store.append([source_degraded()], [])

    assert event.body == {"rung": "polling", "reason": "no WebSocket"}


async def test_a_prediction_reads_back_equal_in_every_field(store: PredictionStore) -> None:
    whale = a_prediction(
        1,
        status=Status.CONFIRMED,
        replaces=(numbered_txid(8), numbered_txid(9)),
        conflicts_with=(numbered_txid(5),),
        confirmed_height=Height(900_002),
        confirmed_at=NOON + timedelta(minutes=20),
        ended_at=NOON + timedelta(minutes=20),
        reason="in words, with é and ₿",
    )
    await keep(store, whale)

    assert await store.one(whale.txid) == whale


async def test_a_batch_is_kept_whole_or_not_at_all(opened: Opened) -> None:
    def refuse(_connection: Connection) -> None:
        raise ValueError("a rider that cannot")

    store = PredictionStore(opened, riders=[lambda _events: refuse])
    with pytest.raises(ValueError, match="cannot"):
        await store.append([detected(a_prediction(1))], [a_prediction(1)], [a_block(1)])

    kept = await PredictionStore(opened).restore(NOON)
    assert (kept.predictions, kept.blocks, await store.events_after(0, 10)) == ((), (), ())


async def test_after_a_refused_batch_the_next_takes_its_numbers(opened: Opened) -> None:
    refusals = iter([True])

    def refuse_once(_connection: Connection) -> None:
        if next(refusals, False):
            raise ValueError("not now")

    store = PredictionStore(opened, riders=[lambda _events: refuse_once])
    with pytest.raises(ValueError, match="not now"):
        await store.append([source_degraded()], [])

    assert [event.sequence for event in await store.append([source_degraded()], [])] == [1]


async def test_a_rider_writes_in_the_transaction_of_its_events(opened: Opened) -> None:
    def deliver(events: tuple[Event, ...]) -> Callable[[Connection], None]:
        def write(connection: Connection) -> None:
            connection.execute("CREATE TABLE IF NOT EXISTS ridden (sequence BIGINT)")
            connection.execute("INSERT INTO ridden SELECT unnest(?)", [[event.sequence for event in events]])

        return write

    await PredictionStore(opened, riders=[deliver]).append([source_degraded(), source_degraded()], [])

    rows = await opened.database.run(lambda connection: connection.sql("FROM ridden").fetchall())
    assert rows == [(1,), (2,)]


async def test_events_after_a_sequence_come_ascending_and_no_more_than_asked(store: PredictionStore) -> None:
    await store.append([source_degraded() for _ in range(9)], [])

    assert [event.sequence for event in await store.events_after(3, 4)] == [4, 5, 6, 7]


async def test_events_of_a_whale_are_its_own(store: PredictionStore) -> None:
    one, other = a_prediction(1), a_prediction(2)
    await store.append([detected(one), detected(other), reported(EventType.CONFIRMED, one)], [one, other])

    kinds = [event.type for event in await store.events_of(one.prediction_id)]
    assert kinds == [EventType.DETECTED, EventType.CONFIRMED]


async def test_the_latest_version_is_what_is_believed(store: PredictionStore) -> None:
    await keep(store, a_prediction(1), a_prediction(1, version=2, reason="newer"))
    await keep(store, a_prediction(1, version=3, reason="newest"))

    found = await store.page(PredictionQuery())
    assert [whale.reason for whale in found.predictions] == ["newest"]


async def test_a_version_that_comes_twice_counts_once(store: PredictionStore) -> None:
    await keep(store, a_prediction(1))
    await keep(store, a_prediction(1))

    assert (await store.page(PredictionQuery())).total_count == 1


async def test_a_replaced_txid_leads_to_the_whale_as_it_is_now(store: PredictionStore) -> None:
    before = a_prediction(1)
    now = a_prediction(1, version=2, tx=a_prediction(2).tx, replaces=(before.txid,))
    await keep(store, before)
    await keep(store, now)

    assert await store.one(before.txid) == now


async def test_whoever_has_a_txid_now_comes_before_whoever_had_it(store: PredictionStore) -> None:
    had = a_prediction(
        1, tx=a_prediction(3).tx, replaces=(numbered_txid(2),), updated_at=NOON + timedelta(days=1)
    )
    has = a_prediction(2)
    await keep(store, had, has)

    assert await store.one(numbered_txid(2)) == has


async def test_a_whale_is_found_by_its_own_id(store: PredictionStore) -> None:
    await keep(store, a_prediction(1))

    assert await store.one("whale-1") == a_prediction(1)


async def test_an_unknown_txid_is_none(store: PredictionStore) -> None:
    assert await store.one(numbered_txid(1)) is None


async def test_pages_are_newest_first_and_meet_without_overlap(store: PredictionStore) -> None:
    await keep(store, *(a_prediction(number, detected_at=NOON) for number in range(1, 8)))

    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = await store.page(PredictionQuery(limit=3, cursor=cursor))
        seen += ids(page.predictions)
        cursor = page.next_cursor

    assert (seen, cursor) == ([f"whale-{number}" for number in range(7, 0, -1)], None)


async def test_every_page_tells_the_whole_count(store: PredictionStore) -> None:
    await keep(store, *(a_prediction(number) for number in range(1, 6)))
    first = await store.page(PredictionQuery(limit=2))

    second = await store.page(PredictionQuery(limit=2, cursor=first.next_cursor))
    assert (first.total_count, second.total_count) == (5, 5)


@pytest.mark.parametrize(
    "cursor", ["", "x", "not base64 at all", "YWJj", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5IHg=", "é"]
)
async def test_a_cursor_that_is_not_ours_is_a_parse_error(store: PredictionStore, cursor: str) -> None:
    with pytest.raises(ParseError):
        await store.page(PredictionQuery(cursor=cursor))


FILTERS = {
    "status": PredictionQuery(status=Status.DROPPED),
    "flow": PredictionQuery(flow=Flow.OUTFLOW),
    "amount": PredictionQuery(min_moved_sat=30_000_000_000),
    "entity": PredictionQuery(entity="KRAKEN"),
    "group": PredictionQuery(entity="group of kraken"),
    "start": PredictionQuery(start=NOON + timedelta(hours=1)),
    "end": PredictionQuery(end=NOON - timedelta(hours=1)),
    "urgency": PredictionQuery(min_urgency=Urgency.MEDIUM),
}


@pytest.mark.parametrize("query", FILTERS.values(), ids=FILTERS.keys())
async def test_a_filter_lets_through_only_what_it_asks_for(
    store: PredictionStore, query: PredictionQuery
) -> None:
    plain = {
        "version": 1,
        "urgency": Urgency.LOW,
        "detected_at": NOON,
        "classification": a_classification(Flow.INFLOW, "Binance", 19_000_000_000),
    }
    wanted = {
        "status": {"status": Status.DROPPED},
        "flow": {"classification": a_classification(Flow.OUTFLOW)},
        "amount": {"classification": a_classification(moved=30_000_000_000)},
        "entity": {"classification": a_classification(to="Kraken")},
        "start": {"detected_at": NOON + timedelta(hours=1)},
        "end": {"detected_at": NOON - timedelta(hours=2)},
        "urgency": {"urgency": Urgency.HIGH},
    }
    await keep(store, a_prediction(1, **plain))  # type: ignore[arg-type]
    name = next(name for name, known in FILTERS.items() if known == query)
    await keep(store, a_prediction(2, **{**plain, **wanted["entity" if name == "group" else name]}))  # type: ignore[arg-type]

    found = await store.page(query)
    assert (ids(found.predictions), found.total_count) == (["whale-2"], 1)


@pytest.mark.parametrize(("least", "found"), [(70_000_000_000, ["whale-1"]), (70_000_000_001, [])])
async def test_a_coinjoin_is_found_by_what_may_have_moved(
    store: PredictionStore, least: int, found: list[str]
) -> None:
    await keep(store, a_prediction(1, classification=a_coinjoin(700)))

    assert ids((await store.page(PredictionQuery(min_moved_sat=least))).predictions) == found


async def test_a_restart_finds_what_was_pending(tmp_path: Path) -> None:
    opened = await open_database(tmp_path, at=NOON)
    whale = a_prediction(1)
    await PredictionStore(opened).append([detected(whale)], [whale])
    await opened.database.close()

    again = await open_database(tmp_path, at=NOON)
    restored = await PredictionStore(again).restore(NOON + timedelta(days=30))
    await again.database.close()
    assert (restored.predictions, restored.last_sequence) == ((whale,), 1)


async def test_a_restart_finds_what_ended_today_or_within_a_hundred_blocks(store: PredictionStore) -> None:
    long_ago, just_now = NOON - timedelta(days=9), NOON - timedelta(hours=1)
    ended = {"status": Status.CONFIRMED, "ended_at": long_ago}
    await store.append(
        [],
        [
            a_prediction(1, **ended, confirmed_height=Height(899_900)),
            a_prediction(2, **ended, confirmed_height=Height(899_901)),
            a_prediction(3, status=Status.DROPPED, ended_at=long_ago),
            a_prediction(4, status=Status.DROPPED, ended_at=just_now),
        ],
        [a_block(900_000)],
    )

    assert ids((await store.restore(NOON)).predictions) == ["whale-2", "whale-4"]


async def test_a_restart_stands_on_the_chain_it_stood_on(store: PredictionStore) -> None:
    await store.append([], [], [a_block(10), a_block(11), a_block(12)])
    await store.append([], [], [a_block(12, fork=1), a_block(13, fork=1, previous_fork=1)])

    blocks = (await store.restore(NOON)).blocks
    assert blocks == (a_block(10), a_block(11), a_block(12, fork=1), a_block(13, fork=1, previous_fork=1))


async def test_a_reorg_to_a_shorter_chain_is_remembered(store: PredictionStore) -> None:
    await store.append([], [], [a_block(10), a_block(11), a_block(12), a_block(11, fork=1)])

    assert (await store.restore(NOON)).blocks == (a_block(10), a_block(11, fork=1))


async def test_pruning_forgets_what_ended_before_and_keeps_the_pending(store: PredictionStore) -> None:
    old = NOON - timedelta(days=100)
    await keep(
        store,
        a_prediction(1, detected_at=old, updated_at=old),
        a_prediction(2, status=Status.CONFIRMED, detected_at=old, updated_at=old, ended_at=old),
        a_prediction(3, status=Status.CONFIRMED, ended_at=NOON),
    )

    await store.prune(NOON - timedelta(days=90))
    assert ids((await store.page(PredictionQuery())).predictions) == ["whale-3", "whale-1"]


async def test_pruning_keeps_the_latest_event_so_that_numbers_go_on(store: PredictionStore) -> None:
    await store.append([source_degraded(NOON - timedelta(days=100)) for _ in range(3)], [])

    await store.prune(NOON)
    assert [event.sequence for event in await store.events_after(0, 10)] == [3]


async def versions_kept(opened: Opened) -> list[int]:
    rows = await opened.database.run(
        lambda connection: connection.sql(
            "SELECT version FROM superseded UNION ALL SELECT version FROM predictions"
        ).fetchall()
    )
    return sorted(version for (version,) in rows)


async def test_versions_superseded_are_kept_for_the_whole_retention(
    store: PredictionStore, opened: Opened
) -> None:
    for day in range(5):
        await keep(store, a_prediction(1, version=day + 1, updated_at=NOON + timedelta(days=day)))

    await store.prune(NOON + timedelta(days=2))

    assert await versions_kept(opened) == [3, 4, 5]


async def test_pruning_forgets_all_that_belonged_to_a_whale(store: PredictionStore, opened: Opened) -> None:
    old = NOON - timedelta(days=100)
    await keep(store, a_prediction(1, detected_at=old, updated_at=old, replaces=(numbered_txid(9),)))
    ended = {"status": Status.CONFIRMED, "detected_at": old, "updated_at": old, "ended_at": old}
    await keep(store, a_prediction(1, version=2, replaces=(numbered_txid(9),), **ended))

    await store.prune(NOON)

    left = await opened.database.run(
        lambda connection: [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            for table in ("predictions", "superseded", "forecasts", "parts", "lineage")
        ]
    )
    assert left == [(0,)] * 5


async def test_a_whale_that_returns_after_it_was_forgotten_is_stored_again(store: PredictionStore) -> None:
    whale, day = a_prediction(1), timedelta(days=1)
    ended = replace(whale, version=2, status=Status.DROPPED, updated_at=NOON, ended_at=NOON)
    await keep(store, whale)
    await keep(store, ended)
    await keep(store, a_prediction(2))
    await store.prune(NOON + day)

    back = replace(whale, version=3, updated_at=NOON + 2 * day)
    await keep(store, back)
    assert back in (await store.restore(NOON + 2 * day)).predictions


async def test_retention_needs_no_restore(tmp_path: Path) -> None:
    opened = await open_database(tmp_path, at=NOON)
    await PredictionStore(opened).append([], [a_prediction(1, status=Status.DROPPED, ended_at=NOON)])
    await opened.database.close()
    again = await open_database(tmp_path, at=NOON)

    gone = await PredictionStore(again).prune(NOON + timedelta(days=1))
    await again.database.close()

    assert gone == 1


async def test_a_transaction_is_stored_once_however_often_it_is_forecast_anew(
    store: PredictionStore, opened: Opened
) -> None:
    for version in range(1, 30):
        await keep(store, a_prediction(1, version=version, reason=str(version)))

    rows = await opened.database.run(lambda connection: connection.sql("FROM parts").fetchall())
    assert len(rows) == 2


async def test_a_return_long_after_the_end_begins_a_whale_of_its_own_under_the_same_id(
    store: PredictionStore, opened: Opened
) -> None:
    await keep(store, a_prediction(1), a_prediction(1, version=9, status=Status.DROPPED))
    back = a_prediction(1, detected_at=NOON + timedelta(days=3), updated_at=NOON + timedelta(days=3))
    await keep(store, back)

    assert (await store.one(back.txid), await versions_kept(opened)) == (back, [1, 1, 9])


async def test_a_long_script_is_kept_as_its_hash_and_length(store: PredictionStore) -> None:
    whale = a_prediction(1)
    data = Output(value=Sats(0), script=Script("6a" + "00" * 100_000))
    await keep(store, replace(whale, tx=replace(whale.tx, outputs=(*whale.tx.outputs, data))))

    found = await store.one(whale.txid)

    named = sha256(bytes.fromhex(data.script)).hexdigest()
    assert found is not None
    assert found.tx.outputs[-1].script == f"6a:{named}:100001"


@pytest.mark.timed
async def test_two_hundred_predictions_are_kept_in_a_fraction_of_a_second(
    store: PredictionStore,
) -> None:
    durations = []
    for batch in range(5):
        whales = [a_prediction(batch * 200 + number) for number in range(200)]
        started = time.process_time()
        await store.append([detected(whale) for whale in whales], whales)
        durations.append(1_000 * (time.process_time() - started))

    print(f"append of 200, processor time: {', '.join(f'{duration:.0f}' for duration in durations)} ms")
    assert min(durations) < 250


def test_the_store_is_a_history(store: PredictionStore) -> None:
    history: History = store
    assert history is store


async def test_below_a_missing_header_the_chain_goes_on_with_the_next_that_is_known(
    store: PredictionStore,
) -> None:
    """What is missing between them is asked for; without the lower ones nobody would know that it is."""
    await store.append([], [], [a_block(9), a_block(10), a_block(13), a_block(14)])

    assert (await store.restore(NOON)).blocks == (a_block(9), a_block(10), a_block(13), a_block(14))


async def test_below_a_missing_header_the_block_that_was_kept_last_counts(store: PredictionStore) -> None:
    await store.append([], [], [a_block(10), a_block(10, fork=1), a_block(13)])

    assert (await store.restore(NOON)).blocks == (a_block(10, fork=1), a_block(13))


async def test_a_block_is_not_restored_in_whose_place_the_one_above_names_another(
    store: PredictionStore,
) -> None:
    tip = a_block(12, fork=1, previous_fork=1)
    await store.append([], [], [a_block(10), a_block(11), tip])

    assert (await store.restore(NOON)).blocks == (a_block(10), tip)


async def test_a_restart_is_told_which_blocks_nobody_had_read(store: PredictionStore) -> None:
    blocks = [a_block(10), a_block(11), a_block(12)]
    await store.append([], [], blocks, [blocks[0].hash])
    await store.append([], [], [], [blocks[2].hash])

    assert (await store.restore(NOON)).unread == (blocks[1],)


async def test_an_empty_store_has_no_oldest_entry(store: PredictionStore) -> None:
    assert await store.oldest() is None


async def test_the_oldest_entry_is_the_first_event(store: PredictionStore) -> None:
    whales = [a_prediction(1), a_prediction(2)]
    await store.append([detected(whale) for whale in whales], whales)

    assert await store.oldest() == whales[0].detected_at


async def test_of_many_whales_that_were_detected_few_are_held_at_once(
    store: PredictionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "FEW_PIECES", 8)
    await store.append([], [a_prediction(number) for number in range(60)])
    assert await store.one("whale-1") is not None  # what was appended is written out, and let go of
    gc.collect()
    before = _alive()
    held = await store.of_detected(NOON - timedelta(days=9), NOON + timedelta(days=9), lambda _: (_alive(),))

    assert len(held) == 60
    assert max(held) - before <= 16


def _alive() -> int:
    return sum(isinstance(one, Prediction) for one in gc.get_objects())
