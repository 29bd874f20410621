"""The one reconnect loop: attempts one after another, their delays, and how a lost connection is reported.

async for attempt in Reconnect(clock, counts, delays, lost=(OSError,)):
with attempt:                 # an error of `lost` ends the attempt, any other is raised
async with connect() as link:
attempt.connected()
await listen(link)
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from app.clock import Clock
from app.core.backoff import backoff_seconds
from app.core.models import SourceName
from app.core.observations import Gap, Observation
from app.errors import ParseError, SourceError, SpoutError
from app.source.resilience.health import ReconnectCounts, SourceHealth

STEADY_SECONDS = 10.0
"""A connection of this length counts as working; after a shorter one the delay grows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Seconds between attempts, doubled from `first` to `longest`; `jitter` returns 0..1."""

    first: float = 1.0
    longest: float = 60.0
    jitter: Callable[[], float] = lambda: 0.0

    def after(self, failures: int) -> float:
        return backoff_seconds(failures, self.jitter(), first=self.first, longest=self.longest)


LOCAL = Delays(first=0.5, longest=2.0)
"""For a server on this machine or network: one that is back is noticed within 5 s."""


class ReconnectAttempt:
    """One attempt, from connecting to the loss of the connection."""

    def __init__(
        self, clock: Clock, counts: ReconnectCounts, lost: tuple[type[Exception], ...], failures: int
    ) -> None:
        self._clock = clock
        self._counts = counts
        self._lost = lost
        self._connected_at: float | None = None
        self._steady = False
        self._failures = failures
        self.error: Exception | None = None
        """What ended it; None if the connection ended without an error."""
        self.wait_seconds: float | None = None
        """Set by the caller in place of the usual delay."""
        self.futile = False
        """Set by the caller: however long it lasted, it counts as failed."""

    def connected(self) -> None:
        """Note that the connection is established; repeated calls are ignored."""
        if self._connected_at is None:
            self._connected_at = self._clock.monotonic()
            self._counts.succeeded()

    @property
    def failures(self) -> int:
        """Return how many attempts have failed in a row, with this one."""
        return 1 if self._steady and not self.futile else self._failures + 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._connected_at is None:
            self._counts.failed()
        else:
            self._steady = self._clock.monotonic() - self._connected_at >= STEADY_SECONDS
        if isinstance(error, self._lost):
            self.error = error
            return True
        return False


class Reconnect:
    """Iterates over the attempts for ever, and waits between two.

    `pause` waits the delay, and may return sooner (a port that answers again).
    """

    def __init__(
        self,
        clock: Clock,
        counts: ReconnectCounts,
        delays: Delays,
        *,
        lost: tuple[type[Exception], ...],
        pause: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        self._clock = clock
        self._counts = counts
        self._delays = delays
        self._lost = lost
        self._pause = pause or clock.sleep
        self._last: ReconnectAttempt | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ReconnectAttempt:
        failures = 0
        if (last := self._last) is not None:
            failures, wait = last.failures, last.wait_seconds
            await self._pause(self._delays.after(failures) if wait is None else wait)
        self._counts.tried()
        self._last = ReconnectAttempt(self._clock, self._counts, self._lost, failures)
        return self._last


async def one_after_another(
    session: Callable[[], AsyncGenerator[Observation, None]],
    *,
    source: SourceName,
    health: SourceHealth,
    clock: Clock,
    is_news: Callable[[Observation], bool] = lambda _: True,
    known_trouble: Callable[[SourceError | ParseError], float | None] = lambda _: None,
) -> AsyncGenerator[Observation, None]:
    """Yield the observations of all sessions, with a Gap after each one that had reported news.

    `known_trouble` reports an error in health itself, and returns the seconds to wait; None for an error that
    is only a lost connection.
    """
    async for attempt in Reconnect(clock, health.reconnects, LOCAL, lost=(SourceError, ParseError)):
        reported = False
        with attempt:
            async with aclosing(session()) as everything:
                async for observation in everything:
                    attempt.connected()
                    reported = reported or is_news(observation)
                    yield observation
        error = attempt.error
        if isinstance(error, SourceError | ParseError):
            attempt.wait_seconds = known_trouble(error)
            if attempt.wait_seconds is None:
                health.reconnecting(str(error))
        if reported:
            yield Gap(source=source, reason=health.condition.last_error or "the session ended")


def first_of(errors: BaseExceptionGroup[SpoutError]) -> SpoutError:
    """Return the first error of a group, at any depth."""
    inner = errors.exceptions[0]
    return first_of(inner) if isinstance(inner, BaseExceptionGroup) else inner
