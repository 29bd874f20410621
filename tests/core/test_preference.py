"""Whose word on the market counts."""

from app.core.models import SourceName
from app.core.observations import Gap, QueueProjected
from app.core.preference import Preference

STREAM, NODE, ELECTRS = SourceName.MEMPOOL_WS, SourceName.BITCOIND, SourceName.ELECTRS


def a_queue(source: SourceName) -> QueueProjected:
    return QueueProjected(blocks=(), source=source)


def test_the_best_fresh_source_alone_is_believed() -> None:
    preference = Preference(lambda _: True)

    assert [preference.admits(a_queue(one)) for one in (STREAM, NODE, ELECTRS)] == [True, False, False]


def test_until_a_better_one_has_told_anything_the_next_one_is_believed() -> None:
    preference = Preference(lambda _: True)

    assert [preference.admits(a_queue(one)) for one in (ELECTRS, NODE, ELECTRS)] == [True, True, False]


def test_one_that_is_no_longer_fresh_makes_room() -> None:
    fresh = {STREAM, NODE}
    preference = Preference(lambda one: one in fresh)
    preference.admits(a_queue(STREAM))
    fresh.remove(STREAM)

    assert preference.admits(a_queue(NODE))


def test_one_that_is_back_must_tell_first() -> None:
    fresh = {NODE}
    preference = Preference(lambda one: one in fresh)
    preference.admits(a_queue(STREAM))
    preference.admits(a_queue(NODE))
    fresh.add(STREAM)

    assert [preference.admits(a_queue(one)) for one in (NODE, STREAM, NODE)] == [True, True, False]


def test_what_is_not_about_the_market_always_counts() -> None:
    preference = Preference(lambda _: True)
    preference.admits(a_queue(STREAM))

    assert preference.admits(Gap(source=ELECTRS, reason="the connection broke"))
