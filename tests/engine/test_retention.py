"""Nothing is forgotten by a clock that the chain does not bear out."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.models import Block
from app.core.units import BlockHash, Height
from app.engine.retention import AT_ONCE, Cut, Kept, Retention, cut_at
from tests.fakes import LeapingClock

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEEP = timedelta(days=90)
LONG_AGO = NOON - timedelta(days=200)


def a_tip(at: datetime | None) -> Block:
    return Block(hash=BlockHash("aa" * 32), height=Height(900_000), time=at)


@pytest.mark.parametrize(
    "now",
    [datetime(2027, 6, 1, tzinfo=UTC), NOON + timedelta(days=100), NOON + timedelta(hours=25)],
    ids=["half a year ahead", "a hundred days ahead", "a day ahead"],
)
def test_a_clock_ahead_of_the_last_block_forgets_nothing_and_says_why(now: datetime) -> None:
    cut = cut_at(now=now, tip=a_tip(NOON), keep=KEEP, oldest=LONG_AGO)

    assert (cut.before, cut.waits is not None) == (None, True)


def test_a_clock_behind_the_last_block_forgets_nothing() -> None:
    assert cut_at(now=datetime(1970, 1, 1, tzinfo=UTC), tip=a_tip(NOON), keep=KEEP, oldest=LONG_AGO).waits


@pytest.mark.parametrize("tip", [None, a_tip(None)], ids=["no block", "a block without its time"])
def test_without_a_witness_nothing_is_forgotten(tip: Block | None) -> None:
    assert cut_at(now=NOON, tip=tip, keep=KEEP, oldest=LONG_AGO).before is None


@pytest.mark.parametrize("oldest", [None, NOON - timedelta(days=1)])
def test_a_young_store_waits_for_no_witness(oldest: datetime | None) -> None:
    assert cut_at(now=NOON, tip=None, keep=KEEP, oldest=oldest) == Cut()


def test_one_pass_takes_the_oldest_two_days_at_most() -> None:
    cut = cut_at(now=NOON, tip=a_tip(NOON), keep=KEEP, oldest=LONG_AGO)

    assert cut == Cut(before=LONG_AGO + AT_ONCE)


def test_the_earlier_of_clock_and_chain_counts() -> None:
    oldest = NOON - KEEP - timedelta(hours=10)

    cut = cut_at(now=NOON, tip=a_tip(NOON - timedelta(hours=5)), keep=KEEP, oldest=oldest)

    assert cut == Cut(before=NOON - timedelta(hours=5) - KEEP)


def test_what_is_young_enough_stays() -> None:
    assert cut_at(now=NOON, tip=a_tip(NOON), keep=KEEP, oldest=NOON - timedelta(days=89)) == Cut()


async def test_a_start_half_a_year_ahead_deletes_nothing_is_told_and_ends_when_the_clock_is_right() -> None:
    clock = LeapingClock(datetime(2027, 6, 1, tzinfo=UTC))
    cuts: list[datetime] = []

    async def prune(before: datetime) -> int:
        cuts.append(before)
        return 1

    async def oldest() -> datetime:
        return LONG_AGO

    whales = Kept(name="whales", prune=prune, oldest=oldest, keep=lambda: KEEP)
    retention = Retention(whales, tip=lambda: a_tip(NOON), clock=clock)
    await retention.pass_once()
    ahead = ([*cuts], [notice.code for notice in retention.notices()])
    clock.step(NOON - clock.now())
    await retention.pass_once()

    assert ahead == ([], ["retention_waits"])
    assert (cuts, retention.notices()) == ([LONG_AGO + AT_ONCE], ())
