"""What was missed, one by one, adds up to the figures; a miss says what it may be laid to."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.events import EventType, Happening
from app.core.scoring import AccuracyCause
from app.store.accounts import AccountStore
from app.store.opening import Opened
from app.store.predictions import PredictionStore
from app.views import MissKind, MissPage
from tests.core.scoring import naive
from tests.core.scoring.lives import START, lived, lives
from tests.store.test_accounts import LONG_AFTER, kept, over_all

BEFORE = START - timedelta(days=1)
CHANCES = dict.fromkeys((1, 2, 3, 6, 12, 24, 144), 0.9)


async def missed(opened: Opened, *, offset: int = 0, limit: int = 1_000) -> MissPage:
    return await AccountStore(opened.database).misses(BEFORE, LONG_AFTER, offset=offset, limit=limit)


def a_late_life() -> naive.Life:
    version = naive.Version(seen_height=0, forecast_at=0, predicted=1, p=CHANCES)
    return naive.Life(versions=[version], end="confirmed", confirmed_height=4, lead=2400.0)


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.lists(lives(), max_size=40))
def test_the_misses_are_as_many_as_the_figures_say(history: list[naive.Life]) -> None:
    async def check(opened: Opened) -> None:
        figures = (await over_all(opened)).figures
        found = (await missed(opened)).misses
        kinds = [one.kind for one in found]

        assert kinds.count(MissKind.LATE) == figures.late
        assert kinds.count(MissKind.DROPPED) == figures.dropped
        assert kinds.count(MissKind.FLOW_CHANGED) == figures.flow_judged - figures.flow_right
        assert kinds.count(MissKind.NEVER_ANNOUNCED) == figures.false_negatives
        assert [one.at for one in found] == sorted((one.at for one in found), reverse=True)

    kept(history, check)


def test_a_page_of_misses_says_how_many_there_are() -> None:
    async def check(opened: Opened) -> None:
        page = await missed(opened, offset=2, limit=2)

        assert (page.total, len(page.misses)) == (5, 2)

    kept([a_late_life() for _ in range(5)], check)


async def test_a_late_one_names_the_fee_spike_while_it_waited(opened: Opened) -> None:
    spike = Happening(type=EventType.FEES_SPIKED, at=START + timedelta(minutes=7), facts={})
    await PredictionStore(opened).append([spike], [lived(a_late_life(), 1)])

    assert (await missed(opened)).misses[0].because == (AccuracyCause.FEE_SPIKE,)


def test_lead_times_are_counted_once_each() -> None:
    async def check(opened: Opened) -> None:
        counts = await AccountStore(opened.database).lead_time_counts(BEFORE, LONG_AFTER)

        assert counts == (0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0)  # 40 minutes

    kept([a_late_life() for _ in range(3)], check)


async def test_nothing_missed_is_an_empty_page(opened: Opened) -> None:
    assert await missed(opened) == MissPage(total=0, misses=())
