"""Files of labels: what holds on every way in."""

import io
import json

import pytest

from app.core.flow import (
    MOST_FILE_BYTES,
    MOST_FILE_LINES,
    Label,
    a_label,
    brief,
    parse_table,
    read_label_file,
    script_or_text,
    write_labels,
)
from app.core.flow.bip329 import looks_like_wallet_labels, parse_wallet_labels
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


def test_a_file_that_is_no_text_is_refused_with_what_to_do() -> None:
    with pytest.raises(LabelError, match="not text in UTF-8: save it as CSV or JSON lines, UTF-8"):
        read_label_file("address,entity\n".encode("utf-16"), today=DAY)


def wallet_line(**said: object) -> str:
    return json.dumps({"type": "addr", "ref": ADDRESS, "label": "savings"} | said)


def test_a_wallets_lines_without_an_address_or_a_label_are_counted_and_name_nobody() -> None:
    txid = "ab" * 32
    lines = [
        wallet_line(),
        wallet_line(type="tx", ref=txid, label="rent"),
        wallet_line(type="output", ref=f"{txid}:0"),
        wallet_line(label=None),
        wallet_line(label="  "),
        json.dumps({"type": "addr", "ref": ADDRESS}),
    ]

    found = read_label_file("\n\n".join(lines).encode(), today=DAY)

    assert ([label.entity for label in found.labels], found.others) == (["savings"], 5)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "is no JSON object: one a line"),
        ('["addr"]', "must be an object with type, ref and label"),
        (wallet_line(ref=7), "must be an object with type, ref and label"),
        (wallet_line(type="address"), "type must be one of addr, input, output, pubkey, tx, xpub"),
        (wallet_line(type=None), "type must be one of addr, input, output, pubkey, tx, xpub"),
        (wallet_line(label=["savings"]), "label must be text"),
        (wallet_line(ref="bc1nobody"), "bc1nobody"),
    ],
)
def test_a_line_of_a_wallets_file_that_cannot_be_read_refuses_the_file_by_its_number(
    line: str, words: str
) -> None:
    with pytest.raises(LabelError, match=f"^line 2: .*{words}"):
        read_label_file(f"{wallet_line()}\n{line}\n".encode(), today=DAY)


def test_private_is_yes_or_no_in_a_csv_and_nothing_else() -> None:
    def is_private(cell: str) -> bool:
        (label,) = read_label_file(f"address,entity,private\n{ADDRESS},Me,{cell}".encode(), today=DAY).labels
        return label.private

    assert [is_private(cell) for cell in ("yes", "TRUE", "1", "no", "false", "0", "")] == [True] * 3 + [
        False
    ] * 4
    with pytest.raises(LabelError, match="line 2: private is 'perhaps': true or false"):
        is_private("perhaps")


def test_what_is_said_by_an_own_label_with_a_note_is_marked_as_its_own() -> None:
    def said(basis: str) -> str:
        (label,) = read_label_file(f"address,entity,basis\n{ADDRESS},Me,{basis}".encode(), today=DAY).labels
        return label.said_basis

    assert [said(basis) for basis in ("", "own label", "my ledger")] == [
        "own label",
        "own label",
        "own label, my ledger",
    ]


def test_a_search_for_an_address_finds_its_script_and_one_for_a_name_the_name() -> None:
    assert script_or_text(f" {ADDRESS} ") == "0014751e76e8199196d454941c45d1b3a323f1433bd6"
    assert script_or_text(" Kraken ") == "Kraken"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("address,entity\n", "line 1: the table's columns must be address,entity,group,kind,role,basis"),
        ("", "line 1: the table's columns must be"),
        (
            f"address,entity,group,kind,role,basis\n{ADDRESS},A,A,exchange,hot,b\nbc1q,B,B,exchange,hot,b\n",
            "line 3",
        ),
    ],
)
def test_a_damaged_table_is_refused_by_its_line(text: str, words: str) -> None:
    with pytest.raises(LabelError, match=words):
        parse_table(text)


def test_a_log_names_one_label_by_its_address_and_many_by_their_number_and_first_names() -> None:
    def labels(number: int) -> list[Label]:
        return [a_label(a_script(n), f"E{n}", created_at=DAY) for n in range(number)]

    assert brief(labels(1)) == f"label 'E0' of {a_script(0)}"
    assert brief(labels(2)) == "2 labels ('E0', 'E1')"
    assert brief([*labels(2), *labels(2)]) == "4 labels ('E0', 'E1')"
    assert brief(labels(6)) == "6 labels ('E0', 'E1', 'E2', 'E3', 'E4', …)"


def test_labels_that_are_written_out_are_read_back_as_they_were() -> None:
    labels = [a_label(a_script(n), f"E{n}, {n}", created_at=DAY, private=n == 1) for n in range(2)]
    written = io.StringIO()
    write_labels(labels, written)

    assert list(read_label_file(written.getvalue().encode(), today="2020-01-01").labels) == labels


@pytest.mark.parametrize("before", ["", "\ufeff", "\ufeff \n", "  \n "])
def test_a_wallets_file_is_known_by_how_it_begins(before: str) -> None:
    assert looks_like_wallet_labels(before + wallet_line())
    assert not looks_like_wallet_labels(before + "address,entity")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_wallets_file_may_begin_with_a_mark_and_end_its_lines_in_any_way(ending: str) -> None:
    text = "\ufeff" + ending.join([wallet_line(), wallet_line(type="tx"), ""])
    found = parse_wallet_labels(text, today=DAY)

    assert ([label.entity for label in found.labels], found.others) == (["savings"], 1)


@pytest.mark.parametrize("private", [False, True])
def test_a_wallets_labels_are_private_unless_it_is_said_otherwise(*, private: bool) -> None:
    assert [label.private for label in parse_wallet_labels(wallet_line(), today=DAY).labels] == [True]
    (label,) = parse_wallet_labels(wallet_line(), today=DAY, private=private).labels

    assert label.private is private


def test_of_two_labels_of_one_address_the_last_counts() -> None:
    text = "\n".join([wallet_line(label="first"), wallet_line(label="second")])

    assert [label.entity for label in parse_wallet_labels(text, today=DAY).labels] == ["second"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 1: is no JSON object: one a line (BIP-329)"),
        ("[]", "line 1: must be an object with type, ref and label (BIP-329)"),
        (wallet_line(ref=3), "line 1: must be an object with type, ref and label (BIP-329)"),
        (wallet_line(label=3), "line 1: label must be text"),
        (
            wallet_line(type="x"),
            "line 1: type must be one of addr, input, output, pubkey, tx, xpub (BIP-329)",
        ),
    ],
)
def test_what_is_wrong_with_a_wallets_line_is_said(line: str, words: str) -> None:
    with pytest.raises(LabelError) as caught:
        parse_wallet_labels(line, today=DAY)

    assert str(caught.value) == words


def test_what_cannot_be_shown_of_a_wallets_label_is_a_space() -> None:
    (label,) = parse_wallet_labels(wallet_line(label=" a\u0007b\tc "), today=DAY).labels

    assert label.entity == "a b c"
