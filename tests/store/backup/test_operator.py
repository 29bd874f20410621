"""Keys and endpoints of a backup, merged with those that are here."""

import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.core.access import Scope
from app.core.flow import a_label
from app.store.backup import merge, operator_rows
from app.store.backup.operator import Row, parsed
from app.store.operator import KeyStore, LabelStore, OperatorFile, open_operator
from tests.store.builders import NOON

ADDRESS = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
LATER = NOON + timedelta(hours=1)


class Box:
    """The operator's data of one machine."""

    def __init__(self, file: OperatorFile) -> None:
        self.file = file
        self.keys = KeyStore(file)

    async def backed_up(self) -> list[Row]:
        return await self.file.run(operator_rows)

    async def restored(self, rows: list[Row], *, trusted: bool) -> list[str]:
        return await self.file.run(lambda connection: merge(connection, parsed(rows), trusted=trusted))

    async def asked(self, sql: str) -> list[tuple[object, ...]]:
        return await self.file.run(lambda connection: connection.execute(sql).fetchall())


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Box]:
    file = (await open_operator(tmp_path / "here", at=NOON)).file
    yield Box(file)
    await file.close()


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Box]:
    file = (await open_operator(tmp_path / "there", at=NOON)).file
    yield Box(file)
    await file.close()


def an_endpoint(connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO endpoints VALUES ('ep_1', 'pager', 'webhook', '{}', x'0102', 1, NULL, '2026-01-01')"
    )


async def test_a_key_of_a_trusted_backup_is_good_again(here: Box, there: Box) -> None:
    key = await there.keys.create("phone", Scope.READ, NOON)

    await here.restored(await there.backed_up(), trusted=True)

    assert await here.keys.find(key) is not None


async def test_a_key_of_a_strangers_backup_is_not(here: Box, there: Box) -> None:
    key = await there.keys.create("phone", Scope.ADMIN, NOON)

    await here.restored(await there.backed_up(), trusted=False)

    assert await here.keys.find(key) is None


async def test_what_was_revoked_since_stays_revoked(here: Box) -> None:
    key = await here.keys.create("phone", Scope.READ, NOON)
    rows = await here.backed_up()
    await here.keys.revoke("phone", LATER)

    await here.restored(rows, trusted=True)

    assert await here.keys.find(key) is None


@pytest.mark.parametrize("trusted", [True, False])
async def test_what_was_revoked_in_the_backup_is_revoked_here(here: Box, trusted: bool) -> None:  # noqa: FBT001
    key = await here.keys.create("phone", Scope.READ, NOON)
    before = await here.backed_up()
    await here.keys.revoke("phone", LATER)
    rows = await here.backed_up()
    await here.file.run(lambda connection: connection.execute("DELETE FROM keys"))
    await here.restored(before, trusted=True)

    await here.restored(rows, trusted=trusted)

    assert await here.keys.find(key) is None


async def test_a_living_key_keeps_its_name(here: Box, there: Box) -> None:
    mine = await here.keys.create("phone", Scope.READ, NOON)
    await there.keys.create("phone", Scope.READ, NOON)

    kept_out = await here.restored(await there.backed_up(), trusted=True)

    assert kept_out == ["phone"]
    assert await here.keys.find(mine) is not None


async def test_an_endpoint_comes_back_with_what_is_sealed(here: Box, there: Box) -> None:
    await there.file.run(an_endpoint)

    await here.restored(await there.backed_up(), trusted=True)

    assert await here.asked("SELECT id, sealed, enabled FROM endpoints") == [("ep_1", b"\x01\x02", 1)]


async def test_an_endpoint_that_is_disabled_here_stays_so(here: Box) -> None:
    await here.file.run(an_endpoint)
    rows = await here.backed_up()
    await here.asked("UPDATE endpoints SET enabled = 0")

    await here.restored(rows, trusted=True)

    assert await here.asked("SELECT enabled FROM endpoints") == [(0,)]


async def test_an_endpoint_of_a_stranger_is_not_taken(here: Box, there: Box) -> None:
    await there.file.run(an_endpoint)

    await here.restored(await there.backed_up(), trusted=False)

    assert await here.asked("SELECT * FROM endpoints") == []


async def test_a_private_label_comes_back_private(here: Box, there: Box) -> None:
    label = a_label(ADDRESS, "Grandma", created_at="2026-03-01", private=True)
    await LabelStore(here.file).put([label])

    await there.restored(await here.backed_up(), trusted=True)

    assert await LabelStore(there.file).listed() == (label,)
