"""The data directory is its owner's alone."""

import stat
from pathlib import Path

import pytest

from app.keyring import keep_private


def mode_of(directory: Path) -> int:
    return stat.S_IMODE(directory.stat().st_mode)


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o777, 0o701])
def test_a_directory_that_others_may_enter_is_closed(tmp_path: Path, mode: int) -> None:
    directory = tmp_path / "data"
    directory.mkdir()
    directory.chmod(mode)
    keep_private(directory)

    assert mode_of(directory) == 0o700


def test_a_new_one_is_made_private(tmp_path: Path) -> None:
    keep_private(tmp_path / "new" / "data")

    assert mode_of(tmp_path / "new" / "data") == 0o700


def test_one_that_many_users_share_is_left_as_it_is(tmp_path: Path) -> None:
    directory = tmp_path / "shared"
    directory.mkdir()
    directory.chmod(0o1777)
    keep_private(directory)

    assert mode_of(directory) == 0o1777
