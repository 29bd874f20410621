"""Which status may follow which."""

from datetime import UTC, datetime

import pytest

from app.core.prediction import Prediction, Status
from app.core.tracking import lifecycle
from app.core.units import Txid
from app.errors import InvalidTransitionError
from tests.builders import a_block, a_whale
from tests.core.story import Story

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WHALE = a_whale()


def waiting() -> Prediction:
    story = Story()
    story.seen(WHALE)
    return story.of(WHALE)


def test_every_status_has_its_row() -> None:
    assert set(lifecycle.LEGAL_TRANSITIONS) == set(Status)


@pytest.mark.parametrize("status", Status)
def test_staying_as_it_is_is_always_legal(status: Status) -> None:
    assert status in lifecycle.LEGAL_TRANSITIONS[status]


def test_what_was_dropped_is_not_confirmed_before_it_waits_again() -> None:
    dropped = lifecycle.drop(waiting(), NOON, "gone")

    with pytest.raises(InvalidTransitionError, match="dropped does not become confirmed"):
        lifecycle.confirm(dropped, a_block(1, WHALE), NOON)


def test_what_was_dropped_may_wait_again_and_be_confirmed() -> None:
    again = lifecycle.come_back(lifecycle.drop(waiting(), NOON, "gone"), NOON)

    assert lifecycle.confirm(again, a_block(1, WHALE), NOON).status is Status.CONFIRMED


def test_what_a_block_holds_cannot_be_replaced() -> None:
    confirmed = lifecycle.confirm(waiting(), a_block(1, WHALE), NOON)

    with pytest.raises(InvalidTransitionError):
        lifecycle.give_way(confirmed, Txid("ab" * 32), NOON, "replaced", tip=None)
