from datetime import timedelta

from app.core.visibility import Visibility
from app.store.opening import Opened
from app.store.transitions import TransitionStore
from app.views import Level
from tests.store.builders import NOON

HOUR = timedelta(hours=1)
LIVE = Visibility(since=NOON, level=Level.LIVE)
POLLING = Visibility(since=NOON + HOUR, level=Level.POLLING, reason="no WebSocket")
BACK = Visibility(since=NOON + 2 * HOUR, level=Level.LIVE, reason="it is back")


async def with_a_day(opened: Opened) -> TransitionStore:
    store = TransitionStore(opened.database)
    for transition in (LIVE, POLLING, BACK):
        await store.append(transition)
    return store


async def test_transitions_read_back_in_order(opened: Opened) -> None:
    store = await with_a_day(opened)

    assert await store.between(NOON, NOON + 3 * HOUR) == (LIVE, POLLING, BACK)


async def test_a_window_begins_with_what_held_at_its_start(opened: Opened) -> None:
    store = await with_a_day(opened)

    assert await store.between(NOON + HOUR * 1.5, NOON + 3 * HOUR) == (POLLING, BACK)


async def test_a_window_does_not_hold_its_end(opened: Opened) -> None:
    store = await with_a_day(opened)

    assert await store.between(NOON, NOON + 2 * HOUR) == (LIVE, POLLING)


async def test_before_anything_is_known_the_window_begins_with_the_first_change(opened: Opened) -> None:
    store = await with_a_day(opened)

    assert await store.between(NOON - HOUR, NOON + HOUR) == (LIVE,)
