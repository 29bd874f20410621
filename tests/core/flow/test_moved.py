"""How much moved, at least and at most: amount, bounds, certainty and what stayed, for each shape."""

import pytest

from app.core.classification import Classification, MovedIs
from app.core.flow.classifier import classify
from app.core.flow.entities import Entities
from app.core.models import Output
from tests.builders import a_script, a_transaction, entities, pays, sats, spends

ANN, BOB, CAROL, DAN = (a_script(name) for name in ("ann", "bob", "carol", "dan"))
ANOTHER = a_script("another")
BURNT = a_script("nobody", "op_return")
BOTH_ENDS = entities((ANN, "Bourse"), (BOB, "Bourse"))
RECEIVERS = entities((BOB, "Bourse"), (CAROL, "Change"))
CERTAIN, LIKELY, UP_TO = MovedIs.CERTAIN, MovedIs.LIKELY, MovedIs.UP_TO


def of(outs: list[Output], known: Entities) -> Classification:
    return classify(a_transaction(spends=[spends(ANN, 100)], pays=outs, vsize=100), known)


@pytest.mark.parametrize(
    ("outs", "known", "amounts", "certainty"),
    [
        # moved, at least, at most, internal
        ([pays(BOB, 99)], BOTH_ENDS, (99, 99, 99, 0), CERTAIN),
        ([pays(BOB, 60), pays(CAROL, 39)], BOTH_ENDS, (39, 0, 39, 60), LIKELY),
        ([pays(BOB, 60), pays(BURNT, 39)], BOTH_ENDS, (39, 39, 39, 60), CERTAIN),
        ([pays(ANN, 60), pays(CAROL, 39)], Entities(), (39, 39, 39, 0), CERTAIN),
        ([pays(ANN, 60), pays(CAROL, 20), pays(DAN, 19)], Entities(), (39, 19, 39, 0), LIKELY),
        ([pays(BOB, 60), pays(CAROL, 39)], RECEIVERS, (99, 39, 99, 0), LIKELY),
        ([pays(BOB, 60), pays(BOB, 39)], RECEIVERS, (99, 99, 99, 0), CERTAIN),
        ([pays(BOB, 60), pays(DAN, 39)], RECEIVERS, (60, 39, 99, 0), LIKELY),
        ([pays(BOB, 60), pays(CAROL, 20), pays(DAN, 19)], RECEIVERS, (80, 39, 99, 0), LIKELY),
        ([pays(BOB, 60), pays(DAN, 20), pays(ANOTHER, 19)], RECEIVERS, (99, 39, 99, 0), UP_TO),
        ([pays(BURNT, 60), pays(BOB, 39)], RECEIVERS, (99, 60, 99, 0), LIKELY),
        ([pays(DAN, 99)], Entities(), (99, 0, 99, 0), UP_TO),
        (
            [pays(DAN, 50), pays(a_script("x"), 30), pays(a_script("y"), 19)],
            Entities(),
            (99, 49, 99, 0),
            UP_TO,
        ),
    ],
)
def test_what_moved_lies_between_its_bounds(
    outs: list[Output], known: Entities, amounts: tuple[int, ...], certainty: MovedIs
) -> None:
    seen = of(outs, known)

    assert (seen.moved, seen.moved_low, seen.moved_high, seen.internal) == tuple(map(sats, amounts))
    assert seen.moved_is is certainty


def test_a_transfer_of_one_output_with_a_missing_script_is_likely_internal() -> None:
    tx = a_transaction(spends=[spends(ANN, 60), spends(None)], pays=[pays(BOB, 99)], vsize=100)

    assert classify(tx, BOTH_ENDS).moved_is is LIKELY
