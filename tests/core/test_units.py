"""Amounts and counts in words."""

import pytest

from app.core.units import counted


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 labels"), (1, "1 label"), (2, "2 labels"), (1_234, "1,234 labels")]
)
def test_one_is_not_many(number: int, words: str) -> None:
    assert counted(number, "label") == words


@pytest.mark.parametrize(("number", "words"), [(1, "1 delivery"), (3, "3 deliveries")])
def test_many_may_have_a_word_of_its_own(number: int, words: str) -> None:
    assert counted(number, "delivery", "deliveries") == words
