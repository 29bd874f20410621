from tests.commands.conftest import Spout, one_line


def row(listed: str, name: str) -> str:
    return next(line for line in listed.splitlines() if line.startswith(name))


def test_a_value_that_is_set_is_listed_with_where_it_comes_from(spout: Spout) -> None:
    ended = spout("settings", "set", "SPOUT_RETENTION_DAYS", "30")

    assert (ended.returncode, ended.stderr, len(ended.stdout.splitlines())) == (0, "", 1)
    assert row(spout("settings", "list").stdout, "SPOUT_RETENTION_DAYS").split()[1:4] == ["30", "set", "here"]


def test_unset_goes_back_to_the_default(spout: Spout) -> None:
    spout("settings", "set", "SPOUT_RETENTION_DAYS", "30")

    ended = spout("settings", "unset", "SPOUT_RETENTION_DAYS")

    assert ended.stdout == "SPOUT_RETENTION_DAYS is 90 again, from the default.\n"


def test_a_name_with_a_typing_error_names_the_right_one(spout: Spout) -> None:
    ended = spout("settings", "set", "SPOUT_RETENTION_DAY", "30")

    assert ended.returncode == 2
    assert "did you mean SPOUT_RETENTION_DAYS?" in one_line(ended.stderr)


def test_a_bad_value_is_one_line_and_changes_nothing(spout: Spout) -> None:
    ended = spout("settings", "set", "SPOUT_CURRENCY", "euro")

    assert (ended.returncode, one_line(ended.stderr)) == (
        2,
        "spout: SPOUT_CURRENCY must be off, or a currency of three letters like EUR\n",
    )
    assert row(spout("settings", "list").stdout, "SPOUT_CURRENCY").split()[1] == "off"
