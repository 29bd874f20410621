"""What is named as the replacement of which whale."""

from datetime import timedelta

from app.core.tracking.awaited import Awaited, Awaiting
from app.core.units import Txid
from tests.builders import a_txid
from tests.fakes import NOON

WHALE, OTHER = a_txid("whale"), a_txid("other")
FIRST, SECOND, THIRD = (a_txid(name) for name in ("first", "second", "third"))


def naming(*pairs: tuple[Txid, Txid], capacity: int = 10) -> Awaited:
    awaited = Awaited(capacity)
    for by, whale in pairs:
        awaited.put(by, Awaiting(whale, NOON))
    return awaited


def test_each_is_named_for_its_whale_alone() -> None:
    awaited = naming((FIRST, WHALE), (SECOND, OTHER))

    assert [awaited.names(by, WHALE) for by in (FIRST, SECOND, THIRD)] == [True, False, False]


def test_a_whale_is_asked_for_until_all_that_is_named_for_it_was_given() -> None:
    awaited = naming((FIRST, WHALE), (SECOND, WHALE))
    asked = []
    for by in (FIRST, SECOND):
        asked.append([name for name, _ in awaited.asked_for(WHALE)])
        awaited.put(by, Awaiting(WHALE, NOON, given=True))

    assert [*asked, awaited.asked_for(WHALE)] == [[FIRST, SECOND], [SECOND], []]


def test_of_what_is_named_for_a_whale_only_what_is_older_is_forgotten() -> None:
    awaited = naming((FIRST, WHALE), (SECOND, OTHER))
    awaited.put(THIRD, Awaiting(WHALE, NOON + timedelta(seconds=1)))
    awaited.forget_older(WHALE, NOON + timedelta(seconds=1))

    assert [awaited.get(by) is not None for by in (FIRST, SECOND, THIRD)] == [False, True, True]


def test_of_a_whale_that_is_forgotten_nothing_is_left_and_of_others_all() -> None:
    awaited = naming((FIRST, WHALE), (SECOND, OTHER), (THIRD, WHALE))
    awaited.forget(WHALE)

    assert [awaited.get(by) is not None for by in (FIRST, SECOND, THIRD)] == [False, True, False]
    assert not awaited.asked_for(WHALE)


def test_what_is_named_for_another_whale_too_is_of_the_latest() -> None:
    awaited = naming((FIRST, WHALE), (FIRST, OTHER))

    assert (awaited.names(FIRST, OTHER), awaited.asked_for(WHALE)) == (True, [])


def test_where_there_are_too_many_the_oldest_is_forgotten_with_its_whale() -> None:
    awaited = naming((FIRST, WHALE), (SECOND, OTHER), (THIRD, OTHER), capacity=2)

    assert awaited.get(FIRST) is None
    assert not awaited.asked_for(WHALE)
    assert awaited.asked_for(OTHER)


def test_what_was_taken_out_is_named_no_more() -> None:
    awaited = naming((FIRST, WHALE))

    assert awaited.pop(FIRST) == Awaiting(WHALE, NOON)
    assert awaited.pop(FIRST) is None
    assert not awaited.names(FIRST, WHALE)
