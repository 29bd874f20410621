"""A height far above all others is believed when a second block shows that a chain leads there."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.core.models import Block, SourceName
from app.core.observations import BlockConnected, ChainListed, Observation, Skipped
from app.core.units import Sats
from app.source.filter import ObservationFilter
from app.source.heights import LEAP, PlausibleHeights
from tests.builders import START_HEIGHT, a_block
from tests.fakes import FakeClock

WS, NODE = SourceName.MEMPOOL_WS, SourceName.BITCOIND
FAR = 9_000_000


def connected(height: int, source: SourceName = WS) -> BlockConnected:
    return BlockConnected(block=a_block(height), source=source)


def listed(*blocks: Block, source: SourceName = WS) -> ChainListed:
    return ChainListed(blocks=blocks, source=source)


def believed(*observations: Observation) -> list[bool]:
    heights = PlausibleHeights()
    return [heights.refuse(one) is None for one in (connected(0, NODE), *observations)][1:]


def test_one_block_far_above_all_others_is_not_believed_and_said_in_words() -> None:
    heights = PlausibleHeights()
    heights.refuse(connected(0, NODE))

    assert heights.refuse(connected(FAR)) == (
        f"block at height {START_HEIGHT + FAR}, {FAR} above any other, and nothing leads there"
    )


@pytest.mark.parametrize("again", [FAR, FAR - 7, 2 * FAR])
def test_neither_is_the_same_source_that_says_it_again_or_leaps_elsewhere(again: int) -> None:
    assert believed(connected(FAR), connected(again)) == [False, False]


def test_the_usual_blocks_are_believed_after_it() -> None:
    assert believed(connected(FAR), connected(1), connected(1, NODE), connected(2)) == [
        False,
        True,
        True,
        True,
    ]


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(connected(FAR + 1), id="its source goes on from there"),
        pytest.param(connected(FAR + 3), id="its source goes on, with blocks between"),
        pytest.param(connected(FAR, NODE), id="another source says the same"),
        pytest.param(connected(FAR + 2, NODE), id="another source is near"),
        pytest.param(listed(a_block(FAR - 1), a_block(FAR)), id="a list leads there"),
    ],
)
def test_a_second_one_speaks_for_it(second: Observation) -> None:
    assert believed(connected(FAR), second) == [False, True]


def test_a_list_whose_last_block_hangs_in_the_air_is_not_believed() -> None:
    astray = replace(a_block(FAR), previous=a_block(3).hash)

    assert believed(listed(a_block(1), astray)) == [False]


def test_whoever_was_away_for_a_day_is_believed() -> None:
    assert believed(connected(LEAP)) == [True]


def test_the_first_height_of_all_is_believed() -> None:
    assert PlausibleHeights().refuse(connected(FAR)) is None


async def test_what_is_not_believed_reaches_nobody_but_as_something_skipped() -> None:
    passed: list[Observation] = []

    async def emit(observations: Sequence[Observation]) -> None:
        passed.extend(observations)

    observations = ObservationFilter(
        emit, FakeClock(), threshold=Sats(1), is_fresh=lambda _: True, is_shut=lambda _: False
    )
    await observations.emit((connected(0, NODE), connected(FAR)))

    assert [type(one) for one in passed] == [BlockConnected, Skipped]
