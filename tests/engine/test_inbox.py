import pytest

from app.core.models import SourceName
from app.core.observations import SourceConnected
from app.engine.inbox import FLOOD_COMMITS, FLOOD_SECONDS, GATHER_SECONDS, MOST_BATCHES, Inbox
from app.metrics import frame_arrived
from tests.fakes import LeapingClock

SEEN = SourceConnected(source=SourceName.MEMPOOL_WS, again=False)


async def test_what_waits_came_when_its_first_frame_did() -> None:
    clock = LeapingClock()
    inbox = Inbox(clock)
    frame_arrived.set(2.0)
    await inbox.emit((SEEN,))
    frame_arrived.set(5.0)
    await inbox.emit((SEEN,))

    assert (len(await inbox.next()), inbox.arrived_at) == (2, 2.0)


async def test_what_has_no_frame_came_when_it_was_emitted() -> None:
    clock = LeapingClock()
    inbox = Inbox(clock)
    clock.advance(7.0)
    await inbox.emit_one(SEEN)
    await inbox.next()

    assert inbox.arrived_at == 7.0


async def waited_after(clock: LeapingClock, *, apart: float, more: int) -> float:
    """Return how long the last of a few commits waits for more, of which `more` have come, in seconds."""
    inbox = Inbox(clock)
    for _ in range(FLOOD_COMMITS - 1):
        await inbox.committed()
        clock.advance(apart)
    for _ in range(more):
        await inbox.emit_one(SEEN)
    began = clock.monotonic()
    await inbox.committed()
    return clock.monotonic() - began


async def test_in_a_flood_of_whales_more_of_them_gather_for_one_commit() -> None:
    assert await waited_after(LeapingClock(), apart=0.001, more=1) == pytest.approx(GATHER_SECONDS)


async def test_a_whale_now_and_then_is_not_waited_after() -> None:
    assert await waited_after(LeapingClock(), apart=FLOOD_SECONDS, more=1) == 0


async def test_nothing_is_waited_for_where_nothing_has_come() -> None:
    assert await waited_after(LeapingClock(), apart=0.001, more=0) == 0


async def test_nothing_is_waited_for_where_nothing_more_can_come() -> None:
    assert await waited_after(LeapingClock(), apart=0.001, more=MOST_BATCHES) == 0
