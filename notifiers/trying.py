"""A test of an endpoint: what it sends to is checked, and the test is an event and an attempt like others."""

import asyncio
from datetime import datetime

from app.api.models import EndpointTest, NewEndpoint
from app.core.alerts import EndpointProgress, Result
from app.core.events import Event, EventType, Happening
from notifiers import intake
from notifiers.attempts import Attempted
from notifiers.dialler import Dialler
from notifiers.directory import new_id
from notifiers.messages import TEST_WORDS
from notifiers.model import AttemptOutcome, Target
from notifiers.rows import delivery_id


async def targets_of(new: NewEndpoint, dialler: Dialler) -> list[Target]:
    """Return what it sends to, each checked; more than one where a URL names several.

    Raises:
        EndpointError, TargetRefusedError: saying what is wrong with it.
    """
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, _checked_targets, new, dialler)


async def check(target: Target, dialler: Dialler) -> None:
    """Off the loop: the first one imports Apprise.

    Raises:
        EndpointError, TargetRefusedError: saying what is wrong with it.
    """
    await asyncio.get_running_loop().run_in_executor(None, _check, target, dialler)


def happening(endpoint_id: str, at: datetime) -> Happening:
    """The event of a test, which goes to this endpoint alone."""
    facts = {"endpoint_id": endpoint_id, "words": TEST_WORDS}
    return Happening(type=EventType.TEST, at=at, facts=facts)


def attempted(
    event: Event, endpoint_id: str, outcome: AttemptOutcome, progress: EndpointProgress, at: datetime
) -> Attempted:
    """The one attempt of a test: it settles its delivery, and changes nothing of how the endpoint fares."""
    return Attempted(
        endpoint_id=endpoint_id,
        delivery=delivery_id(event.sequence, endpoint_id),
        at=at,
        outcome=outcome,
        result=Result.DELIVERED if outcome.delivered else Result.FAILED,
        because=None if outcome.delivered else "test",
        progress=progress,
        progressed=False,
    )


def tested(outcome: AttemptOutcome) -> EndpointTest:
    """What came of a test, for the one who asked for it."""
    return EndpointTest(
        delivered=outcome.delivered,
        status_code=outcome.status_code,
        ms=outcome.ms,
        error=outcome.error if not outcome.answer else f"{outcome.error}: {outcome.answer}",
    )


def _check(target: Target, dialler: Dialler) -> None:
    from notifiers import senders  # noqa: PLC0415 - requests and Apprise come with the first endpoint

    senders.check(target, dialler)


def _checked_targets(new: NewEndpoint, dialler: Dialler) -> list[Target]:
    from notifiers import senders  # noqa: PLC0415 - requests and Apprise come with the first endpoint

    targets = senders.split(intake.target_of(new, new_id()))
    for target in targets:
        senders.check(target, dialler)
    return targets
