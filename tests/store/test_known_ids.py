"""What is remembered of which predictions have rows."""

from app.store.connections import Connection, in_memory
from app.store.known_ids import SINGLY, KnownIds


def a_table(*ids: str) -> Connection:
    connection = in_memory()
    connection.execute("CREATE TABLE predictions (prediction_id VARCHAR NOT NULL)")
    for one in ids:
        connection.execute("INSERT INTO predictions VALUES (?)", [one])
    return connection


def test_of_many_ids_those_with_a_row_are_found() -> None:
    stored = [f"whl_{number}" for number in range(50)]

    found = KnownIds().may_be_stored(a_table(*stored), [*stored, *(f"whl_{one}" for one in range(50, 100))])

    assert found == sorted(stored)


def test_one_that_was_stored_since_is_found() -> None:
    ids, connection = KnownIds(), a_table("whl_1")
    ids.may_be_stored(connection, [])
    ids.add(["whl_2"])

    assert ids.may_be_stored(connection, ["whl_2", "whl_3"]) == ["whl_2"]


def test_after_a_doubt_only_what_has_a_row_is_found() -> None:
    ids, connection = KnownIds(), a_table("whl_1")
    ids.add(["whl_2"])
    ids.forget()

    assert ids.may_be_stored(connection, ["whl_1", "whl_2"]) == ["whl_1"]


def test_more_than_are_held_one_by_one_are_found_all_the_same() -> None:
    ids, connection = KnownIds(), a_table("whl_before")
    ids.may_be_stored(connection, [])
    stored = [f"whl_{number}" for number in range(2 * SINGLY)]
    for start in range(0, len(stored), 100):
        ids.add(stored[start : start + 100])

    assert ids.may_be_stored(connection, ["whl_before", "whl_new", *stored]) == sorted(
        ["whl_before", *stored]
    )
