"""Retries and the circuit breaker, for REST, RPC and Electrum alike."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from app.clock import Clock
from app.errors import CircuitOpenError, NodeBusyError, SpoutError, TooSlowError, UnreachableError
from app.views import BreakerState

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The retry policy: attempts, delays, and when the circuit breaker opens. Times in seconds."""

    attempts: int = 3
    first_wait: float = 0.1
    longest_wait: float = 2.0
    trips_after: int = 4
    """Consecutive calls that failed in all their attempts before the circuit opens."""
    first_rest: float = 1.0
    longest_rest: float = 2.0
    """The open time doubles up to this; short, so that a source that is back is noticed within seconds."""


class Guard:
    """Retries and circuit breaker for one server.

    Only `worth_another_try` counts as a failure; any other error is a reply: it is raised at once and closes
    the circuit. While the circuit is open nothing is sent; then one call is let through as a probe.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        jitter: Callable[[], float],
        patience: Patience = Patience(),
        worth_another_try: type[Exception] | tuple[type[Exception], ...] = UnreachableError,
    ) -> None:
        """Take `jitter`, which returns 0..1 and extends each delay by up to half, to spread out retries."""
        self.name = name
        self._clock = clock
        self._jitter = jitter
        self._patience = patience
        self._worth = worth_another_try
        self._failures = 0
        self._trips = 0
        self._resting_until: float | None = None
        self._last_words = ""

    @property
    def is_open(self) -> bool:
        """Whether a call now would be refused."""
        return self._resting_until is not None and self._clock.monotonic() < self._resting_until

    @property
    def state(self) -> BreakerState:
        """Return the breaker's state; half open: the next call is let through as a probe."""
        if self._resting_until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self.is_open else BreakerState.HALF_OPEN

    async def call(self, work: Callable[[], Awaitable[T]], *, attempts: int | None = None) -> T:
        """Return what `work` returns, after up to `attempts` attempts (default: the policy's).

        Raises:
            CircuitOpenError: while the circuit is open, with the last failure's message; nothing was sent.
            UnreachableError: (or what `worth_another_try` names) the last attempt's error.
        """
        if self.is_open:
            raise CircuitOpenError(self._last_words)

        async def once() -> T:
            return await work()

        probing = self._resting_until is not None
        most = 1 if probing else attempts or self._patience.attempts
        tries = AsyncRetrying(
            sleep=self._clock.sleep,
            stop=stop_after_attempt(most),
            wait=self._wait,
            retry=retry_if_exception(self._again),
            reraise=True,
        )
        try:
            answer: T = await tries(once)
        except self._worth as error:
            self._failed(error)
            raise
        except SpoutError:
            self._alive()
            raise
        self._alive()
        return answer

    def _again(self, error: BaseException) -> bool:
        if isinstance(error, NodeBusyError):
            return True  # it is reachable: retried, but not a failure
        return isinstance(error, self._worth) and not isinstance(error, TooSlowError)

    def _wait(self, state: RetryCallState) -> float:
        wait: float = self._patience.first_wait * 2 ** (state.attempt_number - 1)
        return min(wait, self._patience.longest_wait) * (1 + self._jitter() / 2)

    def _alive(self) -> None:
        self._failures = self._trips = 0
        self._resting_until = None

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        self._last_words = str(error) or f"{self.name} does not answer"
        if self._failures >= self._patience.trips_after:
            rest = min(self._patience.first_rest * 2**self._trips, self._patience.longest_rest)
            self._trips += 1
            self._resting_until = self._clock.monotonic() + rest * (1 + self._jitter() / 2)
