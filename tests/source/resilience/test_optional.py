"""Questions that can be done without."""

import pytest

from app.errors import (
    ForbiddenError,
    LoginRefusedError,
    NodeBusyError,
    NodeRefusedError,
    ParseError,
    SourceError,
    TooSlowError,
    UnreachableError,
)
from app.source.resilience.optional import (
    ASK_AGAIN_SECONDS,
    FORBIDDEN_AGAIN_SECONDS,
    Optional,
    OptionalQuestions,
)
from tests.fakes import LeapingClock

FEES = Optional(name="estimatesmartfee", without="no estimates")
USUAL = Optional(name="histogram", usual=True)
REFUSED = NodeRefusedError("node: unknown method", -32601)


class Desk:
    """Answers with 7, or raises what it was given."""

    def __init__(self) -> None:
        self.clock = LeapingClock()
        self.error: Exception | None = None
        self.asked = 0
        self.changes = 0
        self.optional = OptionalQuestions("node", self.clock, self._changed)

    def _changed(self) -> None:
        self.changes += 1

    async def _work(self) -> int:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return 7

    async def ask(self, question: Optional = FEES, error: Exception | None = None) -> int | None:
        self.error = error
        return await self.optional.ask(question, self._work)


async def test_an_answer_passes() -> None:
    assert await Desk().ask() == 7


@pytest.mark.parametrize(
    "error",
    [REFUSED, ForbiddenError("403"), NodeBusyError("queue"), ParseError("null"), TooSlowError("late")],
)
async def test_a_refusal_leaves_the_answer_out(error: Exception) -> None:
    assert await Desk().ask(error=error) is None


@pytest.mark.parametrize("error", [UnreachableError("gone"), LoginRefusedError("password")])
async def test_who_is_away_or_does_not_let_us_in_is_away_for_all(error: SourceError) -> None:
    with pytest.raises(type(error)):
        await Desk().ask(error=error)


async def test_a_refusal_is_said_by_name_with_what_is_missing() -> None:
    desk = Desk()
    await desk.ask(error=REFUSED)

    assert desk.optional.notes == ("estimatesmartfee is left out (unknown method): no estimates",)


async def test_what_many_do_not_know_is_not_mentioned() -> None:
    desk = Desk()
    await desk.ask(USUAL, REFUSED)

    assert desk.optional.notes == ()


@pytest.mark.parametrize(
    ("error", "seconds"), [(REFUSED, ASK_AGAIN_SECONDS), (ForbiddenError("403"), FORBIDDEN_AGAIN_SECONDS)]
)
async def test_it_is_asked_again_later_and_not_before(error: Exception, seconds: float) -> None:
    desk = Desk()
    await desk.ask(error=error)
    desk.clock.advance(seconds - 1)
    early = await desk.ask()
    desk.clock.advance(1)

    assert (early, await desk.ask(), desk.asked, desk.optional.notes) == (None, 7, 2, ())


async def test_it_is_said_once_however_often_it_is_refused() -> None:
    desk = Desk()
    for _ in range(3):
        await desk.ask(error=REFUSED)
        desk.clock.advance(ASK_AGAIN_SECONDS)

    assert desk.changes == 1


async def test_another_far_side_is_asked_anew() -> None:
    desk = Desk()
    await desk.ask(error=REFUSED)
    desk.optional.forget()

    assert (await desk.ask(), desk.changes) == (7, 2)
