"""Waiting for something to become true in another process, with a word about what did not."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_SECONDS = 90.0
"""Generous: the machine may be busy. What has to be fast is measured and told, not waited for."""
_BETWEEN_SECONDS = 0.04


def until(look: Callable[[], T], what: str, *, seconds: float = PATIENCE_SECONDS) -> T:
    """Return the first true value that `look` returns.

    Raises:
        AssertionError: if there is none within `seconds`; it tells the last one.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:g} s; at last: {found!r}")
        time.sleep(_BETWEEN_SECONDS)
