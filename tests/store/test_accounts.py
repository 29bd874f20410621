"""The figures out of the store equal the obvious computation, however the whales came into it."""

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.prediction import Prediction
from app.core.scoring import LeadTimes, Period
from app.core.units import Height
from app.store.accounts import AccountStore
from app.store.opening import Opened, open_database
from app.store.predictions import PredictionStore
from app.views import Correlation
from tests.core.scoring import naive
from tests.core.scoring.lives import START, TIP, a_block, lived, lives
from tests.core.scoring.test_figures import check_equal
from tests.store.builders import NOON

LONG_AFTER = START + timedelta(days=300)
Checked = Callable[[Opened], Awaitable[None]]


def begun(life: naive.Life) -> naive.Life:
    """The same life when its first transaction had just been seen."""
    first = replace(life.versions[0], replaced_height=None)
    return replace(
        life, versions=[first], end="waiting", confirmed_height=None, final_flow=first.flow, reorged=False
    )


def kept(history: Sequence[naive.Life], check: Checked) -> None:
    """Store each whale as it began and as it ended, with a restart in between; then check."""

    async def go() -> None:
        with tempfile.TemporaryDirectory() as room:
            opened = await open_database(Path(room), at=NOON)
            store = PredictionStore(opened)
            seen = [(number, one) for number, one in enumerate(history) if not one.in_block]
            early = [lived(begun(one), number) for number, one in seen if not one.after_block]
            await store.append([], early[::2])
            await store.append([], early)
            await store.append([], ended(history, every=3))
            store = PredictionStore(opened)  # which remembers nothing of what was written
            await store.append([], ended(history, every=1), [a_block(TIP)])
            try:
                await check(opened)
            finally:
                await opened.database.close()

    asyncio.run(go())


def ended(history: Sequence[naive.Life], *, every: int) -> list[Prediction]:
    return [lived(life, number) for number, life in enumerate(history) if number % every == 0]


async def over_all(opened: Opened) -> Correlation:
    return await AccountStore(opened.database).correlation(START - timedelta(days=1), LONG_AFTER)


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.lists(lives(), max_size=60))
def test_a_window_over_all_equals_the_obvious_computation(history: list[naive.Life]) -> None:
    async def check(opened: Opened) -> None:
        found = await over_all(opened)
        check_equal(found.figures, history)
        expected = naive.figures(history, TIP)["calibration"]
        for horizon, bins in found.calibration.items():
            assert [one.n for one in bins] == [n for n, _, _ in expected[horizon]]
            assert [one.stated for one in bins] == pytest.approx(
                [stated for _, stated, _ in expected[horizon]]
            )
            assert [one.seen for one in bins] == pytest.approx([seen for _, _, seen in expected[horizon]])

    kept(history, check)


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.lists(lives(), max_size=60))
def test_groups_hold_everything_once(history: list[naive.Life]) -> None:
    async def check(opened: Opened) -> None:
        found = await over_all(opened)
        for groups in (found.by_flow, found.by_urgency, found.by_first_source):
            assert sum(one.n for one in groups.values()) == found.figures.n
            assert sum(one.false_negatives for one in groups.values()) == found.figures.false_negatives

    kept(history, check)


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.lists(lives(), min_size=1, max_size=60))
def test_a_quarter_stands_when_its_rows_are_long_gone(history: list[naive.Life]) -> None:
    async def check(opened: Opened) -> None:
        accounts = AccountStore(opened.database)
        before = await accounts.statistics(Period.QUARTERLY, START, LONG_AFTER)
        await PredictionStore(opened).prune(LONG_AFTER)
        after = await accounts.statistics(Period.QUARTERLY, START, LONG_AFTER)

        assert [one.figures.n for one in after] == [one.figures.n for one in before]
        for one in (*before, *after):
            whole = replace(one.figures, lead_times=before[0].figures.lead_times)
            check_equal(whole, history)

    kept(history, check)


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.lists(lives(), min_size=1, max_size=40))
def test_a_day_keeps_its_lead_times(history: list[naive.Life]) -> None:
    async def check(opened: Opened) -> None:
        accounts = AccountStore(opened.database)
        before = await accounts.statistics(Period.DAILY, START, LONG_AFTER)
        await PredictionStore(opened).prune(LONG_AFTER)
        after = await accounts.statistics(Period.DAILY, START, LONG_AFTER)

        assert [one.figures.lead_times for one in after] == [one.figures.lead_times for one in before]

    kept(history, check)


def test_what_is_stored_again_after_its_day_was_summed_counts_once() -> None:
    on_time = naive.Version(
        seen_height=0, forecast_at=0, predicted=1, p=dict.fromkeys((1, 2, 3, 6, 12, 24, 144), 0.9)
    )
    life = naive.Life(versions=[on_time], end="confirmed", confirmed_height=1, lead=600.0)

    async def check(opened: Opened) -> None:
        store = PredictionStore(opened)
        await store.prune(LONG_AFTER)
        await store.append([], ended([life], every=1))
        (quarter,) = await AccountStore(opened.database).statistics(Period.QUARTERLY, START, LONG_AFTER)

        assert quarter.figures.on_time == 1

    kept([life], check)


def test_periods_are_whole() -> None:
    async def check(opened: Opened) -> None:
        (week,) = await AccountStore(opened.database).statistics(
            Period.WEEKLY, START, START + timedelta(days=1)
        )

        assert (week.start.isoweekday(), week.end - week.start) == (1, timedelta(days=7))

    version = naive.Version(
        seen_height=0, forecast_at=0, predicted=1, p=dict.fromkeys((1, 2, 3, 6, 12, 24, 144), 0.9)
    )
    kept([naive.Life(versions=[version], end="confirmed", confirmed_height=2, lead=1200.0)], check)


async def test_without_anything_there_is_no_period(opened: Opened) -> None:
    assert await AccountStore(opened.database).statistics(Period.DAILY, START, LONG_AFTER) == ()


async def test_without_anything_there_are_no_lead_times(opened: Opened) -> None:
    assert (await over_all(opened)).figures.lead_times == LeadTimes()


async def test_the_tip_is_what_waiting_is_measured_against(opened: Opened) -> None:
    version = naive.Version(
        seen_height=0, forecast_at=0, predicted=150, p=dict.fromkeys((1, 2, 3, 6, 12, 24, 144), 0.5)
    )
    waits = lived(naive.Life(versions=[version]), 1)
    store = PredictionStore(opened)
    await store.append([], [waits] * 1, [replace(a_block(7), height=Height(7))])
    table = (await over_all(opened)).calibration

    assert [sum(one.n for one in table[n]) for n in ("1", "3", "6", "12")] == [1, 1, 1, 0]


async def test_remembered_days_are_those_of_the_rows_after_every_write(opened: Opened) -> None:
    chance = random.Random(14)
    store = PredictionStore(opened)
    remembering = AccountStore(opened.database, store.touched)
    for turn in range(12):
        if turn == 8:
            await store.prune(START + timedelta(hours=30))
        history = [(number, a_random_life(chance)) for number in chance.sample(range(30), 8)]
        await store.append([], [lived(life, number) for number, life in history], [a_block(TIP - 12 + turn)])

        fresh = AccountStore(opened.database)
        for period in (Period.DAILY, Period.MONTHLY):
            asked = (period, START - timedelta(days=1), LONG_AFTER)
            assert await remembering.statistics(*asked) == await fresh.statistics(*asked)
        window = (START + timedelta(hours=7), LONG_AFTER)
        assert await remembering.correlation(*window) == await fresh.correlation(*window)


async def test_a_reorg_and_a_late_outcome_revise_what_was_remembered(opened: Opened) -> None:
    store = PredictionStore(opened)
    remembering = AccountStore(opened.database, store.touched)
    chance = random.Random(5)
    others = [replace(a_random_life(chance), end="waiting", confirmed_height=None, lead=None)] * 2
    others += [one for _ in range(60) if (one := a_random_life(chance)).end == "confirmed"]
    first = replace(others[0].versions[0], seen_height=3, forecast_at=3, predicted=4)
    confirmed = naive.Life(versions=[first], end="confirmed", confirmed_height=4, lead=595.0)
    undone = replace(confirmed, end="waiting", confirmed_height=None, lead=None, reorged=True)
    late = replace(confirmed, confirmed_height=TIP - 5, lead=600.0 * (TIP - 5 - 3) - 5, reorged=True)
    await store.append([], [lived(one, number) for number, one in enumerate(others)], [a_block(TIP)])

    for life in (confirmed, undone, late):
        await store.append([], [lived(life, 1_000)])
        history = [*others, life]
        over_all_days = await remembering.correlation(START - timedelta(days=1), LONG_AFTER)
        (quarter,) = await remembering.statistics(Period.QUARTERLY, START, START + timedelta(days=1))

        check_equal(over_all_days.figures, history, rounding=1e-4)  # chances are kept in ten-thousandths
        check_equal(quarter.figures, history, rounding=1e-4)


def a_random_life(chance: random.Random) -> naive.Life:
    """Seen and confirmed, or not, within TIP blocks: a day and a half."""
    seen = chance.randrange(TIP - 10)
    version = naive.Version(
        seen_height=seen,
        offset=5,
        forecast_at=seen,
        predicted=seen + chance.choice((1, 2, 6)),
        p=dict(zip((1, 2, 3, 6, 12, 24, 144), sorted(chance.random() for _ in range(7)), strict=True)),
        projected=chance.choice((None, 1, 2)),
        flow=chance.choice(("inflow", "outflow")),
    )
    life = naive.Life(versions=[version], final_flow=version.flow)
    if chance.random() < 0.3:
        return life
    confirmed = seen + chance.randrange(1, 9)
    return replace(life, end="confirmed", confirmed_height=confirmed, lead=600.0 * (confirmed - seen) - 5)
