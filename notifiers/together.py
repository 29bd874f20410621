"""Does in one transaction what several ask for at one moment: a statement costs more than its rows."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")


class Together(Generic[Ask, Answer]):
    """`work` answers what was asked, in its order; what is asked meanwhile is the next turn's.

    It does all of it or nothing: what failed together is done one by one.
    """

    def __init__(
        self, work: Callable[[Sequence[Ask]], Awaitable[Sequence[Answer]]], *, moment_seconds: float = 0.0
    ) -> None:
        """`moment_seconds`: how long after the first one others still come with it."""
        self._work = work
        self._moment_seconds = moment_seconds
        self._asked: list[tuple[Ask, asyncio.Future[Answer]]] = []
        self._working: asyncio.Task[None] | None = None

    def ask(self, what: Ask) -> asyncio.Future[Answer]:
        """The future has the answer, or raises what `work` raised."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_looked_at)
        self._asked.append((what, answer))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._answer())
        return answer

    async def settle(self, seconds: float) -> None:
        """Wait until all that was asked is answered, at most so long."""
        if self._working is not None:
            await asyncio.wait({self._working}, timeout=seconds)

    async def _answer(self) -> None:
        while self._asked:
            await asyncio.sleep(self._moment_seconds)
            taken, self._asked = self._asked, []
            if not await self._settled(taken):
                for one in taken:
                    await self._settled([one])

    async def _settled(self, taken: Sequence[tuple[Ask, asyncio.Future[Answer]]]) -> bool:
        """Do it; False if it is to be done one by one: what cannot be done stops nobody else."""
        (answers,) = await asyncio.gather(self._work([what for what, _ in taken]), return_exceptions=True)
        if isinstance(answers, BaseException):
            if len(taken) == 1 and not taken[0][1].done():
                taken[0][1].set_exception(answers)
            return len(taken) == 1
        for (_, future), answer in zip(taken, answers, strict=True):
            if not future.done():
                future.set_result(answer)
        return True


def _looked_at(answer: asyncio.Future[Answer]) -> None:
    """Whoever awaits it gets its error; after a stop nobody does."""
    if not answer.cancelled():
        answer.exception()
