"""Questions carried to whoever can answer."""

import asyncio

import pytest

from app.core.observations import Observation, PrevoutsTold, StatusTold, Unanswered
from app.core.questions import AskBlock, AskMempool, AskPackage, AskPrevouts, AskStatus, Question
from app.core.units import BlockHash, Txid
from app.errors import ParseError, SourceError
from app.source.inquire import PATIENCE_SECONDS, Inquirer
from tests.core.story import REST
from tests.source.clocks import FakeClock

A, B = Txid("aa" * 32), Txid("bb" * 32)


def told(txid: Txid) -> StatusTold:
    return StatusTold(txid=txid, block_hash=None, height=None, in_mempool=True, source=REST)


class Oracle:
    """Answers every AskStatus, or raises what it was given; `asked` is in order."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[Question] = []

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        self.asked.append(question)
        if self.error is not None:
            raise self.error
        return (told(question.txid),) if isinstance(question, AskStatus) else ()


class Desk:
    def __init__(self, *oracles: Oracle, workers: int = 1) -> None:
        self.heard: list[Observation] = []
        self.clock = FakeClock()
        self.inquirer = Inquirer(oracles, self._hear, self.clock, workers)

    async def _hear(self, observation: Observation) -> None:
        self.heard.append(observation)

    async def ask(self, *questions: Question) -> list[Observation]:
        for question in questions:
            self.inquirer.ask(question)
        await self.inquirer.drain()
        return self.heard


async def test_an_answer_is_told() -> None:
    assert await Desk(Oracle()).ask(AskStatus(A)) == [told(A)]


@pytest.mark.parametrize("error", [SourceError("away"), ParseError("nonsense")])
async def test_where_one_cannot_answer_the_next_is_asked(error: Exception) -> None:
    assert await Desk(Oracle(error), Oracle()).ask(AskStatus(A)) == [told(A)]


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


async def test_an_answerer_that_breaks_does_not_keep_its_question_shut() -> None:
    oracle = Oracle(RuntimeError("a bug"))
    desk = Desk(oracle)
    with pytest.raises(RuntimeError):
        await desk.ask(AskStatus(A))
    oracle.error = None

    assert await desk.ask(AskStatus(A)) == [told(A)]


async def test_whole_mempools_are_read_no_more_often_than_every_five_seconds() -> None:
    desk, oracle = Desk(Oracle()), Oracle()
    desk.inquirer = Inquirer([oracle], desk._hear, desk.clock, 1)
    running = asyncio.create_task(desk.inquirer.run())
    for _ in range(3):
        desk.inquirer.ask(AskMempool(""))
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
        return (PrevoutsTold(txid=A, prevouts={}, source=REST),)


async def test_a_whale_is_not_kept_back_by_a_slow_answer_which_is_told_all_the_same() -> None:
    question, oracle = AskPrevouts(A, ()), SlowOracle()
    desk = Desk(oracle)
    running = asyncio.create_task(desk.inquirer.run())
    await asyncio.sleep(0)
    desk.inquirer.ask(question)
    for _ in range(10):
        await asyncio.sleep(0)
    before = list(desk.heard)

    oracle.may_answer.set()
    for _ in range(10):
        await asyncio.sleep(0)
    running.cancel()

    assert [type(one) for one in before] == [Unanswered]
    assert desk.heard[1:] == [PrevoutsTold(txid=A, prevouts={}, source=REST)]
    assert sum(desk.clock.slept) == PATIENCE_SECONDS
