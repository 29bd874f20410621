"""The correlation id of the request being handled: on its answer, in its log lines, in its error body.

A caller's own `X-Correlation-ID` is kept where it is sane, else an id is made. The id is a context
variable, set only while a request's code runs: each handler runs in a task of its own, which inherits it.
"""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "X-Correlation-ID"
_SANE = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_current: ContextVar[str | None] = ContextVar("spout_correlation_id", default=None)


def sane_or_new(given: str | None) -> str:
    """Return the caller's id if it is 1-128 of `A-Za-z0-9._:-`, else a new UUID."""
    return given if given is not None and _SANE.fullmatch(given) else str(uuid.uuid4())


def current_correlation_id() -> str | None:
    """Return the id of the request in whose context this runs; None outside of one."""
    return _current.get()


@contextmanager
def correlated(correlation_id: str) -> Iterator[None]:
    """Hold the id while this context is active; it is gone afterwards, whatever was raised."""
    token = _current.set(correlation_id)
    try:
        yield
    finally:
        _current.reset(token)
