"""The place among the projected blocks that a forecast is compared with."""

from collections.abc import Sequence

import pytest

from app.core.forecasting.market import QueueSource
from app.core.forecasting.projection import projected_place
from app.core.observations import ProjectedBlock
from tests.core.fee_markets import a_projected_block, queue_of_transactions

THREE = [a_projected_block(rates) for rates in ((20.0, 30.0), (9.0, 19.0), (1.0, 8.0))]
QUEUE = queue_of_transactions([(25.0, 1e6), (15.0, 1e6), (5.0, 2.5e6)], QueueSource.PROJECTED_BLOCKS)


@pytest.mark.parametrize(
    ("feerate", "place"),
    [
        (99.0, 1),
        (20.0, 1),
        (19.9, 2),
        (9.0, 2),
        (8.9, 3),  # two blocks are ahead of it
        (5.0, 4),  # two, and half of what pays the same
        (0.5, 5),  # four and a half
    ],
)
def test_a_feerate_has_its_place_by_the_blocks_and_beyond_them_by_the_depth(
    feerate: float, place: int
) -> None:
    assert projected_place(feerate, THREE, QUEUE) == place


@pytest.mark.parametrize(("blocks", "place"), [((), None), (THREE[:1], 5), (THREE[:2], 5)])
def test_the_last_block_holds_all_the_rest(blocks: Sequence[ProjectedBlock], place: int | None) -> None:
    assert projected_place(0.5, blocks, QUEUE) == place


def test_a_last_block_with_room_is_the_place_of_all_that_the_ones_before_do_not_take() -> None:
    empty = queue_of_transactions([], QueueSource.PROJECTED_BLOCKS)

    assert [projected_place(rate, THREE, empty) for rate in (19.0, 0.5)] == [2, 3]


def test_a_block_whose_feerates_are_not_told_takes_nothing() -> None:
    assert projected_place(15.0, [a_projected_block(()), *THREE], QUEUE) == 3
