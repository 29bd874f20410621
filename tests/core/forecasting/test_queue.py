"""The queue cut into blocks."""

import pytest

from app.core.forecasting.queue import bins_of_histogram, project
from app.core.observations import FeeBin
from app.core.units import SatPerVb, Sats, VBytes
from app.errors import ParseError


def a_bin(feerate: float, vsize: float, count: int | None = None, fees: int | None = None) -> FeeBin:
    return FeeBin(SatPerVb(feerate), VBytes(vsize), count, None if fees is None else Sats(fees))


def test_nothing_waits_in_no_block() -> None:
    assert project([]) == ()


def test_the_dearest_are_in_the_first_block() -> None:
    first, second = project([a_bin(1, 800_000), a_bin(9, 900_000)])

    assert (first.fee_range[-1], first.fee_range[0], second.fee_range[-1]) == (9, 1, 1)


def test_a_block_is_full_at_a_million_vbytes() -> None:
    assert [block.vsize for block in project([a_bin(5, 2_300_000)])] == [1_000_000, 1_000_000, 300_000]


def test_whole_bins_are_counted() -> None:
    (block,) = project([a_bin(5, 400, 2, 2_000), a_bin(3, 200, 1, 600)])

    assert (block.count, block.total_fees) == (3, 2_600)


def test_a_cut_bin_leaves_count_and_fees_unknown() -> None:
    first, second = project([a_bin(5, 1_500_000, 4_000, 7_500_000)])

    assert (first.count, first.total_fees, second.count) == (None, None, None)


def test_a_histogram_without_counts_leaves_them_unknown() -> None:
    (block,) = project([a_bin(5, 400)])

    assert (block.count, block.total_fees) == (None, None)


def test_the_median_is_told_of_a_block_that_is_half_full() -> None:
    (full,) = project([a_bin(7, 600_000), a_bin(2, 100_000)])
    (light,) = project([a_bin(7, 400_000)])

    assert (full.median, light.median) == (7, 0)


def test_the_last_block_holds_all_the_rest() -> None:
    blocks = project([a_bin(1, 20_000_000)])

    assert (len(blocks), blocks[-1].vsize) == (8, 13_000_000)


def test_a_histogram_pays_from_each_feerate_up_to_the_one_before() -> None:
    dear, cheap = bins_of_histogram([(1.0, 900.0), (5.05, 300.0)])

    assert (dear.lowest, dear.highest, dear.vsize) == (5.05, 5.05, 300.0)
    assert (cheap.lowest, cheap.highest, cheap.vsize) == (1.0, pytest.approx(5.0), 900.0)


@pytest.mark.parametrize("absurd", [(-1.0, 500.0), (1.0, -500.0), (float("nan"), 500.0)])
def test_a_negative_histogram_is_refused(absurd: tuple[float, float]) -> None:
    with pytest.raises(ParseError, match="negative"):
        bins_of_histogram([absurd])


def test_the_dearest_is_the_top_of_its_block_though_sizes_added_from_below_fall_short_by_rounding() -> None:
    sizes = (0.1, 0.1, 0.4)  # 0.4 + 0.1 + 0.1 falls short of their sum, also as Python adds from 3.12 on
    (block,) = project([a_bin(rate, size) for rate, size in zip((30, 20, 10), sizes, strict=True)])

    assert (block.fee_range[0], block.fee_range[-1]) == (10.0, 30.0)
