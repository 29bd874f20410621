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
            return recent.put(txid, value)
        case "pop":
            return recent.pop(txid)
        case "get":
            return recent.get(txid)
        case _:
            return txid in recent


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 30), st.lists(WHAT_IS_DONE, max_size=200))
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

    evicted = [compact.put(a_txid(number), number) for number in range(5_000)]

    assert evicted == [None] * 1_000 + list(range(4_000))
    assert [compact.get(a_txid(number)) for number in range(3_990, 4_010)] == [None] * 10 + list(
        range(4_000, 4_010)
    )


def test_what_is_no_txid_is_remembered_too() -> None:
    compact: RecentTxids[str] = RecentTxids(3)
    for name in ("", "coinbase", "ab" * 31):
        compact.put(Txid(name), name)

    assert [compact.get(Txid(name)) for name in ("", "coinbase", "ab" * 31, "other")] == [
        "",
        "coinbase",
        "ab" * 31,
        None,
    ]


def test_an_entry_takes_less_than_a_hundred_bytes() -> None:
    count = 20_000
    compact: RecentTxids[None] = RecentTxids(count)
    before = sys.getallocatedblocks()
    for number in range(count):
        compact.put(a_txid(number), None)

    held = sum(sys.getsizeof(getattr(compact, name)) for name in compact.__dict__)
    assert held / count < 100
    assert sys.getallocatedblocks() - before < count / 10
