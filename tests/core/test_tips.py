"""How far each source's chain reaches, and who is behind."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.models import SourceName
from app.core.observations import BlockConnected, ChainListed
from app.core.tips import READS_WITHIN, SPREADS_WITHIN, Tips
from tests.builders import START_HEIGHT, a_block
from tests.fakes import NOON

WS, REST, NODE = SourceName.MEMPOOL_WS, SourceName.MEMPOOL_REST, SourceName.BITCOIND
LATER = NOON + SPREADS_WITHIN


def tips(**heights: int) -> Tips:
    """`heights`: above START_HEIGHT, by source, told one after the other."""
    known = Tips()
    for source, height in heights.items():
        known.listen(BlockConnected(block=a_block(height), source=SourceName(source)), NOON)
    return known


@pytest.mark.parametrize(
    ("known", "behind"),
    [
        (tips(bitcoind=3), 0),
        (tips(bitcoind=3, mempool_ws=10), 7),
        (tips(bitcoind=10, mempool_ws=3), 0),
        (tips(mempool_ws=3), 0),
    ],
)
def test_who_is_behind_is_so_by_the_blocks_it_has_not_told_of(known: Tips, behind: int) -> None:
    assert known.behind(NODE, LATER) == behind


def test_a_new_block_takes_a_moment_to_spread() -> None:
    known = tips(bitcoind=3, mempool_ws=4)

    assert (known.behind(NODE, NOON), known.behind(NODE, LATER)) == (0, 1)


def test_what_is_told_of_an_older_block_does_not_put_a_source_back() -> None:
    known = tips(bitcoind=4)
    known.listen(BlockConnected(block=a_block(2), source=NODE), NOON)

    assert known.of(NODE) == START_HEIGHT + 4


def test_a_chain_that_is_listed_shorter_puts_its_source_back() -> None:
    known = tips(mempool_ws=4, bitcoind=4)
    known.listen(ChainListed(blocks=(a_block(2),), source=NODE), NOON)

    assert (known.of(NODE), known.behind(NODE, LATER)) == (START_HEIGHT + 2, 2)


def test_a_listed_chain_is_as_high_as_its_last_block() -> None:
    known = Tips()
    known.listen(ChainListed(blocks=(a_block(4), a_block(5)), source=WS), NOON)

    assert known.of(WS) == START_HEIGHT + 5


@pytest.mark.parametrize(("streamed", "asked", "of_backend"), [(4, 5, 4), (4, 4, 4), (4, 9, 9)])
def test_the_backend_is_where_its_stream_is_unless_that_is_long_silent(
    streamed: int, asked: int, of_backend: int
) -> None:
    known = tips(mempool_ws=streamed, mempool_rest=asked)

    assert known.of(REST) == START_HEIGHT + of_backend


def test_a_block_that_the_stream_does_not_tell_of_was_read_all_the_same_after_a_minute() -> None:
    known = tips(mempool_ws=4, mempool_rest=5)
    again = NOON + READS_WITHIN / 2
    known.listen(BlockConnected(block=a_block(5), source=REST), again)

    assert [known.behind(REST, at) for at in (again, NOON + READS_WITHIN)] == [1, 0]
    assert known.of(REST) == START_HEIGHT + 5


@pytest.mark.parametrize("asked", [5, 9])
def test_what_its_mempool_tells_stays_that_of_the_block_its_stream_told_of(asked: int) -> None:
    known = tips(mempool_ws=4, mempool_rest=asked)
    known.listen(BlockConnected(block=a_block(asked), source=REST), NOON + READS_WITHIN)

    assert [known.reported(one) for one in (WS, REST)] == [START_HEIGHT + 4] * 2


def test_a_backend_that_has_lost_its_latest_block_has_a_minute_to_read_it_anew() -> None:
    known = tips(mempool_ws=5, mempool_rest=5, electrs=5)
    began_anew = NOON + timedelta(hours=1)
    known.listen(ChainListed(blocks=(a_block(4),), source=WS), began_anew)

    assert [known.behind(REST, at) for at in (began_anew, began_anew + READS_WITHIN)] == [1, 0]


def test_each_block_has_its_own_minute_to_be_read() -> None:
    known = tips(mempool_ws=4, mempool_rest=5)
    known.listen(BlockConnected(block=a_block(5), source=WS), NOON)
    known.listen(BlockConnected(block=a_block(6), source=REST), NOON + READS_WITHIN)

    assert known.behind(REST, NOON + READS_WITHIN + SPREADS_WITHIN) == 1


def test_a_source_of_another_chain_is_the_best_of_nothing() -> None:
    known = tips(electrs=4_000_000, bitcoind=3)
    known.forget([SourceName.ELECTRS])

    assert known.behind(NODE, NOON + timedelta(hours=1)) == 0


def test_the_best_block_stays_while_one_source_of_this_chain_has_it() -> None:
    known = tips(electrs=10, bitcoind=10, mempool_ws=3)
    known.forget([SourceName.ELECTRS])

    assert known.best == a_block(10)
    assert (known.behind(WS, LATER), known.ahead_of(WS)) == (7, (NODE,))


def test_a_best_block_that_its_source_has_no_longer_makes_others_lag_for_a_minute() -> None:
    known = tips(electrs=10, bitcoind=3)
    known.listen(ChainListed(blocks=(a_block(3),), source=SourceName.ELECTRS), NOON)
    moments = (LATER, NOON + READS_WITHIN)

    assert [known.behind(NODE, at) for at in moments] == [7, 0]
    assert known.best == a_block(3)


def test_a_best_block_that_is_claimed_again_stays() -> None:
    known = tips(electrs=10, bitcoind=3)
    for height in (3, 10, 3):
        known.listen(ChainListed(blocks=(a_block(height),), source=SourceName.ELECTRS), LATER)
    known.listen(ChainListed(blocks=(a_block(3),), source=SourceName.ELECTRS), NOON + READS_WITHIN)

    assert known.behind(NODE, NOON + READS_WITHIN) == 7


def test_what_the_stream_sends_is_the_backends_newest_block_even_if_it_named_a_higher_one() -> None:
    known = tips(mempool_ws=9_000_000, bitcoind=3)
    known.listen(BlockConnected(block=a_block(4), source=WS), NOON)

    assert known.of(WS) == START_HEIGHT + 4


def test_an_older_block_that_rest_was_asked_for_does_not_prolong_the_reading_of_its_tip() -> None:
    known = tips(mempool_ws=4, mempool_rest=5)
    known.listen(BlockConnected(block=a_block(2), source=REST), NOON + READS_WITHIN / 2)

    assert known.behind(REST, NOON + READS_WITHIN) == 0


def test_before_any_source_has_reported_a_block_nobody_is_ahead() -> None:
    assert (tips().best, tips().ahead_of(NODE)) == (None, ())


def test_who_is_ahead_can_be_named() -> None:
    assert tips(bitcoind=3, mempool_ws=10).ahead_of(NODE) == (WS,)


def test_a_listed_chain_is_of_the_moment_it_was_listed() -> None:
    known = tips(bitcoind=3)
    known.listen(ChainListed(blocks=(a_block(4),), source=WS), LATER)

    assert [known.behind(NODE, at) for at in (LATER, LATER + SPREADS_WITHIN)] == [0, 1]


def test_only_who_has_the_best_block_is_ahead() -> None:
    known = tips(bitcoind=3, mempool_ws=10, electrs=9)

    assert (known.ahead_of(NODE), known.ahead_of(WS)) == ((WS,), ())


def test_the_best_block_is_the_first_of_its_height_and_bears_its_time_where_one_says_it() -> None:
    named, timed = a_block(4), replace(a_block(4), time=NOON)
    other = replace(a_block(4, branch="b"), time=LATER)
    known = tips()
    bests = []
    for block, at in ((named, NOON), (timed, LATER), (other, LATER), (a_block(3), LATER)):
        known.listen(BlockConnected(block=block, source=NODE), at)
        bests.append(known.best)

    assert bests == [named, timed, timed, timed]
    assert known.behind(NODE, LATER) == 0


def test_a_second_report_of_the_best_block_does_not_begin_its_spreading_anew() -> None:
    known = tips(bitcoind=3, mempool_ws=4)
    known.listen(BlockConnected(block=replace(a_block(4), time=NOON), source=SourceName.ELECTRS), LATER)

    assert known.behind(NODE, LATER) == 1


def test_of_a_source_that_is_forgotten_nothing_is_known_and_it_is_behind_nobody() -> None:
    known = tips(bitcoind=3)
    known.forget([NODE])

    assert (known.best, known.of(NODE), known.behind(NODE, LATER)) == (None, None, 0)
