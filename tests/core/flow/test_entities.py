"""The shipped table, the operator's labels, and who wins."""

import contextlib
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.encoding.addresses import Network, address_of, script_of
from app.core.flow.entities import _HIGH, _LOW, Entities, _base58_bounds
from app.core.flow.labels import (
    KINDS,
    TABLE_DATE,
    Label,
    a_label,
    parse_labels,
    parse_table,
    script_or_text,
    write_labels,
)
from app.core.units import Script
from app.data import entities_table
from app.errors import LabelError
from tests.builders import DAY, a_script, labelled

TABLE = parse_table(entities_table())
ADDRESS = str(address_of(a_script("a desk")))
BINANCE = "1PJiGp2yDLvUgqeBsuZVCBADArNsk6XEiw"
DISPUTED = (
    "38UmuUqPCrFmQo4khkomQwZ4VbY2nZMJ67",
    "3Kzh9qAqVWQhEsfQz7zEQL1EuSx5tyNLNS",
    "3MgEAFWu1HKSnZ5ZsC8qf61ZW18xrP5pgd",
)


def test_a_label_names_its_key_in_every_type_of_script_and_says_so() -> None:
    known = Entities(labelled((a_script("desk", "p2pkh"), "Kraken")))

    found = known.find(a_script("desk", "p2wpkh"))

    assert found is not None
    assert (found.entity, found.basis) == ("Kraken", "own label, same key")


def test_the_operators_label_of_a_key_wins_over_the_tables_of_another_type() -> None:
    shipped = [replace(label, own=False) for label in labelled((a_script("desk"), "Kraken"))]
    known = Entities(shipped, labelled((a_script("desk", "p2pkh"), "Mine")))

    found = [known.find(a_script("desk", kind)) for kind in ("p2wpkh", "p2pkh")]
    assert [label and label.entity for label in found] == ["Mine", "Mine"]


def test_the_shipped_table_is_whole() -> None:
    assert len(TABLE) == 2_106
    assert len({label.script for label in TABLE}) == 2_106
    assert {label.kind for label in TABLE} == set(KINDS)


def test_the_shipped_table_leaves_disputed_addresses_out() -> None:
    assert not {label.address for label in TABLE} & set(DISPUTED)


def test_every_shipped_row_names_its_basis_and_date() -> None:
    assert all(label.basis and label.created_at for label in TABLE)


def test_every_shipped_address_is_the_address_of_its_script() -> None:
    assert all(address_of(label.script) == label.address for label in TABLE)


def test_a_script_is_found_by_whichever_networks_address_it_was_labelled() -> None:
    script = a_script("mine")
    label = a_label(str(address_of(script, Network.REGTEST)), "Mine", created_at=DAY)

    assert Entities((), [label]).find(script) == label


def test_an_unlabelled_script_is_nobodys() -> None:
    assert Entities(TABLE).find(a_script("nobody")) is None


def test_own_labels_win_over_the_shipped_table() -> None:
    entities = Entities(TABLE).with_labels([a_label(BINANCE, "My OTC desk", kind="other", created_at=DAY)])

    found = entities.find(script_of(BINANCE))

    assert found is not None
    assert (found.entity, found.own, found.basis) == ("My OTC desk", True, "own label")


def test_taking_the_own_label_away_brings_the_shipped_one_back() -> None:
    entities = Entities(TABLE).with_labels(labelled((BINANCE, "Mine"))).with_labels(())

    found = entities.find(script_of(BINANCE))

    assert found is not None
    assert found.entity == "Binance"


def test_labels_given_later_leave_the_earlier_look_up_as_it_was() -> None:
    before = Entities(TABLE)
    before.with_labels(labelled((a_script("x"), "Mine")))

    assert before.find(a_script("x")) is None


TABLE_BITMEX = next(label.script[:44] for label in TABLE if label.address.startswith("3BMEX"))
"""Without its last opcode."""


@pytest.mark.parametrize(
    "hash160", [label.script[4:44] for label in TABLE if label.address.startswith("3BMEX")]
)
def test_bitmex_is_known_by_its_prefix_without_the_table(hash160: str) -> None:
    found = Entities().find(Script(f"a914{hash160}87"))

    assert found is not None
    assert (found.entity, found.kind, found.basis) == ("BitMEX", "exchange", "address prefix")


def test_bitmex_is_known_by_its_segwit_prefix() -> None:
    # m, e, x are 11011 11001 00110: the program begins with de 4c or de 4d.
    script = Script("0020de4d" + "11" * 30)

    assert str(address_of(script)).startswith("bc1qmex")
    assert Entities().find(script) is not None


def test_an_address_of_a_single_key_that_happens_to_begin_so_is_nobodys() -> None:
    # One of 32,768 does: a stranger who spends 2,000 coins would be BitMEX in 6 % of all cases.
    script = Script("0014de4d" + "11" * 18)

    assert str(address_of(script)).startswith("bc1qmex")
    assert Entities().find(script) is None


@pytest.mark.parametrize("script", ["0020de4d" + "11" * 29, f"{TABLE_BITMEX}88", f"{TABLE_BITMEX}87ac"])
def test_a_script_that_begins_like_bitmexs_but_is_no_address_is_nobodys(script: str) -> None:
    assert Entities().find(Script(script)) is None


@given(st.binary(min_size=20, max_size=20), st.sampled_from(["p2sh", "p2wsh"]))
def test_the_prefix_rule_fires_for_the_prefix_alone(seed: bytes, kind: str) -> None:
    script = a_script(seed, kind)
    begins = str(address_of(script)).startswith(("3BMEX", "bc1qmex"))

    assert (Entities().find(script) is not None) == begins


@pytest.mark.parametrize("neighbour", ["3BMEW", "3BMEY"])
def test_the_prefix_rule_ends_where_the_prefix_ends(neighbour: str) -> None:
    edge = _edge_of("3BMEX", low=neighbour == "3BMEW")

    assert Entities().find(edge) is None


def test_two_entities_of_one_group_are_one_exchange() -> None:
    entities = Entities(TABLE)
    ceffu = entities.named("ceffu")

    assert ceffu is not None
    assert (ceffu.group, entities.is_exchange(ceffu.group)) == ("Binance", True)


def test_a_pool_of_its_own_is_no_exchange() -> None:
    entities = Entities(TABLE)

    assert not entities.is_exchange("AntPool")


def test_the_operators_file_is_read_with_as_little_as_address_and_entity() -> None:
    [label] = parse_labels(f"address,entity\n{BINANCE},My desk\n", today=DAY)

    assert label == Label(
        script=script_of(BINANCE),
        address=BINANCE,
        entity="My desk",
        group="My desk",
        kind="other",
        basis="own label",
        created_at=DAY,
        own=True,
    )


def test_a_name_that_is_known_brings_its_group_and_kind() -> None:
    text = f"address,entity\n{address_of(a_script('fresh'))},ceffu\n"

    [label] = parse_labels(text, today=DAY, known=Entities(TABLE))

    assert (label.group, label.kind) == ("Binance", Entities(TABLE).named("Ceffu").kind)  # type: ignore[union-attr]


def test_a_file_from_a_spreadsheet_is_read() -> None:
    text = f'\ufeffAddress, Entity ,Kind\r\n"{BINANCE}","Smith, Jones & Co",Exchange\r\n\r\n'

    [label] = parse_labels(text, today=DAY)

    assert (label.entity, label.kind) == ("Smith, Jones & Co", "exchange")


def test_a_script_may_stand_for_an_address() -> None:
    script = a_script("bare", "p2tr")

    [label] = parse_labels(f"address,entity\n{script.upper()},Mine\n", today=DAY)

    assert label.script == script


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"address,entity\n{BINANCE},a\n1PJiGp2yDLvUgqeBsuZVCBADArNsk6XEix,b\n", r"line 3: .*wrong checksum"),
        ("address,entity\n\n\nbc1qqqqqq,b\n", r"line 4: "),
        (f"address,entity\n{BINANCE}\n", r"line 2: has more or fewer fields"),
        (f"address,entity\n{BINANCE},a,b\n", r"line 2: has more or fewer fields"),
        (f"address,entity\n{BINANCE},\n", r"line 2: the entity is missing"),
        ("address,entity\n,a\n", r"line 2: the address is missing"),
        (f"address,entity,kind\n{BINANCE},a,casino\n", r"line 2: kind 'casino' is unknown"),
        (f"address,entity,created_at\n{BINANCE},a,yesterday\n", r"line 2: the date 'yesterday'"),
        (f"address,entity\n{BINANCE},{'a' * 81}\n", r"line 2: the entity is longer"),
        (f"address,entity\n{BINANCE},a\n{BINANCE},b\n", r"line 3: .* 'b' .*here but 'a' .*on line 2"),
        (f"address,entity,colour\n{BINANCE},a,red\n", r"line 1: unknown column 'colour'"),
        (f"address,entity,entity\n{BINANCE},a,b\n", r"line 1: the column 'entity' is there twice"),
        (f"{BINANCE},a\n", r"line 1: the header must name address and entity"),
        ("", r"line 1: the header"),
        (f'address,entity\n"{BINANCE},a\n', r"line 2: not readable as CSV"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(LabelError, match=words):
        parse_labels(text, today=DAY)


@pytest.mark.parametrize("between", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_whatever_a_spreadsheet_separates_with_is_read(between: str, end: str) -> None:
    rows = [("address", "Entity", "private"), (BINANCE, "Müller, Söhne", "true")]
    text = end.join(between.join(f'"{cell}"' for cell in row) for row in rows)

    [label] = parse_labels("\ufeff" + text, today=DAY)
    assert (label.entity, label.private) == ("Müller, Söhne", True)


def test_the_same_label_twice_counts_once() -> None:
    text = f"address,entity\n{BINANCE},a\n{BINANCE},a\n"

    assert len(parse_labels(text, today=DAY)) == 1


@given(
    st.lists(
        st.builds(
            a_label,
            address=st.binary(min_size=8).map(lambda seed: a_script(seed, "p2wsh")),
            entity=st.sampled_from(["Kraken", 'O"Hara, Ltd', "Bank\u00fcberweisung", "a'b"]),
            kind=st.sampled_from(KINDS),
            created_at=st.dates().map(lambda day: day.isoformat()),
        ),
        unique_by=lambda label: label.script,
    )
)
def test_exported_labels_come_back_the_same(labels: list[Label]) -> None:
    exported = io.StringIO()

    write_labels(labels, exported)

    assert list(parse_labels(exported.getvalue(), today="2000-01-01")) == labels


@given(st.text())
def test_whatever_text_is_given_it_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(LabelError):
        parse_labels(f"address,entity\n{text}", today=DAY)


def _edge_of(prefix: str, *, low: bool) -> Script:
    """The script just outside the range of p2sh addresses that begin with `prefix`."""
    number = int(_LOW, 16) - 1 if low else int(_HIGH, 16) + 1
    script = Script(f"a914{number:040x}87")
    assert not str(address_of(script)).startswith(prefix)
    return script


def test_a_script_that_was_cut_short_is_refused() -> None:
    with pytest.raises(LabelError, match="another length"):
        a_label("0014abcd", "Kraken", created_at="2026-01-01")


def test_the_same_address_with_another_kind_is_refused_with_both_lines() -> None:
    text = f"address,entity,kind\n{ADDRESS},Kraken,exchange\n{ADDRESS},Kraken,pool\n"

    with pytest.raises(LabelError, match=r"^line 3: .*pool.* but .*exchange.* on line 2"):
        parse_labels(text, today="2026-01-01")


def test_an_address_in_capitals_stands_for_the_same_script() -> None:
    assert script_or_text(f" {ADDRESS.upper()} ") == script_or_text(ADDRESS)


def test_what_bitmexs_prefix_says_is_a_whole_label_of_that_script() -> None:
    script = Script("0020de4d" + "11" * 30)

    assert Entities().find(script) == Label(
        script=script,
        address=str(address_of(script)),
        entity="BitMEX",
        group="BitMEX",
        kind="exchange",
        basis="address prefix",
        created_at=TABLE_DATE,
    )


def test_bitmex_is_an_exchange_without_any_label() -> None:
    assert Entities().is_exchange("BitMEX")


def test_labels_are_counted_once_each_whoever_gave_them() -> None:
    shipped = labelled((a_script("a"), "A"), (a_script("b"), "B"))
    own = labelled((a_script("b"), "Mine"), (a_script("c"), "Mine"))

    assert len(Entities(shipped, own)) == 3


def test_a_label_of_a_key_holds_for_its_other_script_and_says_so() -> None:
    (label,) = labelled((a_script("ann"), "Ann"))
    other = a_script("ann", "p2pkh")

    assert Entities((), [label]).find(other) == replace(label, script=other, basis=f"{label.basis}, same key")


def test_the_operators_label_of_a_key_wins_over_the_shipped_one_of_its_other_script() -> None:
    (shipped,) = labelled((a_script("ann", "p2pkh"), "Bourse"))
    shipped = replace(shipped, basis="published", own=False)
    own = labelled((a_script("ann"), "Mine"))
    found = Entities([shipped], own).find(shipped.script)

    assert found is not None
    assert found.entity == "Mine"


def test_a_shipped_label_wins_over_the_shipped_one_of_its_keys_other_script() -> None:
    first, second = (
        replace(label, basis="published", own=False)
        for label in labelled((a_script("ann"), "One"), (a_script("ann", "p2pkh"), "Two"))
    )
    found = Entities([first, second]).find(second.script)

    assert found == second


def test_a_prefix_bounds_the_hashes_whose_addresses_begin_with_it() -> None:
    first, last = _base58_bounds("3BMEX", 34)

    assert (first, last) == (_LOW, _HIGH)
    for script in (f"a914{first}87", f"a914{last}87"):
        found = Entities().find(Script(script))
        assert (found is not None) == str(address_of(script)).startswith("3BMEX")
    beyond = [f"a914{int(bound, 16) + step:040x}87" for bound, step in ((first, -1), (last, 1))]
    assert [Entities().find(Script(script)) for script in beyond] == [None, None]
