"""Questions carried to whoever can answer."""

import asyncio
import gc
from collections.abc import Callable
from dataclasses import replace

import pytest

from app.core.models import Block, SourceName
from app.core.observations import (
    BlockConnected,
    MempoolListed,
    Observation,
    PackageReply,
    Prevout,
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
from app.core.units import BlockHash, Height, Outpoint, SatPerVb, Sats, Script, Txid
from app.errors import ParseError, SourceError
from app.source.answering import (
    BETWEEN_RECONCILIATIONS_SECONDS,
    PACKAGE_REST_SECONDS,
    PACKAGES_AT_ONCE,
    PATIENCE_SECONDS,
    QUIET_RETRIES_MINED,
    QUIET_RETRIES_WAITING,
    RETRIES,
    RETRY_SECONDS,
    SOON_SECONDS,
    Answering,
)
from tests.builders import a_whale
from tests.core.story import REST
from tests.fakes import NOON, FakeClock, LeapingClock

A, B = Txid("aa" * 32), Txid("bb" * 32)


def reported(txid: Txid) -> StatusReply:
    return StatusReply(txid=txid, block_hash=None, height=None, in_mempool=True, source=REST, as_of=NOON)


class Oracle:
    """Answers every AskStatus, or raises what it was given; `asked` is in order."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[Question] = []

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        self.asked.append(question)
        if self.error is not None:
            raise self.error
        return (reported(question.txid),) if isinstance(question, AskStatus) else ()


class Slow(Oracle):
    def __init__(self, clock: FakeClock, seconds: float) -> None:
        super().__init__()
        self._clock = clock
        self._seconds = seconds

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        reply = await super().answer(question)
        await self._clock.sleep(self._seconds)
        return reply


class Desk:
    def __init__(self, *oracles: Oracle, workers: int = 1) -> None:
        self.received: list[Observation] = []
        self.clock = LeapingClock()
        self.answering = Answering(oracles, self.receive, self.clock, workers)

    async def receive(self, observation: Observation) -> None:
        self.received.append(observation)

    async def ask(self, *questions: Question) -> list[Observation]:
        for question in questions:
            self.answering.ask(question)
        await self.answering.drain()
        return self.received


async def test_an_answer_is_told() -> None:
    assert await Desk(Oracle()).ask(AskStatus(A)) == [reported(A)]


class Undated(Oracle):
    """Takes five seconds, and does not say of when its answer is."""

    clock: LeapingClock

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        reply = await super().answer(question)
        self.clock.advance(5.0)
        return tuple(replace(one, as_of=None) for one in reply if isinstance(one, StatusReply))


async def test_where_the_source_does_not_say_of_when_its_answer_is_it_is_of_when_it_was_asked() -> None:
    oracle = Undated()
    desk = Desk(oracle)
    oracle.clock = desk.clock
    asked_at = desk.clock.now()

    assert await desk.ask(AskStatus(A)) == [replace(reported(A), as_of=asked_at)]


@pytest.mark.parametrize("error", [SourceError("away"), ParseError("nonsense")])
async def test_where_one_cannot_answer_the_next_is_asked(error: Exception) -> None:
    assert await Desk(Oracle(error), Oracle()).ask(AskStatus(A)) == [reported(A)]


async def test_what_nobody_answers_is_told_as_unanswered_with_all_reasons() -> None:
    desk = Desk(Oracle(SourceError("away")), Oracle(SourceError("too old")))

    assert await desk.ask(AskStatus(A)) == [Unanswered(question=AskStatus(A), reason="away; too old")]


async def test_with_nobody_to_ask_it_is_unanswered() -> None:
    assert await Desk().ask(AskStatus(A)) == [
        Unanswered(question=AskStatus(A), reason="there is nobody to ask")
    ]


async def test_the_same_question_is_asked_once_at_a_time() -> None:
    oracle = Oracle()
    await Desk(oracle).ask(AskStatus(A), AskStatus(A))

    assert oracle.asked == [AskStatus(A)]


async def test_the_same_question_may_be_asked_again_once_it_was_answered() -> None:
    oracle = Oracle()
    desk = Desk(oracle)
    await desk.ask(AskStatus(A))
    await desk.ask(AskStatus(A))

    assert oracle.asked == [AskStatus(A)] * 2


async def test_two_reconciliations_are_one_whatever_their_reason() -> None:
    oracle = Oracle()
    await Desk(oracle).ask(AskMempool("a gap"), AskMempool("every few minutes"))

    assert len(oracle.asked) == 1


async def test_what_decides_about_a_whale_goes_first() -> None:
    oracle = Oracle()
    questions = [AskMempool(""), AskPackage(A), AskBlock(BlockHash("cc" * 32)), AskStatus(B)]
    await Desk(oracle).ask(*questions)

    assert oracle.asked == questions[::-1]


async def test_a_new_whale_does_not_wait_behind_those_of_which_it_is_asked_where_they_are() -> None:
    oracle, prevouts = Oracle(), AskPrevouts(A, (Outpoint(B, 0),))
    await Desk(oracle).ask(AskStatus(B), prevouts)

    assert oracle.asked == [prevouts, AskStatus(B)]


async def test_an_answerer_that_breaks_does_not_keep_its_question_shut() -> None:
    oracle = Oracle(RuntimeError("a bug"))
    desk = Desk(oracle)
    with pytest.raises(RuntimeError):
        await desk.ask(AskStatus(A))
    oracle.error = None

    unanswered, answered = await desk.ask(AskStatus(A))
    assert isinstance(unanswered, Unanswered), "who waits for it goes on with what is known"
    assert (unanswered.question, answered) == (AskStatus(A), reported(A))


async def test_whole_mempools_are_read_no_more_often_than_every_five_seconds() -> None:
    desk, oracle = Desk(Oracle()), Oracle()
    desk.answering = Answering([oracle], desk.receive, desk.clock, 1)
    running = asyncio.create_task(desk.answering.run())
    for _ in range(3):
        desk.answering.ask(AskMempool(""))
        for _ in range(20):
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert (len(oracle.asked), desk.clock.slept) == (3, [5.0, 5.0])


class SlowOracle(Oracle):
    """Answers once it is allowed to."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        self.asked.append(question)
        await self.may_answer.wait()
        return (PrevoutsReply(txid=A, prevouts={}, source=REST),)


async def test_a_whale_is_not_kept_back_by_a_slow_answer_which_is_told_all_the_same() -> None:
    question, oracle = AskPrevouts(A, ()), SlowOracle()
    desk = Desk(oracle)
    running = asyncio.create_task(desk.answering.run())
    await asyncio.sleep(0)
    desk.answering.ask(question)
    for _ in range(10):
        await asyncio.sleep(0)
    before = list(desk.received)

    oracle.may_answer.set()
    for _ in range(10):
        await asyncio.sleep(0)
    running.cancel()

    assert [type(one) for one in before] == [Unanswered]
    assert desk.received[1:] == [PrevoutsReply(txid=A, prevouts={}, source=REST)]
    assert sum(desk.clock.slept) == PATIENCE_SECONDS


COINS = tuple(Outpoint(B, number) for number in range(3))


def prevouts(*known: Outpoint) -> PrevoutsReply:
    return PrevoutsReply(
        txid=A, prevouts={one: Prevout(value=Sats(1), script=Script("00")) for one in known}, source=REST
    )


def nowhere(txid: Txid, source: SourceName) -> StatusReply:
    return StatusReply(txid=txid, block_hash=None, height=None, in_mempool=False, source=source, as_of=NOON)


def a_block_reported(*, whole: bool) -> BlockConnected:
    block = Block(hash=BLOCK, height=Height(7), entries=() if whole else None)
    return BlockConnected(block=block, source=REST, as_of=NOON)


BLOCK = BlockHash("cc" * 32)


class Scripted:
    """Gives its answers one after the other, the last one for ever; an exception is raised."""

    def __init__(self, *answers: tuple[Observation, ...] | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[Question] = []

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        self.asked.append(question)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_a_mempool_that_lacks_it_does_not_answer_for_the_others() -> None:
    lacks, holds = nowhere(A, SourceName.BITCOIND), reported(A)

    assert await Desk(Scripted((lacks,)), Scripted((holds,))).ask(AskStatus(A)) == [holds, lacks]


async def test_where_the_first_one_holds_it_nobody_else_is_asked() -> None:
    second = Scripted((reported(A),))
    await Desk(Scripted((reported(A),)), second).ask(AskStatus(A))

    assert second.asked == []


async def test_what_none_of_them_holds_is_told_by_all() -> None:
    answers = [nowhere(A, SourceName.BITCOIND), nowhere(A, REST)]

    assert await Desk(*(Scripted((one,)) for one in answers)).ask(AskStatus(A)) == answers


async def test_who_names_the_replacement_is_heard_before_who_only_lacks_it() -> None:
    lacks, names = nowhere(A, SourceName.BITCOIND), replace(nowhere(A, REST), replaced_by=B)

    assert await Desk(Scripted((lacks,)), Scripted((names,))).ask(AskStatus(A)) == [names, lacks]


MINED, WAITING = AskTransaction(A, BLOCK, Height(1)), AskTransaction(A)


def given_whole(question: AskTransaction) -> TransactionReply:
    return TransactionReply(
        tx=a_whale(150), block_hash=question.block_hash, height=question.height, source=REST, as_of=NOON
    )


async def test_who_can_only_say_where_it_is_leaves_the_next_to_be_asked_for_the_whole() -> None:
    place, whole = reported(A), given_whole(WAITING)

    assert await Desk(Scripted((place,)), Scripted((whole,))).ask(AskTransaction(A)) == [whole, place]


async def test_a_waiting_transaction_that_everybody_only_places_is_given_by_nobody() -> None:
    place = reported(A)
    desk = Desk(Scripted(SourceError("away")), Scripted((place,)))

    assert await desk.ask(WAITING) == [place, Unanswered(question=WAITING, reason="away")]


async def test_it_is_asked_for_again_until_somebody_gives_it() -> None:
    place, whole = reported(A), given_whole(WAITING)
    desk = Desk(Scripted((place,), (whole,)))
    await running(desk, WAITING)

    assert desk.received == [place, whole]


async def test_of_questions_that_were_answered_nothing_is_kept() -> None:
    source, name = Scripted((prevouts(*COINS),)), Txid("cd" * 32)
    desk = Desk(source)
    await desk.ask(*(AskPrevouts(name, COINS[:count]) for count in (1, 2, 3)))
    assert len(source.asked) == 3
    source.asked.clear()
    gc.collect()

    assert not [one for one in gc.get_objects() if isinstance(one, AskPrevouts) and one.txid == name]


async def test_who_does_not_have_a_block_is_not_the_last_to_be_asked() -> None:
    whole = a_block_reported(whole=True)

    assert await Desk(Scripted(()), Scripted((whole,))).ask(AskBlock(BLOCK)) == [whole]


async def test_a_header_alone_leaves_the_next_to_be_asked() -> None:
    header, whole = a_block_reported(whole=False), a_block_reported(whole=True)

    assert await Desk(Scripted((header,)), Scripted((whole,))).ask(AskBlock(BLOCK)) == [header, whole]


async def test_a_block_that_is_on_nobodys_chain_leads_to_nothing() -> None:
    assert await Desk(Scripted(SourceError("stale")), Scripted(())).ask(AskBlock(BLOCK)) == []


async def test_what_one_knows_only_in_part_the_next_is_asked_for() -> None:
    second = Scripted((prevouts(COINS[2]),))
    received = await Desk(Scripted((prevouts(*COINS[:2]),)), second).ask(AskPrevouts(A, COINS))

    assert second.asked == [AskPrevouts(A, COINS[2:])]
    assert received == [prevouts(*COINS[:2]), prevouts(COINS[2])]


async def test_what_nobody_said_of_the_inputs_is_what_stays_unanswered() -> None:
    rest = AskPrevouts(A, COINS[1:])
    partly = (prevouts(COINS[0]), Unanswered(question=rest, reason="busy"))
    received = await Desk(Scripted(partly), Scripted(SourceError("away"))).ask(AskPrevouts(A, COINS))

    assert received == [prevouts(COINS[0]), Unanswered(question=rest, reason="busy; away")]


async def running(desk: Desk, *questions: Question) -> None:
    """Let it run until nothing more happens."""
    task = asyncio.create_task(desk.answering.run())
    await asyncio.sleep(0)
    for question in questions:
        desk.answering.ask(question)
    for _ in range(200):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_inputs_that_nobody_knew_are_asked_for_again_until_somebody_does() -> None:
    away, question = SourceError("away"), AskPrevouts(A, COINS)
    oracle = Scripted(away, away, (prevouts(*COINS),))
    desk = Desk(oracle)
    await running(desk, question)

    assert (len(oracle.asked), desk.received[-1]) == (3, prevouts(*COINS))
    assert sum(desk.clock.slept) >= RETRY_SECONDS + 2 * RETRY_SECONDS


async def test_a_package_that_nobody_could_tell_is_asked_for_again_and_that_is_told_once() -> None:
    package, away = a_package(10.0), SourceError("away")
    desk = Desk(Scripted(away, away, (package,)))
    await running(desk, AskPackage(A))

    assert desk.received == [Unanswered(question=AskPackage(A), reason="away", asked_again=True), package]


def a_package(feerate: float) -> PackageReply:
    return PackageReply(txid=A, package_feerate=SatPerVb(feerate), related=1, source=REST)


class OnItsWay(Oracle):
    """Answers as of when the question comes, and gives that out when it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.now: tuple[Observation, ...] = ()
        self.let_go_on = asyncio.Event()

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        self.asked.append(question)
        answer = self.now
        await self.let_go_on.wait()
        return answer


@pytest.mark.parametrize(
    ("question", "before", "after"),
    [
        (AskPackage(A), a_package(2.0), a_package(50.0)),
        (
            AskMempool("a gap"),
            MempoolListed(txids=frozenset(), as_of=NOON, source=REST),
            MempoolListed(txids=frozenset({A}), as_of=NOON, source=REST),
        ),
    ],
)
async def test_what_is_asked_while_the_answer_is_on_its_way_is_asked_once_more(
    question: Question, before: Observation, after: Observation
) -> None:
    source = OnItsWay()
    source.now = (before,)
    desk = Desk(source)
    task = asyncio.create_task(desk.answering.run())
    await asyncio.sleep(0)
    desk.answering.ask(question)
    await until(lambda: len(source.asked) == 1)
    source.now = (after,)
    for _ in range(3):
        desk.answering.ask(question)
    source.let_go_on.set()
    await until(lambda: len(desk.received) == 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert (len(source.asked), desk.received) == (2, [before, after])


async def test_packages_leave_workers_for_what_whales_wait_for() -> None:
    source, asked = OnItsWay(), [AskPackage(Txid(f"{number:064x}")) for number in range(5)]
    desk = Desk(source, workers=4)
    task = asyncio.create_task(desk.answering.run())
    await asyncio.sleep(0)
    for question in asked:
        desk.answering.ask(question)
    await until(lambda: len(source.asked) > PACKAGES_AT_ONCE)
    desk.answering.ask(AskPrevouts(A, COINS))
    await until(lambda: len(source.asked) > PACKAGES_AT_ONCE)
    first = list(source.asked)
    source.let_go_on.set()
    await until(lambda: len(source.asked) > len(asked))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert first == [*asked[:PACKAGES_AT_ONCE], AskPrevouts(A, COINS)]
    assert set(source.asked) == {*asked, AskPrevouts(A, COINS)}


class Full(Desk):
    """Its inbox is full: what is received first is not taken until `let_go_on`."""

    def __init__(self, *oracles: Oracle) -> None:
        super().__init__(*oracles, workers=2)
        self.let_go_on = asyncio.Event()

    async def receive(self, observation: Observation) -> None:
        self.received.append(observation)
        if len(self.received) == 1:
            await self.let_go_on.wait()


async def test_what_is_asked_again_while_its_answer_is_being_taken_is_answered_for_itself() -> None:
    whole = given_whole(WAITING)
    desk = Full(Scripted((whole,), SourceError("away")))
    task = asyncio.create_task(desk.answering.run())
    await asyncio.sleep(0)
    desk.answering.ask(WAITING)
    await until(lambda: bool(desk.received))
    desk.answering.ask(WAITING)
    desk.let_go_on.set()
    await until(lambda: len(desk.received) == 2)
    broken = task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert not broken
    assert desk.received == [whole, Unanswered(question=WAITING, reason="away", asked_again=True)]


class Breaking(OnItsWay):
    """Breaks the first time; a fault of our own."""

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        answer = await super().answer(question)
        if len(self.asked) == 1:
            raise RuntimeError("broken")
        return answer


async def test_what_is_asked_while_the_answering_breaks_is_asked_once_it_goes_on() -> None:
    source = Breaking()
    source.now = (a_package(50.0),)
    desk = Desk(source)
    task = asyncio.create_task(desk.answering.run())
    await asyncio.sleep(0)
    desk.answering.ask(AskPackage(A))
    await until(lambda: len(source.asked) == 1)
    desk.answering.ask(AskPackage(A))
    source.let_go_on.set()
    await asyncio.gather(task, return_exceptions=True)
    await running(desk)

    assert (len(source.asked), desk.received[-1]) == (2, a_package(50.0))


class BreakingBeside(OnItsWay):
    """Breaks by a question beside the one whose answer is taken, when `breaks` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.breaks = asyncio.Event()

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        if not isinstance(question, AskStatus):
            return await super().answer(question)
        await self.breaks.wait()
        raise ValueError("broken")


async def test_what_was_asked_once_more_is_queued_once_when_the_answering_breaks() -> None:
    source = BreakingBeside()
    source.now = (a_package(50.0),)
    desk = Full(source)
    task = asyncio.create_task(desk.answering.run())
    await asyncio.sleep(0)
    desk.answering.ask(AskMempool("a gap"))
    desk.answering.ask(AskStatus(B))
    await until(lambda: len(source.asked) == 1)
    desk.answering.ask(AskMempool("another"))
    source.let_go_on.set()
    await until(lambda: bool(desk.received))
    source.breaks.set()
    await asyncio.gather(task, return_exceptions=True)

    assert desk.answering.waiting == 1


class AskedAgain(Oracle):
    """Places a transaction at once the first time, and then once it may go on; counts those under way."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = asyncio.Event()
        self.at_once = 0

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        reply = await super().answer(question)
        self.at_once += 1
        try:
            if len(self.asked) > 1:
                await self.goes_on.wait()
            return reply
        finally:
            self.at_once -= 1


async def asked_after_a_break_beside_two_workers() -> int:
    """One worker's answer is being taken, another has the question again; return how many are asked then."""
    source = AskedAgain()
    desk = Full(source)
    task = asyncio.create_task(desk.answering.run())
    for asked in (1, 2):
        desk.answering.ask(AskStatus(A))
        await until(lambda asked=asked: len(source.asked) == asked)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    desk.let_go_on.set()
    task = asyncio.create_task(desk.answering.run())
    desk.answering.ask(AskStatus(A))
    await until(lambda: source.at_once > 0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return len(source.asked) - 2


async def test_what_two_had_in_hand_when_the_answering_broke_is_asked_once_at_a_time() -> None:
    # Which of the two ends first is by chance.
    assert {await asked_after_a_break_beside_two_workers() for _ in range(20)} == {1}


class AwayOnce(Oracle):
    """Names the block's header alone, then is away once, and then takes its time; `at_once` are under way."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self.at_once = 0

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        await super().answer(question)
        if len(self.asked) == 2:
            raise SourceError("away")
        self.at_once += 1
        if len(self.asked) > 2:
            await self._clock.sleep(2 * RETRY_SECONDS)
        self.at_once -= 1
        return (a_block_reported(whole=False),)


async def test_what_one_put_off_and_another_had_in_hand_at_a_break_is_asked_once_at_a_time() -> None:
    clock = FakeClock()
    source = AwayOnce(clock)
    answering = Answering([source], Full().receive, clock, workers=2)
    task = asyncio.create_task(answering.run())
    for asked in (1, 2):
        answering.ask(AskBlock(BLOCK))
        await until(lambda asked=asked: len(source.asked) == asked)
    await until(lambda: answering.next_due is not None)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (answering.waiting, answering.next_due) == (1, RETRY_SECONDS)
    task = asyncio.create_task(answering.run())
    await until(lambda: source.at_once == 1)
    await clock.advance(RETRY_SECONDS)
    under_way = source.at_once
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert under_way == 1


async def test_who_lacks_a_transaction_does_not_answer_for_its_package() -> None:
    lacking, package = nowhere(A, SourceName.BITCOIND), a_package(50.0)

    assert await Desk(Scripted((lacking,)), Scripted((package,))).ask(AskPackage(A)) == [package]


async def test_where_nobody_has_the_package_it_is_told_who_lacks_the_transaction() -> None:
    lacking = nowhere(A, SourceName.BITCOIND)

    assert await Desk(Scripted((lacking,)), Scripted(SourceError("away"))).ask(AskPackage(A)) == [lacking]


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(200):
        if not condition():
            await asyncio.sleep(0)


async def test_a_mempool_that_nobody_could_list_is_asked_for_again_until_somebody_does() -> None:
    listed = MempoolListed(txids=frozenset(), as_of=NOON, source=REST)
    oracle = Scripted(SourceError("behind by 2 blocks"), SourceError("away"), (listed,))
    desk = Desk(oracle)
    await running(desk, AskMempool("a frame is missing"))

    assert (len(oracle.asked), desk.received[-1]) == (3, listed)


@pytest.mark.parametrize(
    ("question", "tries"), [(MINED, QUIET_RETRIES_MINED), (WAITING, QUIET_RETRIES_WAITING)]
)
async def test_that_nobody_has_a_transaction_is_no_news_while_a_source_may_begin_anew(
    question: AskTransaction, tries: int
) -> None:
    whole = given_whole(question)
    desk = Desk(Scripted(*[SourceError("away")] * tries, (whole,)))
    await running(desk, question)

    assert desk.received == [whole]


async def test_a_waiting_transaction_that_nobody_has_is_told_within_the_patience_for_a_whale() -> None:
    desk = Desk(Scripted(*[SourceError("away")] * (1 + QUIET_RETRIES_WAITING), ()))
    await running(desk, WAITING)

    assert desk.received == [Unanswered(question=WAITING, reason="away", asked_again=True)]
    assert sum(desk.clock.slept[:QUIET_RETRIES_WAITING]) < PATIENCE_SECONDS


class Hanging(Oracle):
    """Takes five seconds to say that it cannot answer."""

    clock: LeapingClock

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        self.asked.append(question)
        self.clock.advance(5.0)
        raise SourceError("too slow")


async def test_that_nobody_has_a_waiting_transaction_is_told_at_once_where_that_took_long() -> None:
    source = Hanging()
    desk = Desk(source)
    source.clock = desk.clock
    task = asyncio.create_task(desk.answering.run())
    await asyncio.sleep(0)
    desk.answering.ask(WAITING)
    await until(lambda: bool(desk.received))
    asked = len(source.asked)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert (asked, desk.received) == (
        1,
        [Unanswered(question=WAITING, reason="too slow", asked_again=True)],
    )


@pytest.mark.parametrize("question", [MINED, WAITING])
async def test_that_nobody_ever_has_a_transaction_is_told_and_in_the_end_that_it_is_given_up(
    question: AskTransaction,
) -> None:
    desk = Desk(Scripted(SourceError("away")))
    await running(desk, question)

    assert desk.received[0] == Unanswered(question=question, reason="away", asked_again=True)
    assert desk.received[-1] == Unanswered(question=question, reason="away")


@pytest.mark.parametrize("question", [MINED, WAITING])
async def test_in_a_recording_that_nobody_has_a_transaction_is_told_at_once(question: AskTransaction) -> None:
    assert await Desk(Scripted(SourceError("away"))).ask(question) == [
        Unanswered(question=question, reason="away")
    ]


async def test_inputs_that_nobody_ever_knows_are_given_up() -> None:
    oracle = Scripted(SourceError("away"))
    await running(Desk(oracle), AskPrevouts(A, COINS))

    assert len(oracle.asked) == 1 + RETRIES


@pytest.mark.parametrize("in_part", [SourceError("away"), ()])
async def test_a_block_that_could_not_be_read_is_asked_for_again_until_it_is(
    in_part: SourceError | tuple[()],
) -> None:
    header, whole = a_block_reported(whole=False), a_block_reported(whole=True)
    oracle = Scripted(in_part, (header,), in_part, (whole,))
    desk = Desk(oracle)
    await running(desk, AskBlock(BLOCK))

    assert (len(oracle.asked), desk.received[-1]) == (4, whole)


async def test_that_nobody_has_a_block_is_told_once_and_it_is_given_up_in_the_end() -> None:
    oracle = Scripted(SourceError("pruned"))
    desk = Desk(oracle)
    await running(desk, AskBlock(BLOCK))

    assert len(oracle.asked) == 1 + RETRIES
    assert desk.received == [Unanswered(question=AskBlock(BLOCK), reason="pruned", asked_again=True)]


@pytest.mark.parametrize("first", [1, 3])
async def test_a_block_that_is_asked_for_anew_is_tried_as_often_and_told_of_again(first: int) -> None:
    away, whole = SourceError("away"), a_block_reported(whole=True)
    oracle = Scripted(*[away] * first, (whole,), away)
    desk = Desk(oracle)
    await running(desk, AskBlock(BLOCK))
    before = len(oracle.asked)
    await running(desk, AskBlock(BLOCK))

    assert len(oracle.asked) - before == 1 + RETRIES
    assert desk.received[1:] == [
        whole,
        Unanswered(question=AskBlock(BLOCK), reason="away", asked_again=True),
    ]


async def test_a_block_that_is_asked_for_between_two_tries_is_told_of_to_whoever_asked() -> None:
    oracle = Scripted(SourceError("away"))
    desk = Desk(oracle)
    task = asyncio.create_task(desk.answering.run())
    await asyncio.sleep(0)
    desk.answering.ask(AskBlock(BLOCK))
    for _ in range(20):
        if not desk.received:
            await asyncio.sleep(0)
    tried = len(oracle.asked)
    desk.answering.ask(AskBlock(BLOCK))
    for _ in range(200):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert tried == 1
    assert desk.received == [Unanswered(question=AskBlock(BLOCK), reason="away", asked_again=True)] * 2


async def test_what_is_asked_in_some_seconds_is_asked_then() -> None:
    desk = Desk(Oracle())
    await desk.ask(AskStatus(A, in_seconds=7.0))
    before, due = list(desk.received), desk.answering.next_due
    desk.clock.advance(7.0)
    await desk.answering.drain()

    assert (before, due, desk.received) == ([], 7.0, [reported(A)])


async def test_of_two_later_times_the_earlier_counts_whichever_was_named_first() -> None:
    oracle = Oracle()
    desk = Desk(oracle)
    for later in ((9.0, 2.0), (2.0, 9.0)):
        for seconds in later:
            desk.answering.ask(AskStatus(A, in_seconds=seconds))
        due = desk.answering.next_due
        desk.clock.advance(20.0)
        await desk.answering.drain()

        assert due is not None
        assert due - desk.clock.monotonic() == 2.0 - 20.0
    assert oracle.asked == [AskStatus(A)] * 2


async def test_an_earlier_time_leaves_nothing_of_the_later_one() -> None:
    oracle, clock = Oracle(), FakeClock()
    answering = Answering([oracle], Desk().receive, clock, workers=1)
    task = asyncio.create_task(answering.run())
    await asyncio.sleep(0)
    for seconds in (9.0, 2.0):
        answering.ask(AskStatus(A, in_seconds=seconds))
        await clock.advance(0.0)
    await clock.advance(2.0)
    answering.ask(AskStatus(A, in_seconds=60.0))
    await clock.advance(7.0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert oracle.asked == [AskStatus(A)]


async def test_what_is_being_asked_when_it_becomes_due_is_not_asked_twice_at_once() -> None:
    clock = FakeClock()
    oracle = Slow(clock, 10.0)
    answering = Answering([oracle], Desk().receive, clock, workers=2)
    task = asyncio.create_task(answering.run())
    await asyncio.sleep(0)
    for question in (AskStatus(A, in_seconds=5.0), AskStatus(A)):
        answering.ask(question)
        await clock.advance(0.0)
    await clock.advance(5.0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert oracle.asked == [AskStatus(A)]


async def test_what_is_to_be_asked_later_may_be_asked_at_once_too() -> None:
    desk = Desk(Oracle())

    assert await desk.ask(AskStatus(A, in_seconds=60.0), AskStatus(A)) == [reported(A)]


async def test_what_is_to_be_asked_later_outlives_a_fall() -> None:
    oracle = Oracle(RuntimeError("a bug"))
    desk = Desk(oracle)
    desk.answering.ask(AskStatus(B))
    with pytest.raises(ExceptionGroup):
        await desk.answering.run()
    oracle.error = None
    desk.answering.ask(AskStatus(A, in_seconds=7.0))
    task = asyncio.create_task(desk.answering.run())
    await asked(oracle, 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert oracle.asked == [AskStatus(B), AskStatus(A)]


class BreaksOnce(Oracle):
    """Answers nothing, however long it takes; what it is asked of `B` breaks it, once."""

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        self.asked.append(question)
        if question == AskStatus(B) and self.asked.count(question) == 1:
            raise RuntimeError("a bug")
        await asyncio.Event().wait()
        return ()


async def test_what_is_being_asked_outlives_the_fall_of_another_question() -> None:
    oracle, clock, received = BreaksOnce(), FakeClock(), Desk()
    answering = Answering([oracle], received.receive, clock, workers=4)
    being_asked = [AskPrevouts(A, COINS), AskBlock(BlockHash("cc" * 32)), AskMempool("a gap")]
    for question in (*being_asked, AskStatus(B)):
        answering.ask(question)
    with pytest.raises(ExceptionGroup):
        await answering.run()
    oracle.asked.clear()
    task = asyncio.create_task(answering.run())
    await clock.advance(0.0)
    await clock.advance(BETWEEN_RECONCILIATIONS_SECONDS)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert oracle.asked == being_asked


class EndsSlowly(BreaksOnce):
    """What is cancelled goes on until it may end."""

    def __init__(self) -> None:
        super().__init__()
        self.may_end = asyncio.Event()

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        try:
            return await super().answer(question)
        except asyncio.CancelledError:
            await self.may_end.wait()
            raise


async def test_what_is_to_be_asked_later_is_taken_during_a_fall() -> None:
    oracle, clock = EndsSlowly(), FakeClock()
    answering = Answering([oracle], Desk().receive, clock, workers=2)
    for question in (AskPrevouts(A, COINS), AskStatus(B)):
        answering.ask(question)
    task = asyncio.create_task(answering.run())
    await clock.advance(0.0)
    answering.ask(AskStatus(A, in_seconds=7.0))
    oracle.may_end.set()
    await asyncio.gather(task, return_exceptions=True)
    task = asyncio.create_task(answering.run())
    await clock.advance(0.0)
    await clock.advance(7.0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert oracle.asked[-1] == AskStatus(A)


async def test_a_whale_is_kept_back_no_longer_for_a_fall_meanwhile() -> None:
    oracle, clock, desk = BreaksOnce(), FakeClock(), Desk()
    answering = Answering([oracle], desk.receive, clock, workers=2)
    task = asyncio.create_task(answering.run())
    await clock.advance(0.0)
    for question in (AskPrevouts(A, COINS), AskStatus(B)):
        answering.ask(question)
        await clock.advance(0.0)
    await asyncio.gather(task, return_exceptions=True)
    desk.received.clear()
    task = asyncio.create_task(answering.run())
    await clock.advance(0.0)
    await clock.advance(PATIENCE_SECONDS)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    (unanswered,) = desk.received
    assert isinstance(unanswered, Unanswered)
    assert unanswered.question == AskPrevouts(A, COINS)


async def asked(oracle: Oracle, times: int) -> None:
    """Let it run until the oracle was asked so often."""
    for _ in range(500):
        if len(oracle.asked) < times:
            await asyncio.sleep(0)


BRIEF = [SOON_SECONDS, 2 * SOON_SECONDS]
LONGER = [RETRY_SECONDS, 2 * RETRY_SECONDS, 4 * RETRY_SECONDS]


@pytest.mark.parametrize(
    ("question", "slept"),
    [(AskStatus(A), LONGER), (WAITING, BRIEF + LONGER), (MINED, LONGER), (AskStored("whl_1"), LONGER)],
)
async def test_what_nobody_could_answer_is_asked_again_and_each_time_later(
    question: Question, slept: list[float]
) -> None:
    oracle = Oracle(SourceError("away"))
    desk = Desk(oracle)
    task = asyncio.create_task(desk.answering.run())
    await asyncio.sleep(0)
    desk.answering.ask(question)
    await asked(oracle, len(slept) + 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert oracle.asked == [question] * (len(slept) + 1)
    assert desk.clock.slept[: len(slept)] == slept


async def test_an_answer_ends_the_asking_and_the_next_trouble_begins_with_short_waits() -> None:
    oracle = Oracle(SourceError("away"))
    desk = Desk(oracle)
    task = asyncio.create_task(desk.answering.run())
    await asyncio.sleep(0)
    desk.answering.ask(AskStatus(A))
    await asked(oracle, 3)
    oracle.error = None
    await asked(oracle, 5)
    settled, waiting = len(oracle.asked), desk.answering.next_due
    desk.clock.slept.clear()
    oracle.error = SourceError("away again")
    desk.answering.ask(AskStatus(A))
    await asked(oracle, 6)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert (settled, waiting) == (4, None)
    assert desk.clock.slept[0] == RETRY_SECONDS


@pytest.mark.parametrize("question", [AskStatus(A), AskTransaction(A), AskStored("whl_1")])
async def test_what_waits_to_be_asked_again_may_be_asked_anew_at_once(question: Question) -> None:
    oracle = Oracle(SourceError("away"))
    answering = Answering([oracle], Desk().receive, FakeClock(), workers=1)
    task = asyncio.create_task(answering.run())
    await asyncio.sleep(0)
    for _ in range(2):
        answering.ask(question)
        await asked(oracle, 3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert oracle.asked == [question] * 2


class Piecemeal(Oracle):
    """Knows one prevout each time, until it knows no more."""

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        await super().answer(question)
        assert isinstance(question, AskPrevouts)
        if len(question.outpoints) == 1:
            raise SourceError("away")
        known = Prevout(value=Sats(1), script=Script(""))
        return (PrevoutsReply(txid=question.txid, prevouts={question.outpoints[0]: known}, source=REST),)


async def test_the_tries_for_prevouts_begin_anew_with_each_that_is_learnt() -> None:
    oracle = Piecemeal()
    desk = Desk(oracle)
    task = asyncio.create_task(desk.answering.run())
    await asyncio.sleep(0)
    desk.answering.ask(AskPrevouts(A, tuple(Outpoint(B, number) for number in range(2 * RETRIES))))
    await asked(oracle, 100)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert len(oracle.asked) == (2 * RETRIES - 1) + RETRIES


async def test_of_thousands_that_nobody_can_be_asked_about_each_is_tried_as_often() -> None:
    oracle = Oracle(SourceError("away"))
    desk = Desk(oracle)
    task = asyncio.create_task(desk.answering.run())
    await asyncio.sleep(0)
    questions = [AskStatus(Txid(f"{number:064x}")) for number in range(2_000)]
    for question in questions:
        desk.answering.ask(question)
    most = len(questions) * (RETRIES + 1)
    await asked(oracle, most + 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert (len(oracle.asked), desk.answering.next_due) == (most, None)


async def test_a_package_is_asked_for_at_once_and_then_no_more_often_than_every_two_seconds() -> None:
    oracle = Oracle()
    desk = Desk(oracle, workers=1)
    task = asyncio.create_task(desk.answering.run())
    await asyncio.sleep(0)
    asked_at = []
    for _ in range(6):
        desk.answering.ask(AskPackage(A))
        for _ in range(20):
            await asyncio.sleep(0)
        asked_at.append(len(oracle.asked))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert asked_at == [1, 2, 3, 4, 5, 6]  # nobody waits on this clock: what is slept passes at once
    assert desk.clock.slept == [PACKAGE_REST_SECONDS] * 5
