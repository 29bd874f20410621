"""What is told before its rows are written: found by whoever asks, after a kill, and when writing fails."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.core.events import EventType, Happening
from app.core.prediction import Prediction, Status
from app.core.prices import Price
from app.errors import StoreError
from app.store import journal
from app.store.connections import Connection
from app.store.journal import Batch
from app.store.opening import DATABASE_FILE, Opened, open_database
from app.store.predictions import PredictionStore
from app.views import PredictionQuery
from tests.store.builders import (
    NOON,
    a_block,
    a_block_hash,
    a_prediction,
    detected,
    reported,
    source_degraded,
)


async def announce(store: PredictionStore, number: int) -> Prediction:
    whale = a_prediction(number)
    await store.append([detected(whale)], [whale], [a_block(900_000 + number)])
    return whale


async def replace_it(store: PredictionStore, whale: Prediction) -> None:
    later = replace(
        whale,
        version=whale.version + 1,
        status=Status.REPLACED,
        updated_at=whale.updated_at + timedelta(seconds=9),
        ended_at=whale.updated_at + timedelta(seconds=9),
    )
    await store.append([reported(EventType.REPLACED, later), source_degraded()], [later])


def _count(connection: Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM journal").fetchall()[0][0])


async def in_journal(opened: Opened) -> int:
    """Count the batches that wait; a glance does not have them written out first."""
    return await opened.database.glance(_count)


def killed(opened: Opened, to: Path) -> Path:
    """Return a directory as a kill at this moment would leave it."""
    to.mkdir()
    for file in opened.database.path.parent.glob(f"{DATABASE_FILE}*"):
        shutil.copy(file, to)
    shutil.copy(opened.database.path.with_name("last-sequence"), to)
    return to


def outcomes(connection: Connection) -> list[list[tuple[object, ...]]]:
    """Return the rows that accounts are made of."""
    return [
        connection.execute("SELECT * FROM forecast_outcomes ORDER BY ALL").fetchall(),
        connection.execute("SELECT * FROM whale_outcomes ORDER BY ALL").fetchall(),
    ]


async def all_of(store: PredictionStore) -> tuple[object, ...]:
    """Return what can be asked of the history."""
    restored = await store.restore(NOON)
    return (
        await store.events_after(0, 1_000),
        await store.page(PredictionQuery(limit=100)),
        restored.predictions,
        restored.blocks,
        restored.unread,
        restored.last_sequence,
    )


async def test_an_event_is_told_before_its_rows_are_written(store: PredictionStore, opened: Opened) -> None:
    await announce(store, 1)

    assert await in_journal(opened) == 1


async def test_whoever_asks_finds_what_was_told(store: PredictionStore, opened: Opened) -> None:
    whale = await announce(store, 1)

    assert [event.sequence for event in await store.events_after(0, 10)] == [1]
    assert await store.one(whale.txid) == whale
    assert await in_journal(opened) == 0


async def test_batches_written_together_are_found_as_if_each_had_been_written_alone(tmp_path: Path) -> None:
    found = []
    for alone in (True, False):
        opened = await open_database(tmp_path / str(alone), at=NOON)
        store = PredictionStore(opened)
        for number in (1, 2, 3):
            whale = await announce(store, number)
            if alone:
                await store.oldest()
            if number != 2:
                await replace_it(store, whale)
            if alone:
                await store.oldest()
        events, *rest = await all_of(store)
        assert isinstance(events, tuple)
        found.append(([replace(event, id="") for event in events], rest))
        await opened.database.close()

    assert found[0] == found[1]


async def test_a_whale_that_returns_under_its_id_is_another_when_written_together(
    tmp_path: Path,
) -> None:
    first, hour = a_prediction(1), timedelta(hours=1)
    again = replace(first, detected_at=first.detected_at + hour, updated_at=first.updated_at + hour)
    found = []
    for alone in (True, False):
        opened = await open_database(tmp_path / str(alone), at=NOON)
        store = PredictionStore(opened)
        for whale in (first, again):
            await store.append([detected(whale)], [whale])
            if alone:
                await store.oldest()
            await replace_it(store, whale)
            if alone:
                await store.oldest()
        events = [replace(event, id="") for event in await store.events_after(0, 100)]
        found.append((events, await opened.database.read(outcomes)))
        await opened.database.close()

    assert found[0] == found[1]


async def test_a_kill_before_the_rows_are_written_loses_nothing(tmp_path: Path) -> None:
    opened = await open_database(tmp_path / "first", at=NOON)
    store = PredictionStore(opened)
    for number in (1, 2):
        await replace_it(store, await announce(store, number))
    await store.append([], [], [a_block(900_003)], [a_block_hash(900_001)])
    await announce(store, 3)
    assert await in_journal(opened) > 0
    left = killed(opened, tmp_path / "left")
    expected = await all_of(store)
    await opened.database.close()

    again = await open_database(left, at=NOON)
    assert (again.notices, await in_journal(again)) == ((), 0)
    assert await all_of(PredictionStore(again)) == expected
    await again.database.close()


async def test_numbers_go_on_after_a_kill_though_nothing_was_written_out(tmp_path: Path) -> None:
    opened = await open_database(tmp_path / "first", at=NOON)
    await announce(PredictionStore(opened), 1)
    left = killed(opened, tmp_path / "left")
    (left / "last-sequence").unlink()
    await opened.database.close()

    again = await open_database(left, at=NOON)
    store = PredictionStore(again)
    await announce(store, 2)
    assert [event.sequence for event in await store.events_after(0, 10)] == [1, 2]
    await again.database.close()


async def test_a_stop_leaves_no_journal(tmp_path: Path) -> None:
    opened = await open_database(tmp_path, at=NOON)
    await announce(PredictionStore(opened), 1)
    await opened.database.close()

    again = await open_database(tmp_path, at=NOON)
    assert await in_journal(again) == 0
    assert len(await PredictionStore(again).events_after(0, 10)) == 1
    await again.database.close()


async def test_what_is_long_is_written_at_once(store: PredictionStore, opened: Opened) -> None:
    whale = a_prediction(1, reason="x" * (journal.LARGEST + 1))
    await announce(store, 2)
    await store.append([detected(whale)], [whale])

    assert await in_journal(opened) == 0
    assert [event.sequence for event in await store.events_after(0, 10)] == [1, 2]


async def test_a_copy_holds_what_was_told_a_moment_before(store: PredictionStore, opened: Opened) -> None:
    await announce(store, 1)
    path = opened.database.path.with_name("backups") / "copy"
    path.parent.mkdir()

    held = await opened.database.copy_to(
        path,
        lambda copy: copy.execute(
            "SELECT (SELECT count(*) FROM backup.main.events), (SELECT count(*) FROM backup.main.journal)"
        ).fetchall(),
    )
    assert held == [(1, 0)]


async def with_batch(tmp_path: Path, change: str) -> Opened:
    """Open what a kill left with two batches in the journal, the first of them changed."""
    opened = await open_database(tmp_path / "first", at=NOON)
    store = PredictionStore(opened)
    for number in (1, 2):
        await announce(store, number)

    await opened.database.run_at_once(
        lambda connection: connection.execute(f"UPDATE journal SET {change} WHERE sequence = 1")
    )
    left = killed(opened, tmp_path / "left")
    await opened.database.close()
    return await open_database(left, at=NOON)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("batch = 'nonsense'::BLOB", id="that does not read"),
        pytest.param("tried = 3", id="that ended three starts"),
    ],
)
async def test_a_batch_is_set_aside_with_a_notice(tmp_path: Path, change: str) -> None:
    opened = await with_batch(tmp_path, change)
    kept = await opened.database.run(
        lambda connection: connection.execute("SELECT sequence FROM journal_unread").fetchall()
    )

    assert [one.code for one in opened.notices] == ["journal_unread"]
    assert kept == [(1,)]
    store = PredictionStore(opened)
    assert [event.sequence for event in await store.events_after(0, 10)] == [2]
    assert await in_journal(opened) == 0
    await opened.database.close()


async def test_the_numbers_of_a_batch_that_was_set_aside_are_given_to_no_other(tmp_path: Path) -> None:
    opened = await open_database(tmp_path / "first", at=NOON)
    await announce(PredictionStore(opened), 1)
    await opened.database.run_at_once(lambda it: it.execute("UPDATE journal SET tried = 3"))
    left = killed(opened, tmp_path / "left")
    (left / "last-sequence").unlink()
    await opened.database.close()
    await (await open_database(left, at=NOON)).database.close()

    again = await open_database(left, at=NOON)
    assert again.last_sequence == 1
    await again.database.close()


async def test_a_start_counts_that_it_began_to_write_out(tmp_path: Path) -> None:
    opened = await open_database(tmp_path, at=NOON)
    await announce(PredictionStore(opened), 1)

    assert await opened.database.run_at_once(journal.prepared) == (True, 0)
    tried = await opened.database.glance(
        lambda connection: connection.execute("SELECT tried FROM journal").fetchall()
    )
    assert tried == [(1,)]
    await opened.database.close()


EVERY_KIND = Batch(
    happenings=(
        detected(a_prediction(1)),
        source_degraded(),
        Happening(
            type=EventType.FEES_SPIKED, at=NOON, facts={"of": None, "each": [1, 2.5, "x", True], "in": {}}
        ),
        reported(EventType.UPDATED, a_prediction(2, version=3)),
    ),
    predictions=(
        a_prediction(2, version=4, price=Price(currency="EUR", per_btc=90_000.5, at=NOON)),
        a_prediction(3, forecasts=(), first_forecast=None, replaces=("ab" * 32,), reorged=2),
    ),
    blocks=(a_block(900_001), replace(a_block(900_002), previous=None, time=None)),
    read=(a_block_hash(900_001),),
)


def test_a_batch_reads_back_equal_in_every_field() -> None:
    assert journal.decoded(journal.encoded(EVERY_KIND)) == EVERY_KIND


def test_what_a_block_holds_is_not_kept_in_short() -> None:
    block = replace(a_block(900_001), txids=("ab" * 32,), entries=())

    assert journal.decoded(journal.encoded(Batch(happenings=(), predictions=(), blocks=(block,)))).blocks == (
        a_block(900_001),
    )


@pytest.mark.parametrize("body", [b"", b"\x00", b"\xff" * 9, journal.encoded(EVERY_KIND)[:-1]])
def test_a_batch_that_does_not_read_is_a_clear_error(body: bytes) -> None:
    with pytest.raises(StoreError, match="a stored batch does not read"):
        journal.decoded(body)


class Stubborn:
    """Work left behind that fails for a reason of its own."""

    waits = True

    def work(self, connection: Connection) -> None:
        del connection
        raise ValueError("a mistake of ours")

    def done(self) -> None:
        raise AssertionError("it was not done")

    def give_up(self) -> None:
        self.waits = False


async def test_work_left_behind_that_cannot_be_done_stands_in_the_way_once(opened: Opened) -> None:
    opened.database.follow(Stubborn())

    with pytest.raises(ValueError, match="a mistake of ours"):
        await opened.database.run(_count)
    assert await opened.database.run(_count) == 0
