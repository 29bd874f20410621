"""The two small files of the login, whatever has become of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.errors import SettingsError
from app.web import EndedSessions, PasswordFile

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=1)
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"


def test_a_logout_outlives_the_process(tmp_path: Path) -> None:
    EndedSessions(tmp_path / "ended").add("one", LATER, NOON)

    assert "one" in EndedSessions(tmp_path / "ended")


def test_without_a_file_a_logout_is_remembered_all_the_same() -> None:
    ended = EndedSessions(None)
    ended.add("one", LATER, NOON)

    assert "one" in ended


def test_of_too_many_those_that_have_expired_go_first() -> None:
    ended = EndedSessions(None)
    ended.add("old", NOON - timedelta(days=1), NOON)
    for number in range(10_000):
        ended.add(f"new {number}", LATER, NOON)

    assert ("old" in ended, "new 0" in ended, "new 9999" in ended) == (False, True, True)


def test_of_too_many_that_count_the_oldest_goes() -> None:
    ended = EndedSessions(None)
    for number in range(10_001):
        ended.add(f"new {number}", LATER, NOON)

    assert ("new 0" in ended, "new 1" in ended, "new 10000" in ended) == (False, True, True)


@pytest.mark.parametrize("kept", ["", "[1]", '{"one": "soon"}', "[" * 100_000])
def test_a_file_of_logouts_that_is_damaged_keeps_nobody_out_of_the_pages(tmp_path: Path, kept: str) -> None:
    (tmp_path / "ended").write_text(kept, encoding="utf-8")

    assert "one" not in EndedSessions(tmp_path / "ended")


def test_a_logout_that_cannot_be_written_down_counts_until_the_end(tmp_path: Path) -> None:
    ended = EndedSessions(tmp_path / "nowhere" / "ended")
    ended.add("one", LATER, NOON)

    assert "one" in ended


def test_a_password_is_read_as_it_was_written(tmp_path: Path) -> None:
    PasswordFile(tmp_path / "password").write(HASH)

    assert PasswordFile(tmp_path / "password").read() == HASH


def test_where_none_was_set_there_is_none(tmp_path: Path) -> None:
    file = PasswordFile(tmp_path / "password")

    assert (file.read(), file.stamp()) == (None, None)


@pytest.mark.parametrize("kept", [b"swordfish", b"", b"\xff\xfe"])
def test_a_password_file_that_is_damaged_lets_nobody_in(tmp_path: Path, kept: bytes) -> None:
    (tmp_path / "password").write_bytes(kept)

    with pytest.raises(SettingsError, match="spout password"):
        PasswordFile(tmp_path / "password").read()


def test_a_password_that_cannot_be_kept_is_refused_and_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "password").mkdir()

    with pytest.raises(SettingsError, match="could not be kept"):
        PasswordFile(tmp_path / "password").write(HASH)
    assert [one.name for one in tmp_path.iterdir()] == ["password"]


def test_a_password_that_is_set_anew_is_noticed(tmp_path: Path) -> None:
    file = PasswordFile(tmp_path / "password")
    file.write(HASH)
    before = file.stamp()
    file.write(HASH)

    assert file.stamp() != before
