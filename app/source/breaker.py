"""The one seam for trying again and for leaving alone: REST, RPC and Electrum go through it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from app.clock import Clock
from app.errors import CircuitOpenError, SpoutError, TooSlowError, UnreachableError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often, how long between, and when to stop asking at all. Times in seconds."""

    attempts: int = 3
    first_wait: float = 0.1
    longest_wait: float = 2.0
    trips_after: int = 4
    """Calls in a row that failed with all their attempts before the circuit opens."""
    first_rest: float = 1.0
    longest_rest: float = 2.0
    """The rest doubles up to this; short, so that a source that is back is noticed within seconds."""


class Guard:
    """Retries and circuit breaker around one far side.

    Only `worth_another_try` counts as a failure; any other error is an answer: it passes through
    at once and closes the circuit. While the circuit rests nothing is sent; then one call probes.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        jitter: Callable[[], float],
        patience: Patience = Patience(),
        worth_another_try: type[Exception] | tuple[type[Exception], ...] = UnreachableError,
    ) -> None:
        """`jitter` returns 0..1 and stretches each wait by up to half: many must not come back at once."""
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

    async def call(self, work: Callable[[], Awaitable[T]], *, attempts: int | None = None) -> T:
        """Return what `work` returns, trying up to `attempts` times (default: as patience says).

        Raises:
            CircuitOpenError: while it rests, in the words of the last failure; nothing was sent.
            UnreachableError: (or what `worth_another_try` names) the last attempt's own error.
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
