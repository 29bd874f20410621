"""Routes the tracker's questions to the sources that can answer them, and returns the replies."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import structlog

from app.clock import Clock
from app.core.observations import (
    BlockConnected,
    Observation,
    PackageReply,
    PrevoutsReply,
    StatusReply,
    TransactionReply,
    Unanswered,
)
from app.core.questions import (
    AskBlock,
    AskMempool,
    AskPackage,
    AskPrevouts,
    AskStatus,
    AskStored,
    AskTransaction,
    Question,
)
from app.core.recent import Recent
from app.core.units import Txid
from app.errors import ParseError, SourceError

BETWEEN_RECONCILIATIONS_SECONDS = 5.0
PATIENCE_SECONDS = 2.0
"""How long an announcement waits for the prevouts of a new whale; the backend may be slow or overloaded."""
PACKAGE_REST_SECONDS = 2.0
"""A package is asked for at once, and then no more often than this: each child and each sibling of a whale
makes it worth asking again, so all children of one large payment would be asked about with each new one."""
REMEMBERED_PACKAGES = 1_000
PACKAGES_AT_ONCE = 2
"""A node is asked for one in several steps: half of the workers stay for what whales wait for."""
RETRIES = 10
RETRY_SECONDS = 5.0
"""Delay before what no source could supply is requested again; doubled after each attempt."""
LONGEST_RETRY_SECONDS = 300.0
SOON_SECONDS = 0.5
"""The same for a transaction that waits, twice: a source that begins anew mostly gives it whole by then."""
QUIET_RETRIES_MINED, QUIET_RETRIES_WAITING = 3, 2
"""So often a transaction is asked for again, in 35 s or in 1.5, before it is said that nobody has it."""
REMEMBERED_RETRIES = 50_000
"""More than the whales that are followed at once: a question that is forgotten here begins anew, and where
all of many are, they are asked every few seconds for ever."""
_ASKED_AT_ONCE = AskMempool | AskPackage | AskStatus | AskTransaction | AskStored
"""Asked by somebody else these go at once, also while they wait to be asked again."""
_SOON_OUTDATED = AskMempool | AskPackage
"""What came while these are being answered is not in the answer, perhaps, which does not say so."""
_log = structlog.get_logger(__name__)


class Answerer(Protocol):
    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what this source knows.

        Raises:
            SourceError: if it cannot be reached, or does not support the question.
            ParseError: if its reply cannot be decoded.
        """
        ...


class Answering:
    """Asks the sources in order until a question is fully answered; never one question twice at once.

    What a new whale waits for goes first; whole-mempool reconciliations go last, never back to back.
    """

    def __init__(
        self,
        answerers: Sequence[Answerer],
        emit: Callable[[Observation], Awaitable[None]],
        clock: Clock,
        workers: int = 4,
    ) -> None:
        self._answerers = answerers
        self._emit = emit
        self._clock = clock
        self._workers = workers
        self._waiting: asyncio.PriorityQueue[tuple[int, int, Question]] = asyncio.PriorityQueue()
        self._open: set[Question] = set()
        """By key: questions that are queued or being answered."""
        self._queued: set[Question] = set()
        """By key: those of them that are queued."""
        self._answered_now: set[Question] = set()
        """By key: those of them that are being answered."""
        self._once_more: dict[Question, Question] = {}
        """By key: questions to be asked again once they have been answered."""
        self._first_asked: Recent[AskTransaction, float] = Recent(REMEMBERED_RETRIES)
        """When those that nobody has answered yet were first taken up, monotonic."""
        self._urgent: asyncio.Queue[tuple[float, Question]] = asyncio.Queue()
        self._later: dict[Question, tuple[float, Question]] = {}
        """By key: questions that are not due yet, each with the monotonic time at which it becomes due."""
        self._retries: Recent[Question, int] = Recent(REMEMBERED_RETRIES)
        self._packages: Recent[Txid, float] = Recent(REMEMBERED_PACKAGES)
        """When each package was asked for last, monotonic."""
        self._held_packages: deque[AskPackage] = deque()
        """Those that wait until fewer are being answered."""
        self._group: asyncio.TaskGroup | None = None
        """Set while `run` is active; a recording, whose clock does not advance by itself, is only drained."""
        self._number = 0
        self._last_reconciliation: float | None = None

    @property
    def waiting(self) -> int:
        return self._waiting.qsize()

    @property
    def next_due(self) -> float | None:
        """Return the monotonic time at which the next deferred question is due; None if there is none."""
        return min((due for due, _ in self._later.values()), default=None)

    def ask(self, question: Question) -> None:
        """Queue the question, unless it is already queued or in progress."""
        key = _key(question)
        if isinstance(question, AskBlock | AskMempool):
            self._retries.pop(key)  # who asks anew is told what became of it, and it is tried as often
        if isinstance(question, AskStatus) and question.in_seconds > 0:
            self._ask_in(question.in_seconds, AskStatus(question.txid))
            return
        if key in self._open:
            if key in self._answered_now and isinstance(question, _SOON_OUTDATED):
                self._once_more[key] = question
            return
        if isinstance(question, AskPackage) and (rest := self._rest_of(question.txid)) > 0:
            self._ask_in(rest, question)
            return
        self._open.add(key)
        self._put(question)
        if self._group is not None and isinstance(question, AskPrevouts):
            self._urgent.put_nowait((self._clock.monotonic(), question))

    async def run(self) -> None:
        """Answer questions until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for due, question in self._later.values():
                    group.create_task(self._ask_at(due, question))
                group.create_task(self._lose_patience())
                for _ in range(self._workers):
                    group.create_task(self._work())
        finally:
            self._group = None  # what is to be asked later waits for the next start

    async def drain(self) -> None:
        """Answer all due questions, in order: for a recording, whose clock does not advance by itself."""
        now = self._clock.monotonic()
        for due, question in sorted(self._later.values(), key=lambda one: one[0]):
            if due <= now:
                self._is_due(question)
        while not self._waiting.empty():
            await self._next(paced=False)

    def _rest_of(self, txid: Txid) -> float:
        """Return the seconds until this package may be asked for again; a recording asks at once."""
        if self._group is None:
            return 0.0
        asked = self._packages.get(txid)
        return 0.0 if asked is None else max(0.0, asked + PACKAGE_REST_SECONDS - self._clock.monotonic())

    def _put(self, question: Question) -> None:
        if _key(question) in self._queued:
            return
        self._number += 1
        self._queued.add(_key(question))
        self._waiting.put_nowait((_rank(question), self._number, question))

    def _ask_in(self, seconds: float, question: Question) -> None:
        """Ask then, unless it is due earlier already."""
        key, due = _key(question), self._clock.monotonic() + seconds
        if key in self._later and self._later[key][0] <= due:
            return
        self._later[key] = (due, question)
        if self._group is not None:
            self._group.create_task(self._ask_at(due, question))

    async def _ask_at(self, due: float, question: Question) -> None:
        await self._clock.sleep(max(0.0, due - self._clock.monotonic()))
        if self._later.get(_key(question)) == (due, question):  # else it became due earlier
            self._is_due(question)

    def _is_due(self, question: Question) -> None:
        key = _key(question)
        del self._later[key]
        if key in self._open and isinstance(question, _ASKED_AT_ONCE):
            return  # it is being asked just now
        self._open.add(key)
        self._put(question)

    async def _work(self) -> None:
        try:
            while True:
                await self._next(paced=True)
        finally:
            self._group = None  # it ends with its first member, and takes no task more

    async def _lose_patience(self) -> None:
        """Announce a whale without its prevouts when the reply is late; the reply then corrects it."""
        while True:
            asked_at, question = await self._urgent.get()
            try:
                await self._wait_for_answer(asked_at, question)
            except asyncio.CancelledError:
                self._urgent.put_nowait((asked_at, question))
                raise

    async def _wait_for_answer(self, asked_at: float, question: Question) -> None:
        rest = asked_at + PATIENCE_SECONDS - self._clock.monotonic()
        if rest > 0:
            await self._clock.sleep(rest)
        if question in self._open:
            reason = f"no answer within {PATIENCE_SECONDS:g} s; it is still being asked"
            await self._emit(Unanswered(question=question, reason=reason))

    async def _next(self, *, paced: bool) -> None:
        _, _, question = await self._waiting.get()
        key = _key(question)
        self._queued.discard(key)
        if key in self._answered_now:  # it was asked again, or put off, by one that a break ended
            if isinstance(question, _SOON_OUTDATED):
                self._once_more[key] = question
            return
        try:
            await self._take(question, paced=paced)
        except asyncio.CancelledError:
            # Another question broke the answering. Who asked this one waits for it, and asks no second time.
            self._open.add(key)  # queued by another one or not: its own end closed it
            self._put(question)
            raise

    async def _take(self, question: Question, *, paced: bool) -> None:
        if paced and isinstance(question, AskMempool):
            await self._pace()
        if self._is_held_back(question):
            return
        key = _key(question)
        self._answered_now.add(key)
        if isinstance(question, AskTransaction) and not self._tried(question):
            self._first_asked.put(question, self._clock.monotonic())
        try:
            answer = await self._answer(question)
        except Exception:
            await self._emit(
                Unanswered(question=question, reason="it could not be dealt with: the log says why")
            )
            raise
        except asyncio.CancelledError:
            self._once_more.pop(key, None)  # it is asked from the beginning
            raise
        finally:
            self._answered_now.discard(key)
            self._open.discard(key)  # whatever the outcome, it may be asked again
            if isinstance(question, AskPackage) and self._held_packages:
                self._put(self._held_packages.popleft())
            if (again := self._once_more.pop(key, None)) is not None:
                self.ask(again)
        await self._emit_answer(question, answer)

    def _is_held_back(self, question: Question) -> bool:
        """Return whether it waits because as many packages are being answered as may be at once."""
        if not isinstance(question, AskPackage):
            return False
        if sum(isinstance(one, AskPackage) for one in self._answered_now) >= PACKAGES_AT_ONCE:
            self._held_packages.append(question)
            return True
        self._packages.put(question.txid, self._clock.monotonic())
        return False

    async def _emit_answer(self, question: Question, answer: Sequence[Observation]) -> None:
        """Emit what was answered; what was not is asked again later."""
        is_no_news, is_asked_again = self._asks_on(question), self._tries_again(question)
        for reply in answer:
            if not isinstance(reply, Unanswered):
                await self._emit(reply)
            elif not is_no_news:
                await self._emit(replace(reply, asked_again=is_asked_again))
        worth = _worth_asking_again(question, answer)
        if question not in worth:  # something was learnt
            self._retries.pop(_counted_as(question))
            if isinstance(question, AskTransaction):
                self._first_asked.pop(question)
        for left in worth:
            self._ask_later(left)

    def _asks_on(self, question: Question) -> bool:
        """Return whether it is no news that nobody answered: of a block or a package that is said once.

        A source that begins anew gives a transaction whole, and by its line alone it would be told as what it
        may not be. A mined one has time; one that waits has little: whales are told within 5 s of an outage.
        """
        tried = self._tried(question)
        if isinstance(question, AskBlock | AskPackage):
            return tried > 0
        if not isinstance(question, AskTransaction) or self._group is None:
            return False
        if question.block_hash is not None:
            return tried < QUIET_RETRIES_MINED
        first = self._first_asked.get(question)
        asked_next = self._clock.monotonic() + _rest_after(tried, question)
        is_soon = first is not None and asked_next < first + PATIENCE_SECONDS
        return tried < QUIET_RETRIES_WAITING and is_soon

    def _tries_again(self, question: Question) -> bool:
        return self._group is not None and self._tried(question) < RETRIES

    def _tried(self, question: Question) -> int:
        return self._retries.get(_counted_as(question)) or 0

    def _ask_later(self, question: Question) -> None:
        key = _key(question)
        if key in self._later:
            return
        tried = self._tried(question)
        if self._tries_again(question) and key not in self._open:
            self._retries.put(_counted_as(question), tried + 1)
            if not isinstance(question, _ASKED_AT_ONCE):
                self._open.add(key)
            self._ask_in(_rest_after(tried, question), question)

    async def _pace(self) -> None:
        if self._last_reconciliation is not None:
            rest = self._last_reconciliation + BETWEEN_RECONCILIATIONS_SECONDS - self._clock.monotonic()
            if rest > 0:
                await self._clock.sleep(rest)
        self._last_reconciliation = self._clock.monotonic()

    async def _answer(self, question: Question) -> tuple[Observation, ...]:
        """Return all replies, with one that lists what no source could answer, if anything."""
        replies: list[Observation] = []
        reasons: list[str] = []
        answered, left = False, question
        for answerer in self._answerers:
            asked_at = self._clock.now()
            try:
                reply = _dated(await answerer.answer(left), asked_at)
            except (SourceError, ParseError) as error:
                reasons.append(str(error))
                continue
            answered = True
            reasons += [one.reason for one in reply if isinstance(one, Unanswered)]
            replies += [one for one in reply if not isinstance(one, Unanswered)]
            rest = what_is_left(left, reply)
            if rest is None:
                return _decisive_first(_without_contradiction(question, replies))
            left = rest
        unsaid = what_nobody_said(question, replies, answered=answered)
        if unsaid is None:
            return _decisive_first(replies)
        reason = "; ".join(reasons) or "there is nobody to ask"
        _log.debug("question unanswered", question=unsaid, reason=reason)
        return (*_decisive_first(replies), Unanswered(question=unsaid, reason=reason))


def _rest_after(tried: int, question: Question) -> float:
    """Return the seconds until a question is asked again that was asked again so often already."""
    if isinstance(question, AskTransaction) and question.block_hash is None:
        if tried < QUIET_RETRIES_WAITING:
            return SOON_SECONDS * 2.0**tried
        tried -= QUIET_RETRIES_WAITING
    return min(RETRY_SECONDS * 2.0**tried, LONGEST_RETRY_SECONDS)


def _without_contradiction(question: Question, replies: list[Observation]) -> list[Observation]:
    """Leave out who lacks a transaction whose package another one tells: where it is was not asked."""
    if not isinstance(question, AskPackage):
        return replies
    return [one for one in replies if not isinstance(one, StatusReply)]


def _worth_asking_again(question: Question, answer: Sequence[Observation]) -> Sequence[Question]:
    """Return what must be known in the end: prevouts decide an amount, a block may hold whales nobody saw.

    A mempool is listed for what was missed: all sources may have been behind by a block just then. Where a
    whale is would else stay unknown until the next regular listing, and what is paid for it until a relative
    comes or leaves.
    """
    if isinstance(question, AskBlock):
        return () if any(_is_whole_block(one) for one in answer) else (question,)
    return [one.question for one in answer if isinstance(one, Unanswered)]


def what_is_left(question: Question, reply: Sequence[Observation]) -> Question | None:
    """Return what the next source must still be asked after this reply; None if nothing.

    That a mempool lacks a transaction says nothing about other mempools: their policy may differ.
    """
    match question:
        case AskStatus():
            return None if any(_places(one) for one in reply) else question
        case AskTransaction():  # who can only say where it is does not give it whole: another may
            return None if any(not isinstance(one, StatusReply) for one in reply) else question
        case AskBlock():
            return None if any(_is_whole_block(one) for one in reply) else question
        case AskPackage():  # who lacks it says nothing of what is paid for it elsewhere
            return None if any(isinstance(one, PackageReply) for one in reply) else question
        case AskPrevouts(txid=txid, outpoints=outpoints):
            known = {point for one in _prevouts(reply) for point, found in one.prevouts.items() if found}
            missing = tuple(one for one in outpoints if one not in known)
            return AskPrevouts(txid, missing) if missing else None
        case _:
            return None


def what_nobody_said(
    question: Question, replies: Sequence[Observation], *, answered: bool
) -> Question | None:
    """Return what stays unanswered after all sources; "unknown" from a source counts as an answer.

    That a transaction waits does not, where nobody gives it whole: it may be a whale.
    """
    if isinstance(question, AskTransaction) and any(
        isinstance(one, StatusReply) and one.in_mempool for one in replies
    ):
        return question if all(isinstance(one, StatusReply) for one in replies) else None
    if not isinstance(question, AskPrevouts):
        return None if answered else question
    reply = {point for one in _prevouts(replies) for point in one.prevouts}
    missing = tuple(one for one in question.outpoints if one not in reply)
    return AskPrevouts(question.txid, missing) if missing or not answered else None


def _dated(reply: tuple[Observation, ...], asked_at: datetime) -> tuple[Observation, ...]:
    """Return the reply with a time: what is reported while the other sources are asked is newer than it."""
    return tuple(
        replace(one, as_of=asked_at)
        if isinstance(one, StatusReply | BlockConnected | TransactionReply) and not one.as_of
        else one
        for one in reply
    )


def _prevouts(replies: Sequence[Observation]) -> list[PrevoutsReply]:
    return [one for one in replies if isinstance(one, PrevoutsReply)]


def _places(reply: Observation) -> bool:
    """Whether the reply says where the transaction is: in the mempool, or in a block."""
    return not isinstance(reply, StatusReply) or reply.in_mempool or reply.block_hash is not None


def _is_whole_block(reply: Observation) -> bool:
    return isinstance(reply, BlockConnected) and reply.block.entries is not None


def _decisive_first(replies: Sequence[Observation]) -> tuple[Observation, ...]:
    """Put the transaction itself first, then who has it, then who names what replaced it.

    Those that only lack it come last: by them it would be dropped.
    """
    return tuple(sorted(replies, key=_decides))


def _decides(reply: Observation) -> tuple[bool, bool, bool]:
    """Sort key: False comes first."""
    names_none = not isinstance(reply, StatusReply) or reply.replaced_by is None
    return isinstance(reply, StatusReply), not _places(reply), names_none


def _key(question: Question) -> Question:
    """Return the key for deduplication: reconciliations are equal whatever their reason."""
    return AskMempool("") if isinstance(question, AskMempool) else question


def _counted_as(question: Question) -> Question:
    """Return the key under which its tries are counted: of its outpoints there may be thousands."""
    return AskPrevouts(question.txid, ()) if isinstance(question, AskPrevouts) else _key(question)


def _rank(question: Question) -> int:
    """Return which go first; an announcement waits for prevouts, and no longer than `PATIENCE_SECONDS`."""
    match question:
        case AskMempool():
            return 4
        case AskPackage():
            return 3
        case AskBlock() | AskTransaction():
            return 2
        case AskStatus() | AskStored():
            return 1
        case AskPrevouts():
            return 0
