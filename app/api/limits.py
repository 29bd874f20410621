"""Rate limits per caller. Pure: the time is an argument."""

import math
from dataclasses import dataclass

from app.core.recent import Recent

_MOST_CALLERS = 10_000


@dataclass(frozen=True, slots=True)
class Quota:
    """`amount` requests, refilled evenly over `window_seconds`."""

    name: str
    amount: int
    window_seconds: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """The result of a request. `wait_seconds` is 0 if it may proceed."""

    quota: Quota
    remaining: int
    full_again_seconds: int
    wait_seconds: int

    @property
    def headers(self) -> dict[str, str]:
        """IETF draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy` and `RateLimit`."""
        quota = self.quota
        headers = {
            "RateLimit-Policy": f'"{quota.name}";q={quota.amount};w={quota.window_seconds}',
            "RateLimit": f'"{quota.name}";r={self.remaining};t={self.full_again_seconds}',
        }
        if self.wait_seconds:
            headers["Retry-After"] = str(self.wait_seconds)
        return headers


KEY = Quota("key", 600, 60)
"""Per API key."""
PAGE = Quota("page", 3_000, 60)
"""Per session of the pages, and for requests from this machine without a key."""
STRANGER = Quota("stranger", 6_000, 60)
"""Per address, for requests whose credentials are missing or wrong: a bound for floods. A key of 256 bits
needs no other; the password has its own (`app.api.throttle`)."""


class Limiter:
    """Token buckets by caller, at most 10,000; the least recently used one is dropped."""

    def __init__(self) -> None:
        self._buckets: Recent[tuple[str, str], tuple[float, float]] = Recent(_MOST_CALLERS)

    def take(self, quota: Quota, caller: str, at: float) -> Allowance:
        """Count one request of `caller` at `at` (monotonic seconds)."""
        level = self._level(quota, caller, at)
        allowed = level >= 1
        level -= 1 if allowed else 0
        self._buckets.put((quota.name, caller), (level, at))
        return self._allowance(quota, level, refused=not allowed)

    def look(self, quota: Quota, caller: str, at: float) -> Allowance:
        """Return the allowance without counting a request."""
        level = self._level(quota, caller, at)
        return self._allowance(quota, level, refused=level < 1)

    def _level(self, quota: Quota, caller: str, at: float) -> float:
        level, since = self._buckets.get((quota.name, caller)) or (float(quota.amount), at)
        return min(quota.amount, level + (at - since) * quota.amount / quota.window_seconds)

    def _allowance(self, quota: Quota, level: float, *, refused: bool) -> Allowance:
        seconds_each = quota.window_seconds / quota.amount
        return Allowance(
            quota=quota,
            remaining=int(level),
            full_again_seconds=math.ceil((quota.amount - level) * seconds_each),
            wait_seconds=max(1, math.ceil((1 - level) * seconds_each)) if refused else 0,
        )
