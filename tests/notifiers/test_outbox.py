"""What the outbox keeps over an update, and how it asks the store."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from app.store.connections import Connection, in_memory
from app.store.migrations import build, migrate
from notifiers.together import Together
from notifiers.waiting import TOGETHER, Wanted, queues
from tests.fakes import NOON

REFUSED: Final = (400, None)
TOO_MANY: Final = (429, None)
BUSY: Final = (503, None)
UNKNOWN_MAILBOX: Final = (None, "the mail server answered 550 no such user")
FULL_MAILBOX: Final = (None, "the mail server answered 452 mailbox full")
TAKEN: Final = (200, None)


def refusals_after_the_update(*answers: tuple[int | None, str | None], status: str = "waiting") -> int:
    """Of a delivery that schema 9 has with these attempts."""
    connection = in_memory()
    build(connection, 9)
    connection.execute("INSERT INTO meta VALUES ('instance', 'i'), ('schema_version', '9')")
    connection.execute(
        "INSERT INTO deliveries VALUES ('dlv_1_a', 'ep_a', 1, 'evt_1', 'fees.spiked', ?, ?, NULL, NULL)",
        [NOON, status],
    )
    for number, (code, error) in enumerate(answers):
        connection.execute(
            "INSERT INTO attempts VALUES ('dlv_1_a', 'ep_a', ?, ?, 1.0, ?, ?, NULL)",
            [NOON + timedelta(minutes=number), (code, error) == TAKEN, code, error],
        )
    migrate(connection, "i")
    return count_of(connection)


def count_of(connection: Connection) -> int:
    found = connection.execute("SELECT refusals FROM deliveries").fetchone()
    assert found is not None
    return int(found[0])


def test_an_update_counts_the_refusals_of_what_waits() -> None:
    assert refusals_after_the_update(REFUSED, BUSY, UNKNOWN_MAILBOX) == 2


def test_an_update_counts_no_answer_that_asks_to_try_again() -> None:
    assert refusals_after_the_update(TOO_MANY, BUSY, FULL_MAILBOX) == 0


def test_an_update_counts_no_refusal_from_before_a_success() -> None:
    assert refusals_after_the_update(REFUSED, REFUSED, TAKEN, REFUSED) == 1


def test_an_update_counts_no_refusal_from_before_it_was_sent_again() -> None:
    assert refusals_after_the_update(REFUSED, REFUSED, REFUSED, REFUSED) == 1


def test_an_update_counts_none_of_what_is_settled() -> None:
    assert refusals_after_the_update(REFUSED, REFUSED, status="failed") == 0


async def test_what_is_asked_in_one_moment_is_done_together() -> None:
    turns: list[list[int]] = []

    async def work(asked: Sequence[int]) -> list[int]:
        turns.append(list(asked))
        await asyncio.sleep(0)
        return [-one for one in asked]

    together = Together(work)
    first = [together.ask(1), together.ask(2)]
    await asyncio.wait(first)
    later = together.ask(3)

    assert [await one for one in (*first, later)] == [-1, -2, -3]
    assert turns == [[1, 2], [3]]


async def test_what_cannot_be_done_fails_for_who_asked_for_it_and_for_nobody_else() -> None:
    async def work(asked: Sequence[int]) -> list[int]:
        if 1 in asked:
            raise ValueError("one of them")
        return list(asked)

    together = Together(work)
    failed = await asyncio.gather(together.ask(1), together.ask(2), return_exceptions=True)

    assert [str(one) for one in failed] == ["one of them", "2"]
    assert await together.ask(3) == 3


def test_however_many_queues_are_read_together_they_fit_into_the_memory_there_is() -> None:
    connection = in_memory(64)
    build(connection, 10)
    connection.execute(
        "INSERT INTO alerts SELECT i, 'evt_' || i, 'fees.spiked', ?, repeat(md5(i::VARCHAR), 600) "
        "FROM range(100) ids(i)",
        [NOON],
    )
    connection.execute(
        "INSERT INTO deliveries SELECT 'dlv_' || i || e, 'ep_' || e, i, 'evt_' || i, 'fees.spiked', ?, "
        "'waiting', NULL, NULL, 0 FROM range(100) ids(i), range(100) endpoints(e)",
        [NOON],
    )

    read = queues(connection, [Wanted(f"ep_{number}") for number in range(100)])

    sequences = [[one.sequence for one in queue.deliveries] for queue in read]
    assert sequences == [list(range(TOGETHER // 100))] * 100
    assert all(queue.more for queue in read)
