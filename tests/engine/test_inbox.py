from app.core.models import SourceName
from app.core.observations import SourceConnected
from app.engine.inbox import Inbox
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
