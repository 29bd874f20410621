"""Files of labels: what holds on every way in."""

import json

import pytest

from app.core.flow import MOST_FILE_BYTES, MOST_FILE_LINES, read_label_file
from app.errors import LabelError
from tests.builders import DAY, a_script

ADDRESS = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_a_file_of_more_lines_than_the_limit_is_refused_whatever_ends_them(ending: bytes) -> None:
    content = ending.join([b"address,entity"] + [b"," for _ in range(MOST_FILE_LINES)])

    with pytest.raises(LabelError, match="more than 100,000 lines: split it"):
        read_label_file(content, today=DAY)


def test_a_file_larger_than_the_limit_is_refused() -> None:
    with pytest.raises(LabelError, match="larger than 5 MB: split it"):
        read_label_file(b"x" * (MOST_FILE_BYTES + 1), today=DAY)


def test_a_last_line_without_an_end_counts_as_one() -> None:
    rows = [f"{a_script(str(number))},Me" for number in range(3)]

    found = read_label_file("\n".join(["address,entity", *rows]).encode(), today=DAY)

    assert len(found.labels) == 3


def test_a_line_separator_within_a_wallets_label_ends_no_line() -> None:
    line = json.dumps({"type": "addr", "ref": ADDRESS, "label": "two\u2028words"}, ensure_ascii=False)

    found = read_label_file(line.encode(), today=DAY)

    assert [label.entity for label in found.labels] == ["two words"]
