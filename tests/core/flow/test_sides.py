"""What is too little to count, and by which label an entity is named."""

from dataclasses import replace
from itertools import permutations

import pytest

from app.core.flow.entities import Entities
from app.core.flow.labels import Label
from app.core.flow.sides import entities_by_value, read_sides, trifle_of
from app.core.models import Output, Transaction
from app.core.units import Sats, Script
from tests.builders import a_script, a_transaction, spends

ANCHOR = Script("51024e73")


def paying(*values: int, script: Script | None = None) -> Transaction:
    """Each to another stranger; `script`: the last one to this."""
    outputs = [Output(value=Sats(value), script=a_script(place)) for place, value in enumerate(values)]
    if script is not None:
        outputs[-1] = replace(outputs[-1], script=script)
    return a_transaction(spends=[spends(a_script("payer"), 1)], pays=outputs)


@pytest.mark.parametrize(
    ("values", "trifle"),
    [
        ((), 0),
        ((999,), 0),
        ((1_000,), 1),
        ((1_500_000,), 1_000),
        ((999_999,), 999),
        ((500_000, 499_999), 499),
        ((1_000_500, 1_000_500), 1_000),
        ((3_000, 3_000, 3_000), 3),
    ],
)
def test_all_trifles_together_are_a_thousandth_at_most(values: tuple[int, ...], trifle: int) -> None:
    found = trifle_of(paying(*values))

    assert (found, type(found)) == (trifle, int)


@pytest.mark.parametrize(("value", "trifles"), [(3_003_000, [1]), (3_003_001, [])])
def test_an_anchor_is_a_trifle_up_to_a_thousandth_of_the_whole(value: int, trifles: list[int]) -> None:
    """3,003,000 are a thousandth of what it makes together with the rest."""
    tx = paying(2_999_997_000, value, script=ANCHOR)

    assert read_sides(tx, Entities()).trifles == trifles


def test_an_anchor_of_nothing_is_a_trifle() -> None:
    assert read_sides(paying(2_000_000, 0, script=ANCHOR), Entities()).trifles == [1]


def a_name(entity: str, script: str, *, own: bool = False) -> Label:
    return Label(
        script=Script(script),
        address=script,
        entity=entity,
        group=entity,
        kind="exchange",
        basis="published",
        created_at="2026-01-01",
        own=own,
    )


def test_entities_are_named_by_their_value_together_and_then_by_their_names_in_whatever_order() -> None:
    small, again = a_name("Binance", "51"), a_name("Binance", "52")
    large, alike = a_name("Kraken", "53"), a_name("Aaron", "54")
    given = [(small, 3), (again, 4), (large, 5), (alike, 5)]

    for labels in permutations(given):
        assert [label.entity for label in entities_by_value(list(labels))] == ["Binance", "Aaron", "Kraken"]


def test_an_entity_is_named_by_an_own_label_or_else_by_that_of_the_lowest_script() -> None:
    shipped, lower = a_name("Kraken", "52"), a_name("Kraken", "51")
    own = a_name("Kraken", "53", own=True)

    for labels in permutations([(shipped, 1), (lower, 1), (own, 1)]):
        assert entities_by_value(list(labels)) == [own]
    for labels in permutations([(shipped, 1), (lower, 1)]):
        assert entities_by_value(list(labels)) == [lower]
