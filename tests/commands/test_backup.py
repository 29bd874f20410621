"""`spout backup` and `spout restore` of a Spout that does not run; of a running one: tests/journey."""

import asyncio
import stat
from pathlib import Path

import pytest

from app.store.opening import open_database
from app.store.predictions import PredictionStore
from tests.commands.conftest import Spout, one_line
from tests.store.builders import NOON, a_prediction, detected


def stored(data_dir: Path, *numbers: int) -> None:
    async def work() -> None:
        opened = await open_database(data_dir, at=NOON)
        store = PredictionStore(opened)
        for number in numbers:
            await store.append([detected(a_prediction(number))], [a_prediction(number)])
        await opened.database.close()

    asyncio.run(work())


def reported(data_dir: Path) -> list[tuple[int, str | None]]:
    async def work() -> list[tuple[int, str | None]]:
        opened = await open_database(data_dir, at=NOON)
        events = await PredictionStore(opened).events_after(0, 1_000)
        await opened.database.close()
        return [(event.sequence, event.prediction_id) for event in events]

    return asyncio.run(work())


@pytest.fixture
def backed_up(spout: Spout, here: Path) -> Path:
    stored(here / "kept", 1, 2, 3)
    assert spout("backup", "one.backup").returncode == 0
    return here / "one.backup"


def test_a_backup_is_for_this_user_alone(backed_up: Path) -> None:
    assert stat.S_IMODE(backed_up.stat().st_mode) == 0o600


def test_a_file_that_is_there_is_left(spout: Spout, backed_up: Path) -> None:
    before = backed_up.read_bytes()

    ended = spout("backup", "one.backup")

    assert ended.returncode == 2
    assert one_line(ended.stderr).startswith("spout: one.backup is there already")
    assert backed_up.read_bytes() == before


def test_without_a_database_there_is_nothing_to_back_up(spout: Spout, here: Path) -> None:
    ended = spout("backup", "one.backup")

    assert ended.returncode == 2
    assert "holds no database" in one_line(ended.stderr)
    assert not (here / "one.backup").exists()


def test_a_restore_takes_the_place_of_what_is_there_and_no_number_is_given_twice(
    spout: Spout, here: Path, backed_up: Path
) -> None:
    stored(here / "kept", 4, 5)

    ended = spout("restore", backed_up, "--yes")

    assert ended.returncode == 0, ended.stderr
    assert reported(here / "kept") == [(1, "whale-1"), (2, "whale-2"), (3, "whale-3")]
    stored(here / "kept", 6)
    assert reported(here / "kept")[-1] == (6, "whale-6")


@pytest.mark.usefixtures("backed_up")
def test_a_key_revoked_since_stays_revoked(spout: Spout) -> None:
    spout("keys", "create", "phone", "--scope", "read")
    spout("backup", "two.backup")
    spout("keys", "revoke", "phone")

    ended = spout("restore", "two.backup", "--yes")

    assert "API keys: phone (read)" in ended.stderr
    assert "revoked" in spout("keys", "list").stdout
    assert len(spout("keys", "list").stdout.splitlines()[1].split()) == 4


@pytest.mark.usefixtures("backed_up")
def test_from_another_secrets_backup_no_key_is_taken_unless_asked_for(spout: Spout, here: Path) -> None:
    spout("keys", "create", "phone", "--scope", "admin")
    spout("backup", "two.backup")
    other = {"SPOUT_DATA_DIR": str(here / "other")}

    first = spout("restore", "two.backup", "--yes", **other)
    without = spout("keys", "list").stdout
    second = spout("restore", "two.backup", "--yes", "--with-keys")

    assert "left out unless you add --with-keys" in first.stderr
    assert "phone" not in without
    assert "you asked for these too" in second.stderr
    assert "phone" in spout("keys", "list").stdout


def test_any_other_file_is_refused_in_one_line(spout: Spout, here: Path) -> None:
    (here / "letter").write_text("dear reader")

    ended = spout("restore", "letter", "--yes")

    assert ended.returncode == 2
    assert one_line(ended.stderr).startswith("spout: nothing is restored from letter")
