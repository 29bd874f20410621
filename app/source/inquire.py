"""Carries the tracker's questions to whoever can answer, and the answers back."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from app.clock import Clock
from app.core.observations import Observation, Unanswered
from app.core.questions import AskBlock, AskMempool, AskPackage, AskPrevouts, AskTransaction, Question
from app.errors import ParseError, SourceError

BETWEEN_RECONCILIATIONS_SECONDS = 5.0
PATIENCE_SECONDS = 2.0
"""What a new whale spends is waited for so long; the backend may be slow, busy or half dead."""
_log = structlog.get_logger(__name__)


class Answerer(Protocol):
    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what this source says.

        Raises:
            SourceError: if it could not be asked, or cannot answer such a question.
            ParseError: if what it answered is not to be read.
        """
        ...


class Inquirer:
    """Asks each question of one answerer after the other until one answers; the same question once at a time.

    What decides about a whale goes first, whole-mempool reconciliations last and never in a row.
    """

    def __init__(
        self,
        answerers: Sequence[Answerer],
        tell: Callable[[Observation], Awaitable[None]],
        clock: Clock,
        workers: int = 4,
    ) -> None:
        self._answerers = answerers
        self._tell = tell
        self._clock = clock
        self._workers = workers
        self._waiting: asyncio.PriorityQueue[tuple[int, int, Question]] = asyncio.PriorityQueue()
        self._open: set[Question] = set()
        self._urgent: asyncio.Queue[tuple[float, Question]] = asyncio.Queue()
        self._running = False
        self._number = 0
        self._last_reconciliation: float | None = None

    @property
    def waiting(self) -> int:
        return self._waiting.qsize()

    def ask(self, question: Question) -> None:
        """Queue it, unless it is queued or under way already."""
        key = _key(question)
        if key in self._open:
            return
        self._open.add(key)
        self._number += 1
        self._waiting.put_nowait((_rank(question), self._number, question))
        if self._running and isinstance(question, AskPrevouts):
            self._urgent.put_nowait((self._clock.monotonic(), question))

    async def run(self) -> None:
        """Answer for ever."""
        self._running = True
        async with asyncio.TaskGroup() as group:
            group.create_task(self._lose_patience())
            for _ in range(self._workers):
                group.create_task(self._work())

    async def drain(self) -> None:
        """Answer until nothing is asked any more, in order: for a recording, where time stands still."""
        while not self._waiting.empty():
            await self._next(paced=False)

    async def _work(self) -> None:
        while True:
            await self._next(paced=True)

    async def _lose_patience(self) -> None:
        """A whale is not kept back by a slow answer: it is announced without, and corrected by it."""
        while True:
            asked_at, question = await self._urgent.get()
            rest = asked_at + PATIENCE_SECONDS - self._clock.monotonic()
            if rest > 0:
                await self._clock.sleep(rest)
            if question in self._open:
                reason = f"no answer within {PATIENCE_SECONDS:g} s; it is still being asked"
                await self._tell(Unanswered(question=question, reason=reason))

    async def _next(self, *, paced: bool) -> None:
        _, _, question = await self._waiting.get()
        if paced and isinstance(question, AskMempool):
            await self._pace()
        try:
            answer = await self._answer(question)
        finally:
            self._open.discard(_key(question))  # whatever happened, it may be asked again
        for told in answer:
            await self._tell(told)

    async def _pace(self) -> None:
        if self._last_reconciliation is not None:
            rest = self._last_reconciliation + BETWEEN_RECONCILIATIONS_SECONDS - self._clock.monotonic()
            if rest > 0:
                await self._clock.sleep(rest)
        self._last_reconciliation = self._clock.monotonic()

    async def _answer(self, question: Question) -> tuple[Observation, ...]:
        reasons = []
        for answerer in self._answerers:
            try:
                return await answerer.answer(question)
            except (SourceError, ParseError) as error:
                reasons.append(str(error))
        reason = "; ".join(reasons) or "there is nobody to ask"
        _log.debug("question unanswered", question=question, reason=reason)
        return (Unanswered(question=question, reason=reason),)


def _key(question: Question) -> Question:
    """Two reconciliations are the same whatever their reason."""
    return AskMempool("") if isinstance(question, AskMempool) else question


def _rank(question: Question) -> int:
    match question:
        case AskMempool():
            return 3
        case AskPackage():
            return 2
        case AskBlock() | AskTransaction():
            return 1
        case _:
            return 0
