import pytest

from app.api.models import Entity
from app.core.classification import Flow, MovedIs
from app.views import ComponentStatus, Level
from dashboard import format as words
from dashboard.feed.states import STATUS_WORDS


@pytest.mark.parametrize(
    ("sats", "text"),
    [
        (11_837_000_000, "118.4"),
        (120_480_000_000, "1,205"),
        (1_000_000, "0.01"),
        (0, "0"),
        (31_200_000_000, "312"),
    ],
)
def test_an_amount_in_a_sentence_is_short(sats: int, text: str) -> None:
    assert words.amount(sats) == text


@pytest.mark.parametrize(
    ("rate", "text"), [(4.2, "4.2"), (3.0, "3"), (18.44, "18.4"), (0.3, "0.3"), (240.4, "240")]
)
def test_a_feerate_has_no_idle_places(rate: float, text: str) -> None:
    assert words.feerate(rate) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(48, "48 s"), (540, "9 min"), (6_000, "1 h 40"), (7_200, "2 h"), (300_000, "3 days")],
)
def test_a_duration_is_told_in_its_own_unit(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [([], None), (["A"], "A"), (["A", "B"], "A, B"), (["A", "B", "C"], "A and 2 more"), (["A", "A"], "A")],
)
def test_parties_are_named_or_counted(names: list[str], text: str | None) -> None:
    named = [
        Entity(name=name, kind="exchange", basis="published", group=None, labelled_at=None) for name in names
    ]

    assert words.parties(named) == text


def test_every_state_has_a_word() -> None:
    assert set(words.FLOW_WORDS) == set(words.FLOW_MARKS) == set(Flow)
    assert set(words.LEVEL_WORDS) == set(Level)
    assert set(words.MOVED_WORDS) == set(MovedIs)
    assert set(STATUS_WORDS) == set(ComponentStatus)
