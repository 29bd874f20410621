from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.core.classification import Flow
from app.core.units import VBytes
from dashboard.queue import place, queue_part
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
