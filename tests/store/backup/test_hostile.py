"""What comes in place of a backup: nothing of it does anything, and nothing is restored from it."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from app.errors import StoreError
from app.store.backup import BadBackupError
from tests.store.backup.conftest import Made, Preparing

Hostile = Callable[..., Path]


async def test_a_changed_backup_is_a_strangers(hostile: Hostile, preparing: Preparing) -> None:
    prepared = await preparing(hostile("DELETE FROM events WHERE sequence = 3"))

    assert not prepared.trusted
    assert prepared.access.keys == ("phone (read)",)


async def test_a_view_named_like_a_table_is_not_read(hostile: Hostile, preparing: Preparing) -> None:
    file = hostile(
        "ALTER TABLE predictions RENAME TO others",
        "CREATE VIEW predictions AS SELECT o.* REPLACE (r.content AS txid) "
        f"FROM others o, read_text('{Path(__file__)}') r",
    )

    with pytest.raises(BadBackupError, match="it has no table predictions"):
        await preparing(file)


async def test_a_view_in_place_of_meta_is_not_read(hostile: Hostile, preparing: Preparing) -> None:
    file = hostile("ALTER TABLE meta RENAME TO others", "CREATE VIEW meta AS FROM others")

    with pytest.raises(BadBackupError, match="no database of Spout's"):
        await preparing(file)


async def test_a_macro_named_like_a_function_of_ours_is_not_run(
    hostile: Hostile, preparing: Preparing
) -> None:
    prepared = await preparing(hostile("CREATE MACRO epoch_us(x) AS error('run')"))

    assert prepared.last_sequence == 25


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE events SET sequence = 7", "numbered twice"),
        ("UPDATE events SET sequence = 9223372036854775807 WHERE sequence = 9", "column sequence cannot"),
        ("UPDATE events SET sequence = -1 WHERE sequence = 9", "numbered twice"),
        ("UPDATE meta SET value = '99' WHERE key = 'schema_version'", "newer"),
        ("UPDATE meta SET value = '-1' WHERE key = 'schema_version'", "no database of Spout's"),
        ("UPDATE meta SET value = '../../x' WHERE key = 'instance'", "no database of Spout's"),
        ("UPDATE parts SET body = repeat('x', 20000000)::BLOB WHERE id = 1", "too large|too many|memory"),
        ("UPDATE predictions SET detected_at = '9000-01-01 00:00:00+00'", "column detected_at cannot"),
        ("UPDATE predictions SET record = 'abc'::BLOB", "does not read"),
        ("ALTER TABLE predictions DROP COLUMN status", "no column status"),
        ("DROP TABLE parts", "no table parts"),
        ("UPDATE events SET sequence = sequence + 9000000000000000", "no Spout has come to"),
        ("UPDATE operator_rows SET row = '{\"id\": 7}'", "nothing is restored"),
    ],
)
async def test_what_our_tables_cannot_hold_is_refused(
    hostile: Hostile, preparing: Preparing, statement: str, why: str
) -> None:
    with pytest.raises(StoreError, match=why):
        await preparing(hostile(statement))


async def test_a_column_that_is_computed_is_no_way_in(preparing: Preparing, tmp_path: Path) -> None:
    """It runs when it is read: within a process that can open nothing."""
    file = tmp_path / "computed.backup"
    connection = duckdb.connect(str(file))
    connection.execute(
        "CREATE TABLE meta (key VARCHAR, value VARCHAR GENERATED ALWAYS AS (getvariable('HOME')) VIRTUAL)"
    )
    connection.execute("INSERT INTO meta VALUES ('schema_version'), ('instance')")
    connection.close()

    with pytest.raises(BadBackupError, match="no database of Spout's"):
        await preparing(file)


@pytest.mark.parametrize("length", [0, 100, 12_288, 300_000, 600_000])
async def test_a_backup_cut_short_is_refused(
    made: Made, preparing: Preparing, tmp_path: Path, length: int
) -> None:
    (tmp_path / "short").write_bytes(made.file.read_bytes()[:length])

    with pytest.raises(BadBackupError, match="nothing is restored from short"):
        await preparing(tmp_path / "short")


async def test_any_other_file_is_refused(preparing: Preparing, tmp_path: Path) -> None:
    (tmp_path / "letter").write_bytes(b"dear reader\n" * 5_000)

    with pytest.raises(BadBackupError, match="nothing is restored from letter"):
        await preparing(tmp_path / "letter")


async def test_of_a_refused_one_nothing_is_left(
    hostile: Hostile, preparing: Preparing, tmp_path: Path
) -> None:
    with pytest.raises(BadBackupError):
        await preparing(hostile("DROP TABLE parts"))

    assert list((tmp_path / "data").iterdir()) == []


async def test_a_database_of_another_program_is_refused(preparing: Preparing, tmp_path: Path) -> None:
    connection = duckdb.connect(str(tmp_path / "other"))
    connection.execute("CREATE TABLE meta (name VARCHAR)")
    connection.close()

    with pytest.raises(BadBackupError, match="no database of Spout's"):
        await preparing(tmp_path / "other")
