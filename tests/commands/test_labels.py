from pathlib import Path

import pytest

from tests.commands.conftest import Spout, one_line

ADDRESS = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
SCRIPT = "0014751e76e8199196d454941c45d1b3a323f1433bd6"


def test_an_added_label_is_listed(spout: Spout) -> None:
    ended = spout("labels", "add", ADDRESS, "My cold wallet", "--group", "me", "--kind", "other")

    assert ended.returncode == 0
    assert f"{ADDRESS},My cold wallet,me,other" in spout("labels", "list").stdout


def test_a_name_of_the_shipped_table_brings_its_kind(spout: Spout) -> None:
    spout("labels", "add", ADDRESS, "Kraken")

    assert f"{ADDRESS},Kraken,Kraken,exchange" in spout("labels", "list").stdout


def test_what_is_listed_can_be_imported(spout: Spout, here: Path) -> None:
    spout("labels", "add", ADDRESS, "Me")
    listed = spout("labels", "list").stdout
    (here / "mine.csv").write_text(listed)
    spout("labels", "remove", ADDRESS)

    ended = spout("labels", "import", here / "mine.csv")

    assert (ended.returncode, ended.stdout) == (0, "1 label imported.\n")
    assert spout("labels", "list").stdout == listed


def test_a_label_is_removed_by_its_script_too(spout: Spout) -> None:
    spout("labels", "add", ADDRESS, "Me")

    assert spout("labels", "remove", SCRIPT).returncode == 0
    assert ADDRESS not in spout("labels", "list").stdout


def test_a_label_that_is_not_there_cannot_be_removed(spout: Spout) -> None:
    ended = spout("labels", "remove", ADDRESS)

    assert ended.returncode == 2
    assert "labels list" in one_line(ended.stderr)


def test_an_address_with_a_typing_error_is_refused(spout: Spout) -> None:
    ended = spout("labels", "add", ADDRESS[:-1] + "5", "Me")

    assert ended.returncode == 2
    one_line(ended.stderr)


def test_one_bad_line_imports_nothing_and_is_named(spout: Spout, here: Path) -> None:
    (here / "mine.csv").write_text(f"address,entity\n{ADDRESS},Me\nnonsense,You\n")

    ended = spout("labels", "import", here / "mine.csv")

    assert ended.returncode == 2
    assert "line 3" in one_line(ended.stderr)
    assert ADDRESS not in spout("labels", "list").stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("address,entity\n" + "x,y\n" * 100_000, "more than 100,000 lines"),
        ("x" * 5_000_001, "larger than 5 MB"),
    ],
)
def test_a_file_over_the_limits_imports_nothing_here_either(
    spout: Spout, here: Path, content: str, words: str
) -> None:
    (here / "mine.csv").write_text(content)

    ended = spout("labels", "import", here / "mine.csv")

    assert ended.returncode == 2
    assert f"{words}: split it; nothing was imported" in one_line(ended.stderr)


def test_a_file_that_is_no_text_is_refused(spout: Spout, here: Path) -> None:
    (here / "mine.csv").write_bytes(bytes(range(128, 256)))

    ended = spout("labels", "import", here / "mine.csv")

    assert ended.returncode == 2
    assert "UTF-8" in one_line(ended.stderr)
