from collections.abc import AsyncGenerator

import pytest

from app.core.models import SourceName
from app.core.observations import Gap, Observation, SourceConnected
from app.errors import UnreachableError
from app.source.resilience import Delays, Reconnect, ReconnectCounts, SourceHealth, one_after_another
from app.source.resilience.reconnect import STEADY_SECONDS
from app.views import Reconnects
from tests.fakes import LeapingClock

DELAYS = Delays(first=1.0, longest=8.0)


async def try_out(clock: LeapingClock, counts: ReconnectCounts, *lasts: float | None) -> None:
    """One attempt each: connected for so many seconds, or, with None, never."""
    attempts = Reconnect(clock, counts, DELAYS, lost=(OSError,))
    for lasted in lasts:
        with await anext(attempts) as attempt:
            if lasted is None:
                raise OSError("refused")
            attempt.connected()
            clock.advance(lasted)


async def test_the_delay_doubles_while_nothing_connects() -> None:
    clock = LeapingClock()
    await try_out(clock, ReconnectCounts(), None, None, None, None, None, None)

    assert clock.slept == [1, 2, 4, 8, 8]


async def test_a_connection_that_lasted_starts_the_delays_anew() -> None:
    clock = LeapingClock()
    await try_out(clock, ReconnectCounts(), None, None, STEADY_SECONDS, None)

    assert clock.slept == [1, 2, 1]


async def test_one_that_ends_at_once_counts_as_failed() -> None:
    clock = LeapingClock()
    await try_out(clock, ReconnectCounts(), 0.1, 0.1, 0.1)

    assert clock.slept == [1, 2]


async def test_an_error_of_another_kind_is_raised() -> None:
    attempt = await anext(Reconnect(LeapingClock(), ReconnectCounts(), DELAYS, lost=(OSError,)))

    with pytest.raises(ValueError, match="a fault"), attempt:
        raise ValueError("a fault")


async def test_the_first_attempt_is_no_reconnect() -> None:
    counts = ReconnectCounts()
    await try_out(LeapingClock(), counts, None, None, None, 5.0)

    assert counts.counted == Reconnects(attempts=3, successes=1, failures=2)


async def test_a_gap_follows_a_session_that_had_told_something() -> None:
    clock = LeapingClock()
    health = SourceHealth("electrs", clock)
    first = SourceConnected(source=SourceName.ELECTRS, again=False)

    async def session() -> AsyncGenerator[Observation, None]:
        yield first
        raise UnreachableError("it left")

    sessions = one_after_another(session, source=SourceName.ELECTRS, health=health, clock=clock)
    received = [await anext(sessions) for _ in range(3)]
    await sessions.aclose()

    assert received == [first, Gap(source=SourceName.ELECTRS, reason="it left"), first]
    assert health.reconnects.counted == Reconnects(attempts=1, successes=1, failures=0)
