from app.core.classification import Flag
from app.core.shared import shared


def test_equal_sets_are_one() -> None:
    first, again = frozenset({Flag.BATCH, Flag.PEEL}), frozenset({Flag.PEEL, Flag.BATCH})

    assert shared(first) == first
    assert shared(again) is shared(first)


def test_sets_that_differ_stay_apart() -> None:
    assert shared(frozenset({Flag.BATCH})) == {Flag.BATCH}
    assert shared(frozenset({Flag.PEEL})) == {Flag.PEEL}
    assert shared(frozenset[Flag]()) == frozenset()
