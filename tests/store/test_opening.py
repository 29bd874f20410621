import os
import random
import re
import shutil
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.errors import StoreError, StoreNewerError
from app.store.connections import Limits
from app.store.opening import Opened, open_database
from app.store.predictions import PredictionStore
from tests.store.builders import NOON, a_prediction, detected, source_degraded
from tests.store.test_kill import ROOT, killed_after

FILE = "spout.duckdb"
WAL = "spout.duckdb.wal"
HEADERS = 12_288
BLOCK = 262_144
"""DuckDB's, in bytes."""


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory whose appender was killed: everything it acknowledged is in the write-ahead log."""
    directory = tmp_path_factory.mktemp("crashed")
    killed_after(30, directory)
    return directory


@pytest.fixture
def torn(crashed: Path, tmp_path: Path) -> Path:
    shutil.copytree(crashed, tmp_path, dirs_exist_ok=True)
    return tmp_path


def codes(opened: Opened) -> set[str]:
    return {notice.code for notice in opened.notices}


async def counted(directory: Path) -> tuple[Opened, int, int]:
    """Open, count the events, append one and return its sequence."""
    opened = await open_database(directory, at=NOON)
    store = PredictionStore(opened)
    stored = len(await store.events_after(0, 1_000_000))
    (event,) = await store.append([source_degraded()], [])
    await opened.database.close()
    return opened, stored, event.sequence


def flipped(path: Path, at: int, bit: int = 2) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.write_bytes(content)


async def test_a_log_torn_anywhere_opens_tells_and_gives_no_number_twice(
    crashed: Path, tmp_path: Path
) -> None:
    chance = random.Random(1)
    whole = (crashed / WAL).read_bytes()
    last = int((crashed / "last-sequence").read_bytes().split()[0])
    kept = []
    for turn in range(30):
        directory = tmp_path / str(turn)
        shutil.copytree(crashed, directory)
        length = chance.randrange(len(whole))
        (directory / WAL).write_bytes(whole[:length])

        opened, stored, following = await counted(directory)
        kept.append(stored)
        assert codes(opened) == ({"events_lost"} if stored < last else set())
        assert following == last + 1
        if stored < last and length > 0:  # cut behind the last journal's row, nothing is lost
            assert [path.read_bytes() for path in directory.glob(f"{WAL}.*.set-aside")] == [whole[:length]]

    print(f"log of {len(whole)} bytes, {last} events, torn 30 times: {sorted(kept)} kept")
    assert len(set(kept)) > 5


async def test_a_log_with_a_flipped_bit_opens_with_what_comes_before_it(
    crashed: Path, tmp_path: Path
) -> None:
    chance = random.Random(2)
    length = (crashed / WAL).stat().st_size
    last = int((crashed / "last-sequence").read_bytes().split()[0])
    kept = []
    for turn in range(30):
        directory = tmp_path / str(turn)
        shutil.copytree(crashed, directory)
        flipped(directory / WAL, chance.randrange(length), chance.randrange(8))
        damaged = (directory / WAL).read_bytes()

        opened, stored, following = await counted(directory)
        kept.append(stored)
        assert stored == last or codes(opened) & {"wal_set_aside", "events_lost"}
        assert following == last + 1
        if stored < last:
            assert [path.read_bytes() for path in directory.glob("*.set-aside")] == [damaged]

    print(f"{last} events, a bit flipped 30 times: {sorted(kept)} kept")
    assert len(set(kept)) > 5


async def test_a_log_of_another_database_is_set_aside(torn: Path) -> None:
    other = torn / "other"
    killed_after(3, other)
    shutil.copy(other / WAL, torn / WAL)

    opened, _, _ = await counted(torn)
    assert "wal_set_aside" in codes(opened)


async def test_the_notice_stays_while_the_damaged_file_lies_there(torn: Path) -> None:
    flipped(torn / WAL, 5_000)
    await counted(torn)

    again, _, _ = await counted(torn)
    assert codes(again) == {"set_aside_kept"}


async def test_the_notice_ends_once_the_damaged_file_is_moved_away(torn: Path) -> None:
    flipped(torn / WAL, 5_000)
    await counted(torn)
    for path in torn.glob("*.set-aside"):
        path.rename(torn.parent / f"{torn.name}-{path.name}")

    again, _, _ = await counted(torn)
    assert again.notices == ()


DAMAGES = {
    "random bytes": lambda whole: os.urandom(len(whole)),
    "text": lambda _: b"this is no database\n" * 500,
    "half of it": lambda whole: whole[: len(whole) // 2],
    "only headers": lambda whole: whole[:9_000],
    "a bit of its first header": lambda whole: whole[:20] + bytes([whole[20] ^ 4]) + whole[21:],
    "zeros": lambda whole: bytes(len(whole)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_a_damaged_database_is_set_aside_whole_and_a_fresh_one_goes_on(
    torn: Path, damage: Callable[[bytes], bytes]
) -> None:
    await counted(torn)
    broken = damage((torn / FILE).read_bytes())
    (torn / FILE).write_bytes(broken)

    opened, stored, _ = await counted(torn)
    assert stored == 0
    assert "database_set_aside" in codes(opened)
    assert [path.read_bytes() for path in torn.glob(f"{FILE}.2*.set-aside")] == [broken]


@pytest.mark.parametrize("full_check_mb", [256, 0], ids=["read through", "read in part"])
async def test_a_bit_flipped_in_what_a_start_needs_is_seen_at_opening(torn: Path, full_check_mb: int) -> None:
    await counted(torn)
    for block in range(HEADERS + 1_000, (torn / FILE).stat().st_size, BLOCK):  # some of them may be free
        flipped(torn / FILE, block)

    opened = await open_database(torn, at=NOON, limits=Limits(full_check_mb=full_check_mb))
    await opened.database.close()
    assert "database_set_aside" in codes(opened)


async def test_a_fresh_database_never_repeats_a_number_or_an_instance(torn: Path) -> None:
    before, _, last = await counted(torn)
    (torn / FILE).write_bytes(b"gone" * 9_000)

    after, _, following = await counted(torn)
    assert (following, after.instance == before.instance) == (last + 1, False)


async def test_a_database_without_a_single_byte_is_made_anew_without_a_word(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()

    opened, stored, _ = await counted(tmp_path)
    assert (opened.notices, stored) == ((), 0)


async def test_a_creation_that_was_cut_short_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / f"{FILE}.new").write_bytes(b"half a database")

    opened, _, _ = await counted(tmp_path)
    assert opened.notices == ()


async def test_a_schema_from_a_newer_spout_is_refused_and_left_untouched(torn: Path) -> None:
    opened = await open_database(torn, at=NOON)
    await opened.database.run(
        lambda connection: connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    )
    await opened.database.close()
    before = {path.name: path.read_bytes() for path in torn.iterdir()}

    with pytest.raises(StoreNewerError, match="newer Spout"):
        await open_database(torn, at=NOON)
    assert {path.name: path.read_bytes() for path in torn.iterdir()} == before


async def test_a_storage_from_a_newer_duckdb_is_refused_and_left_untouched(torn: Path) -> None:
    await counted(torn)
    newer = with_storage_version((torn / FILE).read_bytes(), 5_000, torn)

    with pytest.raises(StoreNewerError, match="newer DuckDB"):
        await open_database(torn, at=NOON)
    assert (torn / FILE).read_bytes() == newer


def with_storage_version(content: bytes, version: int, directory: Path) -> bytes:
    """Write a storage version into the main header (offset 12) with the checksum DuckDB asks for."""
    header = bytearray(content)
    header[12:20] = struct.pack("<Q", version)
    (directory / FILE).write_bytes(header)
    ping_once = f"import duckdb; duckdb.connect({str(directory / FILE)!r})"
    reported = subprocess.run(
        [sys.executable, "-c", ping_once], capture_output=True, text=True, check=False
    ).stderr
    checksum = re.search(r"computed checksum (\d+)", reported)
    assert checksum, reported
    header[0:8] = struct.pack("<Q", int(checksum[1]))
    (directory / FILE).write_bytes(header)
    return bytes(header)


async def test_a_second_process_is_told_that_the_directory_is_in_use(tmp_path: Path) -> None:
    opened = await open_database(tmp_path, at=NOON)
    second = subprocess.run(
        [sys.executable, "-m", "tests.store.appender", str(tmp_path), "1", "1"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    await opened.database.close()

    assert "StoreError: another Spout already uses" in second.stderr


async def test_a_closed_directory_can_be_opened_again_at_once(tmp_path: Path) -> None:
    for _ in range(3):
        opened = await open_database(tmp_path, at=NOON)
        await opened.database.close()


async def test_a_closed_database_leaves_no_log_behind(tmp_path: Path) -> None:
    opened = await open_database(tmp_path, at=NOON)
    await PredictionStore(opened).append([detected(a_prediction(1))], [a_prediction(1)])
    await opened.database.close()

    assert not (tmp_path / WAL).exists()


async def test_after_closing_work_is_refused(tmp_path: Path) -> None:
    opened = await open_database(tmp_path, at=NOON)
    await opened.database.close()

    with pytest.raises(StoreError, match="closed"):
        await opened.database.run(lambda connection: connection.execute("SELECT 1"))


async def test_a_file_where_the_directory_should_be_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a directory")

    with pytest.raises(StoreError, match="cannot be used"):
        await open_database(tmp_path / "data", at=NOON)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "data"
    directory.mkdir()
    directory.chmod(0o555)
    yield directory
    directory.chmod(0o755)


def test_a_read_only_directory_is_a_clear_error(read_only: Path) -> None:
    # From within it and as nobody: root, who runs the tests in a container, may write everywhere.
    attempt = (
        "import asyncio, os, pathlib; from tests.store.appender import append_for_ever; "
        f"os.chdir({str(read_only)!r}); os.geteuid() or os.setuid(65534); "
        "asyncio.run(append_for_ever(pathlib.Path('.'), 1, 1))"
    )
    reported = subprocess.run(
        [sys.executable, "-c", attempt], cwd=ROOT, capture_output=True, text=True, check=False
    ).stderr

    if os.geteuid() == 0:
        assert "StoreError: the data directory . cannot be used: Permission denied" in reported
    else:  # its owner closes it to others, and may write then
        assert reported == ""


async def test_the_memory_limit_and_the_thread_count_are_what_was_asked(tmp_path: Path) -> None:
    opened = await open_database(tmp_path, at=NOON, limits=Limits(memory_mb=80, threads=2))
    row = await opened.database.run(
        lambda connection: connection.execute(
            "SELECT current_setting('memory_limit'), current_setting('threads'), "
            "current_setting('allocator_background_threads')"
        ).fetchone()
    )
    await opened.database.close()

    assert row == ("80.0 MiB", 2, True)  # without the last, what is free is not given back


async def test_all_work_is_done_on_one_thread_that_is_not_the_loops(tmp_path: Path) -> None:
    opened = await open_database(tmp_path, at=NOON)
    threads = [await opened.database.run(lambda _: threading.get_ident()) for _ in range(5)]
    await opened.database.close()

    assert len(set(threads)) == 1
    assert threading.get_ident() not in threads


@pytest.mark.parametrize(
    "statement",
    [
        "FROM 'http://127.0.0.1:9/x.parquet'",
        "FROM read_text('/etc/hostname')",
        "FROM read_text('{directory}/secret')",
        "COPY events TO '{directory}/copy.csv'",
        "ATTACH '{directory}/other.duckdb'",
        "SET enable_external_access = true",
        "SET threads = 64",
        "SET allowed_configs = ['threads']",
        "INSTALL httpfs",
    ],
)
async def test_a_statement_reaches_no_other_file_or_host(tmp_path: Path, statement: str) -> None:
    opened = await open_database(tmp_path, at=NOON)
    (tmp_path / "secret").write_text("hush")
    with pytest.raises(StoreError, match=r"disabled|locked"):
        await opened.database.run(lambda connection: connection.execute(statement.format(directory=tmp_path)))
    await opened.database.close()


def test_only_one_module_imports_duckdb() -> None:
    importing = re.compile(r"^\s*(import|from) duckdb\b", re.MULTILINE)
    modules = [path for room in ("app", "dashboard", "notifiers") for path in (ROOT / room).rglob("*.py")]

    assert [path.name for path in modules if importing.search(path.read_text("utf-8"))] == ["connections.py"]
