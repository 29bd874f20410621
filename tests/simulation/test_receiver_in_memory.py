"""An attempt takes as long as its receiver says, in the loop's time, and all else goes on meanwhile."""

import asyncio

import pytest

from notifiers.dial import DEADLINE_SECONDS
from notifiers.model import AttemptOutcome
from notifiers.postroom import Postroom
from tests.notifiers.builders import a_dialler, a_message, a_webhook
from tests.notifiers.receivers import Say
from tests.simulation.receiver_in_memory import NEVER, ReceiverInMemory, receiving_in_memory
from tests.simulation.virtual import LoopClock, VirtualLoop


async def _count(seconds: list[int]) -> None:
    while True:
        await asyncio.sleep(1)
        seconds.append(1)


async def _attempted(receiver: ReceiverInMemory, loop: VirtualLoop, seconds: list[int]) -> AttemptOutcome:
    counting = asyncio.ensure_future(_count(seconds))
    postroom = Postroom(a_dialler(), LoopClock(loop))
    try:
        return await postroom.send(a_webhook(receiver.url()), a_message())
    finally:
        counting.cancel()
        postroom.close()


def attempted(say: Say) -> tuple[AttemptOutcome, float, int, list[str]]:
    """Return what came of one attempt, how long it took, the seconds counted beside it, what was taken."""
    loop, seconds = VirtualLoop(), list[int]()
    try:
        with receiving_in_memory() as receiver:
            receiver.begin(loop)
            receiver.mood = say
            outcome = loop.run_until_complete(_attempted(receiver, loop, seconds))
            return outcome, loop.time(), len(seconds), receiver.taken
    finally:
        loop.close()


@pytest.mark.parametrize("seconds", [0.0, 0.4, 14.5])
def test_an_answer_comes_as_late_as_is_said(seconds: float) -> None:
    outcome, took, counted, taken = attempted(Say(wait_seconds=seconds))

    assert (outcome.delivered, took, counted, taken) == (True, seconds, int(seconds), ["evt_1"])


@pytest.mark.parametrize("seconds", [DEADLINE_SECONDS + 1, NEVER])
def test_an_attempt_without_an_answer_ends_in_its_time_and_nothing_is_taken(seconds: float) -> None:
    outcome, took, counted, taken = attempted(Say(wait_seconds=seconds))

    assert (outcome.delivered, took, taken) == (False, DEADLINE_SECONDS, [])
    assert counted >= DEADLINE_SECONDS - 1
    assert "in time" in str(outcome.error)


def test_a_refusal_takes_its_time_too() -> None:
    outcome, took, _, taken = attempted(Say(status=429, headers={"Retry-After": "7"}, wait_seconds=6.0))

    assert (outcome.status_code, outcome.retry_after_s, took, taken) == (429, 7.0, 6.0, [])
