"""Optional requests: if one is refused, only its result is missing.

A server may not know a request, not permit it, or be too busy for it. That is logged once by name, and the
request is retried later: the operator may permit it, or replace the software.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from app.clock import Clock
from app.errors import ForbiddenError, NodeBusyError, NodeRefusedError, ParseError, TooSlowError

T = TypeVar("T")
DISPENSABLE = (NodeRefusedError, ForbiddenError, NodeBusyError, ParseError, TooSlowError)
"""Errors that concern one request. A lost connection or a wrong password concerns all of them."""
ASK_AGAIN_SECONDS = 60.0
FORBIDDEN_AGAIN_SECONDS = 600.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Optional:
    """`name`: the request as the server calls it. `without`: what is missing without it, as text.

    `usual`: many servers do not support it, so its absence is not mentioned.
    """

    name: str
    without: str = ""
    usual: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    question: Optional
    reason: str
    again_at: float


class OptionalQuestions:
    """The optional requests to one server. `changed` is called when `notes` change."""

    def __init__(self, name: str, clock: Clock, changed: Callable[[], None] = lambda: None) -> None:
        self._name = name
        self._clock = clock
        self._changed = changed
        self._refused: dict[str, _Refusal] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """Return the missing results, each as text, for health."""
        return tuple(
            f"{one.question.name} is left out ({one.reason}): {one.question.without}"
            for one in self._refused.values()
            if not one.question.usual
        )

    async def ask(self, question: Optional, work: Callable[[], Awaitable[T]]) -> T | None:
        """Return what `work` returns; None if it is refused now, or was a short while ago.

        Raises:
            SourceError: if the server is unreachable or refuses the login.
        """
        refusal = self._refused.get(question.name)
        if refusal is not None and self._clock.monotonic() < refusal.again_at:
            return None
        try:
            answer = await work()
        except DISPENSABLE as error:
            self._leave_out(question, error)
            return None
        if self._refused.pop(question.name, None) is not None:
            _log.info("optional question answered again", source=self._name, question=question.name)
            self._changed()
        return answer

    def forget(self) -> None:
        """Retry all of them: it may be another server now."""
        if self._refused:
            self._refused.clear()
            self._changed()

    def _leave_out(self, question: Optional, error: Exception) -> None:
        rest = FORBIDDEN_AGAIN_SECONDS if isinstance(error, ForbiddenError) else ASK_AGAIN_SECONDS
        reason = (str(error) or type(error).__name__).removeprefix(f"{self._name}: ")
        known = question.name in self._refused
        self._refused[question.name] = _Refusal(
            question=question, reason=reason, again_at=self._clock.monotonic() + rest
        )
        if not known and not question.usual:
            _log.warning(
                "optional question refused", source=self._name, question=question.name, reason=reason
            )
        if not known:
            self._changed()
