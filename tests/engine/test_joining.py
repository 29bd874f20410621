"""Transactions reported in bulk one after the other are concluded from as one, and to the same end."""

import random
from collections.abc import Sequence

import pytest

from app.core.models import SourceName
from app.core.observations import Observation, SourceConnected, TransactionsSeen
from app.engine.joining import MOST_JOINED, JoinedBatch, joined
from app.source.backend.frames import FrameReader
from tests.backend.related import concluded, related
from tests.backend.transactions import BTC, a_payment
from tests.core.story import THRESHOLD
from tests.source.backend.recorded_frames import a_delta


def in_bulk(
    count: int, *, source: SourceName = SourceName.MEMPOOL_WS, late: bool = False
) -> TransactionsSeen:
    added = [a_payment(BTC + number, fee=500 + number).wire() for number in range(count)]
    (one,) = FrameReader(lambda: THRESHOLD).feed(a_delta(added=added))
    assert isinstance(one, TransactionsSeen)
    return TransactionsSeen(batch=one.batch, source=source, late=late)


def sizes(observations: Sequence[Observation]) -> list[int]:
    return [len(one.batch.txids) for one in observations if isinstance(one, TransactionsSeen)]


def test_what_is_joined_is_what_its_parts_are() -> None:
    parts = [in_bulk(2).batch, in_bulk(1).batch, in_bulk(3).batch]
    whole = JoinedBatch(parts)

    assert whole.txids == [txid for part in parts for txid in part.txids]
    assert whole.gross == [gross for part in parts for gross in part.gross]
    assert whole.parents == [parent for part in parts for parent in part.parents]
    assert whole.paid() == [one for part in parts for one in part.paid()]
    places = [(part, within) for part in parts for within in range(len(part.txids))]
    for index, (of, within) in enumerate(places):
        assert whole.whole(index) == of.whole(within)
        assert whole.parents_of(index) == of.parents_of(within)


def test_others_stand_where_they_stood() -> None:
    other = SourceConnected(source=SourceName.MEMPOOL_WS, again=False)
    first, second, third = in_bulk(1), in_bulk(2), in_bulk(3)
    together = list(joined([first, second, other, third]))

    assert (sizes(together), together[1:]) == ([3, 3], [other, third])


@pytest.mark.parametrize(
    "other", [in_bulk(1, source=SourceName.BITCOIND), in_bulk(1, late=True)], ids=["source", "late"]
)
def test_of_another_source_or_late_they_are_not_joined(other: TransactionsSeen) -> None:
    assert sizes(list(joined([in_bulk(1), other]))) == [1, 1]


def test_no_more_are_joined_than_may_be_looked_at_one_by_one() -> None:
    many = in_bulk(MOST_JOINED // 2)

    assert sizes(list(joined([many, many, many]))) == [MOST_JOINED, MOST_JOINED // 2]


@pytest.mark.parametrize("seed", range(60))
def test_a_tracker_concludes_the_same_from_joined_ones(seed: int) -> None:
    chance = random.Random(seed)
    reader = FrameReader(lambda: THRESHOLD)
    frames = [a_delta(sequence=number, added=[tx.wire()]) for number, tx in enumerate(related(chance))]
    groups: list[list[Observation]] = []
    while frames:
        count = chance.randrange(1, 8)
        groups.append([one for frame in frames[:count] for one in reader.feed(frame)])
        frames = frames[count:]

    assert concluded(map(joined, groups)) == concluded(groups)
