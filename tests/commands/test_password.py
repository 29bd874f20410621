import io
from pathlib import Path

import pytest

from app.settings import PASSWORD_FILE, read_settings
from tests.commands.conftest import Spout, one_line


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a good one\n"))


@pytest.mark.usefixtures("typed")
def test_a_password_from_standard_input_is_kept_as_a_hash(spout: Spout, here: Path) -> None:
    ended = spout("password")

    kept = (here / "kept" / PASSWORD_FILE).read_text("ascii")
    assert (ended.returncode, "a good one" in kept, kept[:9]) == (0, False, "$argon2id")


@pytest.mark.usefixtures("typed")
def test_with_it_other_machines_may_be_let_in(spout: Spout, here: Path) -> None:
    spout("password")

    settings = read_settings({"SPOUT_HOST": "0.0.0.0", "SPOUT_DATA_DIR": str(here / "kept")})
    assert settings.host == "0.0.0.0"


@pytest.mark.usefixtures("typed")
def test_one_in_the_environment_is_changed_there(spout: Spout) -> None:
    assert "stands in SPOUT_PASSWORD" in one_line(spout("password", SPOUT_PASSWORD="x").stderr)


def test_an_empty_one_is_refused(spout: Spout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))

    assert "must not be empty" in one_line(spout("password").stderr)


def test_one_of_a_few_letters_is_refused_and_none_is_set(
    spout: Spout, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("seven77\n"))

    assert "shorter than 8 characters: take a few words" in one_line(spout("password").stderr)
    assert not (here / "kept" / PASSWORD_FILE).exists()
