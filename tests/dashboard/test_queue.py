from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.core.classification import Flow
from app.core.observations import ProjectedBlock
from app.core.units import VBytes
from dashboard.feed.queue import LAST_OF_A_BLOCK, place, price, queue_part
from tests.browser.sea import a_whale, blocks

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
QUEUE = blocks()


def test_a_feerate_above_all_is_at_the_very_front() -> None:
    assert place(500.0, QUEUE.blocks).depth == 0.0


def test_the_median_of_a_block_waits_in_its_middle() -> None:
    assert place(8.4, QUEUE.blocks).depth == pytest.approx(0.5)


def test_the_least_feerate_of_a_block_still_buys_a_place_in_it() -> None:
    assert place(4.2, QUEUE.blocks).block == 0


def test_just_below_it_waits_for_the_next_one() -> None:
    assert place(4.19, QUEUE.blocks).block == 1


def test_below_the_last_block_it_is_beyond_the_queue() -> None:
    assert place(0.29, QUEUE.blocks).depth is None


def test_a_dearer_market_moves_the_same_whale_back() -> None:
    before = place(3.2, QUEUE.blocks).depth
    after = place(3.2, blocks(1.3).blocks).depth

    assert before is not None
    assert after is not None
    assert after > before


def test_a_block_of_one_price_takes_all_that_pay_it() -> None:
    flat = replace(QUEUE.blocks[0], fee_range=(5.0,) * 7)

    assert place(5.0, (flat,)).depth == 0.0


def test_an_unknown_queue_is_said_and_nothing_is_drawn() -> None:
    part = queue_part(None, [a_whale("a", 200, NOW)])

    assert part["blocks"] is None
    assert "not known yet" in str(part["words"])


def test_a_queue_of_nothing_is_empty_and_not_unknown() -> None:
    nothing = replace(QUEUE.blocks[0], count=0, fee_range=(0.0,) * 7)
    part = queue_part(replace(QUEUE, blocks=(nothing,)), [])

    assert part["blocks"] == []
    assert part["words"] == "Nothing waits: the queue is empty."


def test_a_block_with_room_left_says_how_full_it_is() -> None:
    young = replace(QUEUE.blocks[0], vsize=VBytes(31_000.0))
    words = str(queue_part(replace(QUEUE, blocks=(young,)), [])["words"])

    assert "The next block is 3 % full so far." in words


def test_a_whale_without_a_feerate_is_counted_and_not_placed() -> None:
    part = queue_part(QUEUE, [a_whale("a", 200, NOW, rate=None, forecast=False)])

    assert part["whales"] == []
    assert "1 whale with an unknown feerate cannot be placed" in str(part["words"])


def test_the_sentence_tells_what_the_next_block_holds() -> None:
    part = queue_part(
        QUEUE, [a_whale("a", 1_204.8, NOW, rate=18.4, flow=Flow.INFLOW), a_whale("b", 412.5, NOW, rate=9.1)]
    )

    assert str(part["words"]).startswith(
        "2 whales, 1,617 BTC, are in the next block; 4.2 sat/vB buys a place"
    )


def test_only_the_largest_are_drawn_and_the_table_counts_all() -> None:
    many = [a_whale(f"w{n}", 101 + n, NOW, rate=8.0) for n in range(100)]
    part = queue_part(QUEUE, many)

    assert len(part["whales"]) == 60  # type: ignore[arg-type]
    assert part["table"][0][3] == "100"  # type: ignore[index]


def young(**changes: float) -> ProjectedBlock:
    """A last block with room left."""
    return replace(QUEUE.blocks[0], vsize=VBytes(31_000.0), **changes)  # type: ignore[arg-type]


def test_in_a_block_with_room_left_the_lowest_of_all_still_has_a_place() -> None:
    assert place(0.5, (young(),), floor=0.1).depth == LAST_OF_A_BLOCK


def test_what_pays_less_than_the_floor_is_beyond_a_block_with_room_left_too() -> None:
    assert place(0.05, (young(),), floor=0.1).depth is None


def test_a_rate_by_whole_vbytes_is_not_beyond_the_range_that_counts_quarters() -> None:
    by_weight, by_vsize = 100 / 140.25, 100 / 141
    only = replace(QUEUE.blocks[0], fee_range=(by_weight, *QUEUE.blocks[0].fee_range[1:]))

    assert place(by_vsize, (only,), vsize=141).depth == pytest.approx(0.999, abs=0.01)


def test_a_place_in_a_block_that_is_not_full_costs_the_floor_and_not_what_somebody_paid() -> None:
    assert price(young(), 0.1) == 0.1
    assert price(QUEUE.blocks[0], 0.1) == 4.2


def test_picture_and_sentence_name_the_same_price() -> None:
    part = queue_part(replace(QUEUE, blocks=(young(),)), [], floor=0.1)

    assert part["blocks"][0]["price"] == 0.1  # type: ignore[index]
    assert "0.1 sat/vB, the least that is taken, buys a place in it" in str(part["words"])


def test_a_floor_that_nobody_said_is_no_price() -> None:
    part = queue_part(replace(QUEUE, blocks=(young(),)), [])

    assert part["blocks"][0]["price"] is None  # type: ignore[index]
    assert "buys a place" not in str(part["words"])
