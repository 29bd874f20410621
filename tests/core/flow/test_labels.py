"""The operator's labels: what a row may say, what it takes from others, and what is said of a wrong one."""

from dataclasses import replace

import pytest

from app.core.flow.entities import Entities
from app.core.flow.label_file import MOST_FILE_BYTES, MOST_FILE_LINES, read_label_file
from app.core.flow.labels import KINDS, Label, a_label, parse_labels, parse_table
from app.errors import LabelError
from tests.builders import DAY, a_script

SCRIPT = a_script("mine")
TOO_LONG = "is longer than 80 letters or has letters that cannot be shown"
HEADER = "address,entity,group,kind,basis,created_at,private"
KNOWN = Entities((), [replace(a_label(a_script("b"), "Bourse", created_at=DAY), group="B", kind="exchange")])
MINE = Label(
    script=SCRIPT,
    address=SCRIPT,
    entity="Mine",
    group="Mine",
    kind="other",
    basis="own label",
    created_at=DAY,
    own=True,
)


def refused(text: str) -> str:
    with pytest.raises(LabelError) as caught:
        parse_labels(text, today=DAY)
    return str(caught.value)


def test_a_label_that_says_no_more_than_a_name_is_of_its_own_group_and_public() -> None:
    assert a_label(f" {SCRIPT} ", " Mine ", created_at=DAY) == MINE


def test_a_label_of_a_known_name_takes_its_group_and_kind() -> None:
    assert a_label(SCRIPT, "Bourse", created_at=DAY, known=KNOWN) == replace(
        MINE, entity="Bourse", group="B", kind="exchange"
    )


def test_a_label_says_its_own_group_and_kind_before_those_of_its_name() -> None:
    label = a_label(SCRIPT, "Bourse", created_at=DAY, known=KNOWN, group="G", kind="POOL ", basis="a letter")

    assert (label.group, label.kind, label.basis) == ("G", "pool", "a letter")


def test_all_that_is_wrong_with_a_label_is_said_at_once_and_by_its_field() -> None:
    with pytest.raises(LabelError) as caught:
        a_label("", "", created_at="yesterday", group="\x07", kind="x", basis="y" * 200)
    error = caught.value

    assert [(fault.name, fault.words) for fault in error.faults] == [
        ("entity", "is missing"),
        ("address", "is missing"),
        ("group", TOO_LONG),
        ("kind", f"is unknown: one of {', '.join(KINDS)}"),
        ("basis", TOO_LONG),
        ("created_at", "is not of the form 2026-11-22"),
    ]
    assert str(error) == "; ".join(
        [
            "the entity is missing",
            "the address is missing",
            f"the group {TOO_LONG}",
            f"kind 'x' is unknown: one of {', '.join(KINDS)}",
            f"the basis {TOO_LONG}",
            "the date 'yesterday' is not of the form 2026-11-22",
        ]
    )


def test_what_is_no_date_is_said_with_the_form_of_one() -> None:
    with pytest.raises(LabelError) as caught:
        a_label(SCRIPT, "Mine", created_at="yesterday")

    assert str(caught.value) == "the date 'yesterday' is not of the form 2026-11-22"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_row_says_all_of_a_label_whatever_separates_it(separator: str) -> None:
    rows = f"\ufeff{HEADER}\n{SCRIPT},Mine,G,pool,a letter,2026-01-02,yes\n"

    assert parse_labels(rows.replace(",", separator), today=DAY) == (
        replace(MINE, group="G", kind="pool", basis="a letter", created_at="2026-01-02", private=True),
    )


def test_a_row_that_says_only_a_name_is_of_today_and_of_what_its_name_is_known_for() -> None:
    text = f" Address , ENTITY\n{SCRIPT},Bourse\n"

    assert parse_labels(text, today=DAY, known=KNOWN, private=True) == (
        replace(MINE, entity="Bourse", group="B", kind="exchange", private=True),
    )


@pytest.mark.parametrize(
    ("said", "private"),
    [("true", True), ("YES", True), ("1", True), ("false", False), ("No", False), ("0", False)],
)
def test_private_may_be_said_in_three_ways(said: str, *, private: bool) -> None:
    text = f"address,entity,private\n{SCRIPT},Mine,{said}\n"

    assert [label.private for label in parse_labels(text, today=DAY, private=not private)] == [private]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "address\n",
            "line 1: the header must name address and entity; it may name "
            "address, entity, group, kind, basis, created_at, private",
        ),
        ("address,entity,Entity\n", "line 1: the column 'entity' is there twice; keep the one that counts"),
        (
            "address,entity,colour\n",
            "line 1: unknown column 'colour'; known are "
            "address, entity, group, kind, basis, created_at, private",
        ),
        (f"address,entity\n{SCRIPT}\n", "line 2: has more or fewer fields than the header"),
        (f"address,entity\n{SCRIPT},a,b\n", "line 2: has more or fewer fields than the header"),
        (f"address,entity,private\n{SCRIPT},a,maybe\n", "line 2: private is 'maybe': true or false"),
        (
            f"address,entity\n{SCRIPT},a\n{SCRIPT},b\n",
            f"line 3: {SCRIPT} is 'b' (other, group 'b', 'own label') here but "
            "'a' (other, group 'a', 'own label') on line 2",
        ),
        ('address,entity\n"x,a\n', "line 2: not readable as CSV: unexpected end of data"),
        ("address,entity\n00140011,a\n", "line 2: 00140011: a script that begins so has another length"),
    ],
)
def test_what_is_wrong_with_a_csv_is_said_with_its_line(text: str, words: str) -> None:
    assert refused(text) == words


def test_the_same_row_twice_is_one_label() -> None:
    assert parse_labels(f"address,entity\n{SCRIPT},Mine\n{SCRIPT},Mine\n", today=DAY) == (MINE,)


def test_a_row_of_the_shipped_table_is_a_label_of_its_columns() -> None:
    header = "address,entity,group,kind,role,basis"
    address = "1PJiGp2yDLvUgqeBsuZVCBADArNsk6XEiw"
    (label,) = parse_table(f"{header}\n{address},Name,Group,exchange,hot,said so\n")

    assert (label.address, label.entity, label.group, label.kind) == (address, "Name", "Group", "exchange")
    assert (label.role, label.basis, label.own, label.private) == ("hot", "said so", False, False)


@pytest.mark.parametrize(("said", "private"), [(None, False), (False, False), (True, True)])
def test_a_csvs_labels_are_private_only_where_that_is_said(*, said: bool | None, private: bool) -> None:
    found = read_label_file(
        f"address,entity\n{SCRIPT},Bourse\n".encode(), today=DAY, known=KNOWN, private=said
    )

    assert (found.others, [label.private for label in found.labels]) == (0, [private])
    assert found.labels[0].group == "B"


@pytest.mark.parametrize(("said", "private"), [(None, True), (False, False), (True, True)])
def test_a_wallets_labels_are_private_unless_that_is_denied(*, said: bool | None, private: bool) -> None:
    line = f'{{"type": "addr", "ref": "{SCRIPT}", "label": "Bourse"}}'
    found = read_label_file(line.encode(), today=DAY, known=KNOWN, private=said)

    assert [label.private for label in found.labels] == [private]
    assert found.labels[0].group == "B"


def test_a_file_may_have_as_many_lines_as_the_limit_says() -> None:
    lines = f"address,entity\n{SCRIPT},Mine".encode() + b"\n" * (MOST_FILE_LINES - 1)
    assert len(lines.splitlines()) == MOST_FILE_LINES

    assert len(read_label_file(lines, today=DAY).labels) == 1


def test_a_file_may_be_as_large_as_the_limit_says() -> None:
    line = f'{{"type": "addr", "ref": "{SCRIPT}", "label": "Mine"}}'.encode()
    content = (line + (b"\n" + b" " * 99) * (MOST_FILE_BYTES // 100))[:MOST_FILE_BYTES]
    assert len(content) == MOST_FILE_BYTES

    assert len(read_label_file(content, today=DAY).labels) == 1


@pytest.mark.parametrize("begins", ["21", "41", "52", "53", "6a"])
def test_a_script_of_any_kind_in_use_may_stand_for_an_address(begins: str) -> None:
    assert a_label(f"{begins}AA", "Mine", created_at=DAY).script == f"{begins}aa"


@pytest.mark.parametrize("kind", ["p2wpkh", "p2pkh", "p2sh", "p2wsh", "p2tr"])
def test_a_script_may_be_written_in_capitals(kind: str) -> None:
    script = a_script("mine", kind)

    assert a_label(script.upper(), "Mine", created_at=DAY).script == script


@pytest.mark.parametrize("text", ["52", "52a", "54aa", "52ag", "52" + "a" * 20_002])
def test_what_only_resembles_a_script_is_read_as_an_address(text: str) -> None:
    with pytest.raises(LabelError) as caught:
        a_label(text, "Mine", created_at=DAY)

    assert str(caught.value).startswith(f"{text[:100]}: ")
    assert [fault.name for fault in caught.value.faults] == ["address"]
    assert caught.value.faults[0].words == str(caught.value).removeprefix(f"{text[:100]}: ")


@pytest.mark.parametrize("script", ["00140011", "a914" + "00" * 19 + "87", "51200011"])
def test_a_script_of_another_length_than_its_kind_has_is_refused_for_that(script: str) -> None:
    words = "a script that begins so has another length"
    with pytest.raises(LabelError) as caught:
        a_label(script, "Mine", created_at=DAY)

    assert str(caught.value) == f"{script}: {words}"
    assert [(fault.name, fault.words) for fault in caught.value.faults] == [("address", words)]


def test_a_name_may_be_as_long_as_eighty_letters() -> None:
    assert a_label(SCRIPT, "x" * 80, created_at=DAY).entity == "x" * 80
    with pytest.raises(LabelError, match=TOO_LONG):
        a_label(SCRIPT, "x" * 81, created_at=DAY)
