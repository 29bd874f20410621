"""What was sent is forgotten after its time, and not because a clock was set."""

from datetime import datetime, timedelta
from pathlib import Path

from app.core.models import Block
from app.core.units import BlockHash, Height
from app.engine.retention import Kept, Retention
from tests.fakes import LeapingClock
from tests.notifiers.stage import Stage, staged

NOWHERE = "http://127.0.0.1:9/"
YEAR = timedelta(days=365)


def retention_of(stage: Stage, clock: LeapingClock, last_block: datetime) -> Retention:
    """As the engine has it."""
    alerts = stage.alerts
    sent = Kept(name="alerts", prune=alerts.prune, oldest=alerts.oldest, keep=lambda: alerts.keep)
    tip = Block(hash=BlockHash("aa" * 32), height=Height(900_000), time=last_block)
    return Retention(sent, tip=lambda: tip, clock=clock)


async def muted(stage: Stage) -> None:
    """One event of which the delivery is settled at once."""
    await stage.add(NOWHERE, muted_until="2999-01-01T00:00:00Z")
    await stage.happen()


async def test_what_is_settled_goes_after_thirty_days(tmp_path: Path) -> None:
    clock = LeapingClock()
    async with staged(tmp_path, clock=clock, run=False) as stage:
        await muted(stage)
        clock.advance(timedelta(days=31).total_seconds())
        await retention_of(stage, clock, last_block=clock.now()).pass_once()

        assert await stage.statuses() == []


async def test_what_waits_stays_however_old_it_is(tmp_path: Path) -> None:
    clock = LeapingClock()
    async with staged(tmp_path, clock=clock, run=False) as stage:
        await stage.add(NOWHERE)
        await stage.happen()
        clock.advance(timedelta(days=100).total_seconds())
        await retention_of(stage, clock, last_block=clock.now()).pass_once()

        assert await stage.statuses() == ["waiting"]


async def test_a_clock_set_a_year_forward_and_back_loses_nothing(tmp_path: Path) -> None:
    clock = LeapingClock()
    async with staged(tmp_path, clock=clock, run=False) as stage:
        await muted(stage)
        retention = retention_of(stage, clock, last_block=clock.now())
        clock.step(YEAR)
        await retention.pass_once()
        clock.step(-YEAR)
        await retention.pass_once()

        assert await stage.statuses() == ["dropped"]


async def test_what_waits_does_not_hold_up_what_is_settled(tmp_path: Path) -> None:
    clock = LeapingClock()
    async with staged(tmp_path, clock=clock, run=False) as stage:
        await stage.add(NOWHERE, name="waits")
        await stage.happen()
        clock.advance(timedelta(days=100).total_seconds())
        await muted(stage)
        clock.advance(timedelta(days=31).total_seconds())
        await retention_of(stage, clock, last_block=clock.now()).pass_once()

        assert await stage.statuses() == ["waiting", "waiting"]
