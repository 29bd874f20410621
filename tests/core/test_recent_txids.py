"""Txids that are remembered in little room, as a bounded dictionary would."""

import sys
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.recent import Recent
from app.core.recent_txids import RecentTxids
from app.core.units import Txid
from tests.builders import a_txid

TXIDS = st.integers(0, 40).map(a_txid)
WHAT_IS_DONE = st.tuples(st.sampled_from(["put", "put", "pop", "get", "in"]), TXIDS, st.integers(0, 5))


def done(recent: Any, what: str, txid: Txid, value: int) -> object:
    match what:
        case "put":
            recent.put(txid, value)
            return None
        case "pop":
            return recent.pop(txid)
        case "get":
            return recent.get(txid)
        case _:
            return txid in recent


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 15), st.lists(WHAT_IS_DONE, max_size=200))
def test_it_answers_as_a_dictionary_that_forgets_its_oldest_entries(
    capacity: int, steps: list[tuple[str, Txid, int]]
) -> None:
    compact: RecentTxids[int] = RecentTxids(capacity)
    plain: Recent[Txid, int] = Recent(capacity)

    for step in steps:
        assert done(compact, *step) == done(plain, *step)
        assert len(compact) == len(plain)


def test_of_many_more_than_it_has_room_for_the_newest_are_remembered() -> None:
    compact: RecentTxids[int] = RecentTxids(1_000)
    sizes = []
    for number in range(5_000):
        compact.put(a_txid(number), number)
        sizes.append(len(compact))

    assert max(sizes) <= 1_000 + 1_000 // 16
    assert min(sizes[1_000:]) == 1_000
    assert [compact.get(a_txid(number)) for number in range(4_000, 5_000)] == list(range(4_000, 5_000))
    assert compact.get(a_txid(3_900)) is None


def test_one_that_is_put_again_outlives_those_put_before() -> None:
    compact: RecentTxids[str] = RecentTxids(2)
    for name in ("first", "second", "first", "third"):
        compact.put(Txid(name), name)

    assert [compact.get(Txid(name)) for name in ("first", "second", "third")] == ["first", None, "third"]


def test_an_entry_takes_less_than_a_hundred_and_fifty_bytes() -> None:
    count = 20_000
    compact: RecentTxids[None] = RecentTxids(count)
    for number in range(3 * count):
        compact.put(a_txid(number), None)

    entries: dict[int, None] = compact.__dict__["_entries"]
    held = sys.getsizeof(entries) + sum(map(sys.getsizeof, entries))
    assert held / count < 150
