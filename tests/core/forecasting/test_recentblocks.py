"""The place of a block among those that are known, and the tip after it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.forecasting.recentblocks import BlockPlace, RecentBlocks
from app.core.models import Block
from app.core.units import BlockHash, Height, Txid
from tests.core.fee_markets import AT


def a_block(height: int, branch: str = "00", *, on: str = "00", minute: float | None = None) -> Block:
    at = AT + timedelta(minutes=10.0 * height if minute is None else minute)
    return Block(
        hash=BlockHash(f"{branch}{height:062x}"),
        height=Height(height),
        previous=BlockHash(f"{on}{height - 1:062x}"),
        time=at,
    )


def test_what_is_in_a_block_is_not_kept() -> None:
    known, _ = connected(replace(a_block(1), txids=(Txid("aa" * 32),), entries=()))

    assert known.tip == a_block(1)


def connected(*blocks: Block) -> tuple[RecentBlocks, list[BlockPlace]]:
    known = RecentBlocks()
    return known, [known.connect(block) for block in blocks]


@pytest.mark.parametrize(
    ("then", "place", "tip"),
    [
        (a_block(14), BlockPlace.NEXT, a_block(14)),
        (a_block(15), BlockPlace.LATER, a_block(15)),
        (a_block(13), BlockPlace.KNOWN, a_block(13)),
        (a_block(12), BlockPlace.KNOWN, a_block(13)),
        (a_block(5), BlockPlace.KNOWN, a_block(13)),
        (a_block(13, "ee"), BlockPlace.INSTEAD, a_block(13, "ee")),
        (a_block(12, "ee"), BlockPlace.INSTEAD, a_block(12, "ee")),
    ],
)
def test_a_block_has_its_place_and_the_tip_is_what_it_leaves(
    then: Block, place: BlockPlace, tip: Block
) -> None:
    known, places = connected(a_block(11), a_block(12), a_block(13), then)

    assert places == [BlockPlace.FIRST, BlockPlace.NEXT, BlockPlace.NEXT, place]
    assert known.tip == tip


def test_before_any_block_there_is_no_tip() -> None:
    assert RecentBlocks().tip is None


def test_a_block_that_takes_the_place_of_the_tip_is_alone_with_those_below() -> None:
    known, _ = connected(a_block(11), a_block(12), a_block(12, "ee", minute=123.0))

    assert known.intervals_seconds == (780.0,)


def test_a_parent_that_is_told_after_its_child_moves_no_tip() -> None:
    known, places = connected(
        a_block(11), a_block(12), a_block(13, "ee", on="ee"), a_block(12, "ee", minute=121.0)
    )

    assert places[2:] == [BlockPlace.NEXT, BlockPlace.KNOWN]
    assert known.tip == a_block(13, "ee", on="ee")
    assert known.intervals_seconds == (660.0, 540.0)
