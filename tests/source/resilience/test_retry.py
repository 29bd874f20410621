"""Trying again, and leaving alone."""

import pytest

from app.errors import CircuitOpenError, NodeRefusedError, TooSlowError, UnreachableError
from app.source.resilience.retry import Guard, Patience
from tests.fakes import LeapingClock


class FarSide:
    """Fails as often as it is told, then answers."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.asked = 0
        self._failures = failures
        self._error = error or UnreachableError("away")

    async def answer(self) -> str:
        self.asked += 1
        if self.asked <= self._failures:
            raise self._error
        return "here"


def a_guard(clock: LeapingClock, jitter: float = 0.0) -> Guard:
    return Guard("far side", clock, lambda: jitter, Patience())


async def open_circuit(guard: Guard, far: FarSide) -> None:
    for _ in range(Patience().trips_after):
        with pytest.raises(UnreachableError):
            await guard.call(far.answer)


async def test_a_failure_is_tried_again_with_growing_waits() -> None:
    clock = LeapingClock()

    answer = await a_guard(clock).call(FarSide(failures=2).answer)

    assert (answer, clock.slept) == ("here", [0.1, 0.2])


async def test_jitter_stretches_each_wait_by_up_to_half() -> None:
    clock = LeapingClock()

    await a_guard(clock, jitter=1.0).call(FarSide(failures=2).answer)

    assert clock.slept == [pytest.approx(0.15), pytest.approx(0.3)]


async def test_the_last_error_is_raised_when_all_attempts_failed() -> None:
    far = FarSide(failures=99)

    with pytest.raises(UnreachableError, match="away"):
        await a_guard(LeapingClock()).call(far.answer)

    assert far.asked == 3


async def test_an_answer_of_the_far_side_is_not_tried_again() -> None:
    far = FarSide(failures=99, error=NodeRefusedError("no", -5))

    with pytest.raises(NodeRefusedError):
        await a_guard(LeapingClock()).call(far.answer)

    assert far.asked == 1


async def test_a_slow_far_side_is_not_pressed() -> None:
    far = FarSide(failures=99, error=TooSlowError("slow"))

    with pytest.raises(TooSlowError):
        await a_guard(LeapingClock()).call(far.answer)

    assert far.asked == 1


async def test_after_many_failures_nothing_is_sent() -> None:
    guard, far = a_guard(LeapingClock()), FarSide(failures=99)
    await open_circuit(guard, far)
    asked = far.asked

    with pytest.raises(CircuitOpenError):
        await guard.call(far.answer)

    assert far.asked == asked


async def test_after_a_rest_one_attempt_probes() -> None:
    clock = LeapingClock()
    guard, far = a_guard(clock), FarSide(failures=99)
    await open_circuit(guard, far)
    asked = far.asked
    clock.advance(1.0)

    with pytest.raises(UnreachableError):
        await guard.call(far.answer)

    assert far.asked == asked + 1


async def test_a_probe_that_succeeds_closes_the_circuit() -> None:
    clock = LeapingClock()
    guard = a_guard(clock)
    await open_circuit(guard, FarSide(failures=99))
    clock.advance(1.0)

    assert await guard.call(FarSide(failures=0).answer) == "here"
    assert not guard.is_open


async def test_the_rest_grows_but_never_beyond_its_limit() -> None:
    clock = LeapingClock()
    guard, far = a_guard(clock), FarSide(failures=999)
    await open_circuit(guard, far)
    for _ in range(10):
        clock.advance(5.0)
        with pytest.raises(UnreachableError, match="away"):
            await guard.call(far.answer)

    clock.advance(5.0)

    assert not guard.is_open


async def test_the_breakers_state_is_open_then_half_open_then_closed() -> None:
    clock = LeapingClock()
    guard = a_guard(clock)
    states = [guard.state]
    await open_circuit(guard, FarSide(failures=99))
    states.append(guard.state)
    clock.advance(5.0)
    states.append(guard.state)
    await guard.call(FarSide(failures=0).answer)

    assert [*states, guard.state] == ["closed", "open", "half_open", "closed"]
