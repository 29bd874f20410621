"""The queue cut into blocks."""

import pytest

from app.core.forecasting.queue import bins_of_histogram, project
from app.core.observations import FeeBin, ProjectedBlock
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


@pytest.mark.parametrize(
    "absurd", [(-1.0, 500.0), (1.0, -500.0), (float("nan"), 500.0), (1e300, 500.0), (1.0, 1e300)]
)
def test_an_absurd_histogram_is_refused(absurd: tuple[float, float]) -> None:
    with pytest.raises(ParseError, match="cannot be"):
        bins_of_histogram([absurd])


def test_the_dearest_is_the_top_of_its_block_though_sizes_added_from_below_fall_short_by_rounding() -> None:
    sizes = (0.1, 0.1, 0.4)  # 0.4 + 0.1 + 0.1 falls short of their sum, also as Python adds from 3.12 on
    (block,) = project([a_bin(rate, size) for rate, size in zip((30, 20, 10), sizes, strict=True)])

    assert (block.fee_range[0], block.fee_range[-1]) == (10.0, 30.0)


def test_a_histogram_is_told_bin_by_bin_its_lowest_feerate_and_what_is_just_below_the_bin_above() -> None:
    read = bins_of_histogram([(0.0, 40.0), (101.0, 0.0), (50.5, 20.0), (50.0, 30.0)])

    assert read == (
        FeeBin(SatPerVb(101.0), VBytes(0.0), lowest=SatPerVb(101.0), highest=SatPerVb(101.0)),
        FeeBin(SatPerVb(50.5), VBytes(20.0), lowest=SatPerVb(50.5), highest=SatPerVb(100.0)),
        FeeBin(SatPerVb(50.0), VBytes(30.0), lowest=SatPerVb(50.0), highest=SatPerVb(50.0)),
        FeeBin(SatPerVb(0.0), VBytes(40.0), lowest=SatPerVb(0.0), highest=SatPerVb(50.0 / 1.01)),
    )


def test_what_is_wrong_with_a_histogram_is_said() -> None:
    with pytest.raises(ParseError, match=r"^fee histogram: -500.0 vB at 1.0 sat/vB cannot be$"):
        bins_of_histogram([(1.0, -500.0)])


def test_a_block_is_told_whole() -> None:
    bins = [a_bin(8, 100_000, 5, 800_000), a_bin(6, 300_000, 0, 0), a_bin(2, 600_000, 9, 1_200_000)]

    assert project(bins) == (
        ProjectedBlock(
            vsize=VBytes(1_000_000),
            count=14,
            total_fees=Sats(2_000_000),
            median=SatPerVb(2.0),
            fee_range=(2.0, 2.0, 2.0, 2.0, 6.0, 6.0, 8.0),
        ),
    )


def test_each_share_is_read_where_so_much_of_the_block_has_passed() -> None:
    sizes = (10, 15, 25, 25, 15, 10)
    bins = [a_bin(10 * (1 + index), 5_000 * size) for index, size in enumerate(sizes)]
    (half_full,) = project(bins)

    assert half_full.fee_range == (10.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0)
    assert half_full.median == 30.0


@pytest.mark.parametrize(("vsize", "median"), [(499_999.0, 0.0), (500_000.0, 7.0)])
def test_a_block_is_half_full_from_half_a_million_vbytes(vsize: float, median: float) -> None:
    assert [block.median for block in project([a_bin(7, vsize)])] == [median]


def test_a_last_vbyte_of_room_is_filled() -> None:
    first, second = project([a_bin(9, 999_999), a_bin(5, 2)])

    assert (first.vsize, second.vsize) == (1_000_000, 1)


def test_no_more_than_eight_blocks_are_cut_even_of_many_bins() -> None:
    blocks = project([a_bin(rate, 1_000_000, 1, 1) for rate in range(30, 10, -1)])

    assert [block.vsize for block in blocks] == [1_000_000] * 7 + [13_000_000]
    assert (blocks[-1].count, blocks[-1].fee_range[0], blocks[-1].fee_range[-1]) == (13, 11.0, 23.0)
