"""Reads have a thread and a cursor of their own: they never wait before ingest, and have a limit of time."""

import asyncio
import os
import random
import threading
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.errors import StoreError
from app.store.assembling import PIECES_AT_ONCE
from app.store.connections import Connection, Limits
from app.store.opening import Opened, open_database
from app.store.packing import PIECE
from app.store.predictions import PredictionStore
from app.store.queries import live_and_recent
from app.store.reader import Reader
from app.views import PredictionQuery
from tests.builders import numbered_txid
from tests.store.builders import NOON, a_prediction, detected
from tests.store.test_moving import a_consolidation

ROUNDS = 300
FOR_EVER = "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3"


async def test_reads_beside_writes_are_right_every_one_of_them(opened: Opened) -> None:
    """One connection shared by threads gave 77 wrong rows in 2,000 reads; a cursor each gives none."""
    store = PredictionStore(opened)
    wrong = 0
    reads = 0

    async def read() -> None:
        nonlocal wrong, reads
        while len(kept) < ROUNDS:
            before = len(kept)
            page = await store.page(PredictionQuery(limit=1))
            reads += 1
            newest = page.predictions[0].version if page.predictions else 0
            wrong += not before <= page.total_count <= len(kept) + 1
            wrong += bool(page.predictions) and page.predictions[0] != a_prediction(newest, version=newest)

    kept: list[int] = []

    async def write() -> None:
        for number in range(1, ROUNDS + 1):
            whale = a_prediction(number, version=number)
            await store.append([detected(whale)], [whale])
            kept.append(number)

    await asyncio.gather(write(), read(), read())

    print(f"{reads} reads beside {ROUNDS} appends, {wrong} wrong")
    assert wrong == 0


async def test_a_write_does_not_wait_for_a_read_that_takes_for_ever(opened: Opened) -> None:
    read = asyncio.create_task(opened.database.read(lambda it: it.execute(FOR_EVER).fetchall()))
    await asyncio.sleep(0)

    events = await asyncio.wait_for(PredictionStore(opened).append([], [a_prediction(1)]), 10)

    assert (events, read.done()) == ((), False)
    await opened.database.close()
    with pytest.raises(StoreError):
        await read


async def test_what_stands_behind_another_read_does_not_open_a_closed_database_again(opened: Opened) -> None:
    asked = [
        asyncio.create_task(opened.database.glance(lambda it: it.execute(FOR_EVER).fetchall()))
        for _ in range(3)
    ]
    await asyncio.sleep(0)
    await opened.database.close()
    found = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 60)

    assert [isinstance(one, StoreError) for one in found] == [True] * 3
    file = opened.database.path.stat()
    held = (handle.stat() for handle in Path("/proc/self/fd").iterdir() if handle.exists())
    assert not any(os.path.samestat(one, file) for one in held)


async def test_a_read_that_takes_too_long_is_told_so_and_the_next_one_is_answered(tmp_path: Path) -> None:
    opened = await open_database(tmp_path, at=NOON, limits=Limits(read_seconds=1.0))

    with pytest.raises(StoreError, match="took longer"):
        await opened.database.read(lambda it: it.execute(FOR_EVER).fetchall())

    assert await PredictionStore(opened).one("nothing") is None
    await opened.database.close()


@pytest.mark.parametrize("ask", ["read", "glance"])
async def test_a_read_that_a_failed_write_or_a_stop_cuts_off_is_not_called_too_long(
    opened: Opened, ask: str
) -> None:
    read = getattr(opened.database, ask)
    begun = threading.Event()

    def work(connection: Connection) -> object:
        begun.set()
        return connection.execute(FOR_EVER).fetchall()

    errors = []
    for cut_off in (
        opened.database.run(lambda it: it.execute("SELECT * FROM nothing")),
        opened.database.close(),
    ):
        begun.clear()
        asked = asyncio.create_task(read(work))
        await asyncio.to_thread(begun.wait, 60)
        found = await asyncio.wait_for(asyncio.gather(cut_off, asked, return_exceptions=True), 60)
        errors.append(found[1])

    assert [type(one) for one in errors] == [StoreError, StoreError]
    assert "closed during the question" in str(errors[0])


class Interrupted:
    """A cursor that tells when it is interrupted first."""

    def __init__(self, cursor: Connection, first: threading.Event) -> None:
        self._cursor, self._first = cursor, first

    def interrupt(self) -> None:
        try:
            self._cursor.interrupt()
        finally:
            self._first.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


@pytest.mark.parametrize("seconds", [0.2, 60.0], ids=["too long", "to be closed"])
async def test_an_interrupt_between_two_statements_ends_the_second_one(
    opened: Opened, seconds: float
) -> None:
    reader, first = Reader(opened.database.path, "test", seconds), threading.Event()
    cursor = await opened.database.run(lambda it: it.cursor())
    begun = threading.Event()

    def work(connection: Connection) -> object:
        begun.set()
        first.wait(60)
        return connection.execute(FOR_EVER).fetchall()

    def made() -> Any:
        return Interrupted(cursor, first)

    read = asyncio.get_running_loop().run_in_executor(reader.thread, reader.run, made, work)
    await asyncio.to_thread(begun.wait, 60)
    if seconds == 60.0:
        await asyncio.wait_for(asyncio.to_thread(reader.let_go), 10)
    with pytest.raises(StoreError):
        await asyncio.wait_for(read, 10)
    reader.shut_down()


async def test_a_reader_whose_read_has_just_failed_is_let_go(opened: Opened) -> None:
    reader, first = Reader(opened.database.path, "test", 60.0), threading.Event()
    cursor = await opened.database.run(lambda it: it.cursor())
    begun = threading.Event()

    class Closing(Interrupted):
        """A cursor that is interrupted while it closes."""

        def close(self) -> None:
            cursor.close()
            begun.set()
            first.wait(60)

    def work(connection: Connection) -> object:
        return connection.execute("SELECT error('this')").fetchall()

    def made() -> Any:
        return Closing(cursor, first)

    read = asyncio.get_running_loop().run_in_executor(reader.thread, reader.run, made, work)
    await asyncio.to_thread(begun.wait, 60)
    await asyncio.wait_for(asyncio.to_thread(reader.let_go), 10)
    with pytest.raises(StoreError):
        await asyncio.wait_for(read, 10)
    reader.shut_down()


class Contended:
    """A lock that tells when somebody waits for it."""

    def __init__(self) -> None:
        self.lock, self.waited_for = threading.Lock(), threading.Event()

    def __enter__(self) -> None:
        if self.lock.locked():
            self.waited_for.set()
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


async def test_a_read_that_begins_while_its_cursor_is_closed_is_answered_by_another(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, busy, reads = Reader(opened.database.path, "test", 60.0), Contended(), []
    cursors = [await opened.database.run(lambda it: it.cursor()) for _ in range(2)]
    monkeypatch.setattr(reader, "_busy", busy)

    def read() -> Future[Any]:
        return reader.thread.submit(reader.run, made, lambda it: it.execute("SELECT 7").fetchone())

    class Closing(Interrupted):
        """While it closes the next read comes as far as to wait for the lock."""

        def close(self) -> None:
            self._cursor.close()
            reads.append(read())
            busy.waited_for.wait(60)

    def made() -> Any:
        return Closing(cursors.pop(), threading.Event()) if len(cursors) == 2 else cursors.pop()

    def close() -> None:
        with reader.held():
            reader.close()

    assert await asyncio.wrap_future(read()) == (7,)
    await asyncio.wait_for(asyncio.to_thread(close), 60)
    assert await asyncio.wrap_future(reads[0]) == (7,)
    reader.shut_down()


async def test_a_glance_waits_for_neither_a_long_read_nor_a_write(opened: Opened) -> None:
    done = threading.Event()
    glance = opened.database.glance
    await glance(lambda _: None)
    held = [
        asyncio.create_task(opened.database.read(lambda _: done.wait(60))),
        asyncio.create_task(opened.database.run(lambda _: done.wait(60))),
    ]

    found = await asyncio.wait_for(
        glance(lambda it: it.execute("SELECT count(*) FROM events").fetchone()), 30
    )
    done.set()

    assert found == (0,)
    assert await asyncio.gather(*held) == [True, True]


async def test_reads_have_a_thread_of_their_own(opened: Opened) -> None:
    reading = await opened.database.read(lambda _: threading.get_ident())
    writing = await opened.database.run(lambda _: threading.get_ident())

    assert len({reading, writing, threading.get_ident()}) == 3


async def test_a_read_sees_what_is_stored_after_the_database_was_opened_anew(opened: Opened) -> None:
    store = PredictionStore(opened)
    await store.append([], [a_prediction(1)])
    assert await store.one("whale-1") is not None
    with pytest.raises(StoreError):
        await opened.database.run(lambda it: it.execute("SELECT nothing FROM nowhere"))

    await store.append([], [a_prediction(2)])

    assert await store.one("whale-2") is not None


async def giants(store: PredictionStore, number: int) -> None:
    whale = a_consolidation(1, random.Random(3))
    await store.append(
        [],
        [
            replace(
                whale,
                prediction_id=f"whale-{turn}",
                tx=replace(whale.tx, txid=numbered_txid(turn)),
                updated_at=a_prediction(turn).updated_at,
            )
            for turn in range(1, number + 1)
        ],
    )


PIECES_OF_A_GIANT = 130_000 // PIECE
MORE_THAN_FIT = PIECES_AT_ONCE // PIECES_OF_A_GIANT + 20


async def test_a_page_of_giants_is_cut_where_memory_ends_and_goes_on(store: PredictionStore) -> None:
    await giants(store, MORE_THAN_FIT)

    first = await store.page(PredictionQuery(limit=1_000))
    second = await store.page(PredictionQuery(limit=1_000, cursor=first.next_cursor))

    assert first.next_cursor is not None
    assert len(first.predictions) + len(second.predictions) <= MORE_THAN_FIT
    assert second.predictions


async def test_what_memory_has_no_room_for_at_a_start_is_named_and_left_to_the_store(
    store: PredictionStore, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.queries.PORTIONS_RESTORED", 1)
    await giants(store, MORE_THAN_FIT)

    whales, unloaded = await opened.database.run(
        lambda it: live_and_recent(it, ended_after=NOON, confirmed_above=None)
    )

    named = {quarantined.prediction_id for quarantined in unloaded.values()}
    assert len(whales) + len(named) == MORE_THAN_FIT
    assert named
