"""One session with a far side after another, for ever: how a break is told, how soon it is tried again."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from app.clock import Clock
from app.core.models import SourceName
from app.core.observations import Gap, Observation
from app.errors import ParseError, SourceError
from app.source.health import SourceHealth

RETRY_SECONDS = (0.5, 1.0, 2.0)
"""Between sessions; the last one is repeated, so that a far side that is back is noticed within 5 s."""


async def one_after_another(
    session: Callable[[], AsyncGenerator[Observation, None]],
    *,
    source: SourceName,
    health: SourceHealth,
    clock: Clock,
    is_news: Callable[[Observation], bool] = lambda _: True,
    known_trouble: Callable[[SourceError | ParseError], float | None] = lambda _: None,
) -> AsyncGenerator[Observation, None]:
    """Everything the sessions tell; a Gap after each one that had told news.

    `known_trouble` says itself in health what an error means, and returns the seconds to wait; None for all
    that is only a lost connection.
    """
    failures = 0
    while True:
        told, wait = False, RETRY_SECONDS[-1]
        try:
            async with aclosing(session()) as everything:
                async for observation in everything:
                    if is_news(observation):
                        told, failures = True, 0
                    yield observation
        except (SourceError, ParseError) as error:
            special = known_trouble(error)
            if special is None:
                health.reconnecting(str(error))
            wait = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)] if special is None else special
        if told:
            yield Gap(source=source, reason=health.condition.last_error or "the session ended")
        failures += 1
        await clock.sleep(wait)
