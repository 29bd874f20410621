"""The operator's own settings, kept in the operator's file."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.errors import SettingsError
from app.settings import SettingsInForce, read_settings
from app.store.operator.file import OPERATOR_FILE, OperatorFile, open_operator
from app.store.operator.settings import SettingStore
from app.views import ComesFrom, SettingShown
from tests.store.builders import NOON

DAYS = "SPOUT_RETENTION_DAYS"
TO_THE_MILLISECOND = NOON.replace(microsecond=123_000)


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[OperatorFile]:
    opened = await open_operator(tmp_path, at=NOON)
    yield opened.file
    await opened.file.close()


def a_store(file: OperatorFile, **environ: str) -> tuple[SettingStore, SettingsInForce]:
    in_force = SettingsInForce(read_settings(environ))
    return SettingStore(file, in_force, lambda: NOON), in_force


async def shown(store: SettingStore, name: str) -> SettingShown:
    return next(one for one in await store.listed() if one.name == name)


async def test_a_change_is_in_force_at_once_and_kept(file: OperatorFile) -> None:
    store, in_force = a_store(file)

    await store.change({DAYS: "30"})

    assert in_force.current.retention_days == 30
    after_a_restart, again = a_store(file)
    await after_a_restart.refresh()
    assert again.current.retention_days == 30


async def test_each_value_says_where_it_comes_from(file: OperatorFile) -> None:
    store, _ = a_store(file, SPOUT_CURRENCY="EUR", SPOUT_RETENTION_DAYS="60")
    await store.change({DAYS: "30"})

    days, currency, zone = [await shown(store, name) for name in (DAYS, "SPOUT_CURRENCY", "SPOUT_TIMEZONE")]

    assert (days.value, days.comes_from, days.without, days.changed_at) == (
        30,
        ComesFrom.OPERATOR,
        60,
        TO_THE_MILLISECOND,
    )
    assert (currency.value, currency.comes_from) == ("EUR", ComesFrom.ENVIRONMENT)
    assert (zone.value, zone.comes_from) == ("UTC", ComesFrom.DEFAULT)


async def test_one_bad_value_of_several_changes_nothing(file: OperatorFile) -> None:
    store, in_force = a_store(file)

    with pytest.raises(SettingsError, match="SPOUT_CURRENCY"):
        await store.change({DAYS: "30", "SPOUT_CURRENCY": "euro"})

    assert in_force.current.retention_days == 90


async def test_a_kept_value_that_means_nothing_any_more_is_not_said_to_be_in_force(
    file: OperatorFile,
) -> None:
    store, _ = a_store(file, SPOUT_RETENTION_DAYS="60")
    row = (DAYS, "a season", str(NOON))
    await file.run(lambda known: known.execute("INSERT INTO settings VALUES (?, ?, ?)", row))

    days = await shown(store, DAYS)

    assert (days.value, days.comes_from, days.changed_at) == (60, ComesFrom.ENVIRONMENT, None)


async def test_what_another_process_sets_is_taken_with_the_next_look(
    file: OperatorFile, tmp_path: Path
) -> None:
    store, in_force = a_store(file)
    await store.refresh()
    other = await open_operator(tmp_path, at=NOON)
    await a_store(other.file)[0].change({DAYS: "7"})
    await other.file.close()

    await store.refresh()

    assert in_force.current.retention_days == 7


async def test_a_file_of_the_first_version_gains_room_for_settings_and_keeps_its_keys(tmp_path: Path) -> None:
    opened = await open_operator(tmp_path, at=NOON)
    await opened.file.close()
    with sqlite3.connect(tmp_path / OPERATOR_FILE) as connection:
        connection.execute("DROP TABLE settings")
        connection.execute("DROP TABLE endpoints")
        connection.execute("DROP TABLE audit")
        connection.execute("DROP TABLE called_hosts")
        connection.execute("ALTER TABLE labels DROP COLUMN private")
        connection.execute("INSERT INTO keys VALUES ('k', 'n', 'read', 'h', ?, NULL)", (str(NOON),))
        connection.execute("PRAGMA user_version = 1")

    opened = await open_operator(tmp_path, at=NOON)
    await a_store(opened.file)[0].change({DAYS: "7"})
    keys = await opened.file.run(lambda known: known.execute("SELECT id FROM keys").fetchall())
    await opened.file.close()

    assert keys == [("k",)]
