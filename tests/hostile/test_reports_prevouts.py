"""What users of neighbouring tools reported about a transaction of many inputs, played as it lies there."""

import asyncio
import json
from dataclasses import replace
from typing import Any

from app.core.classification import Classification
from app.core.flow.classifier import classify
from app.core.flow.entities import Entities
from app.core.models import Transaction
from app.core.observations import Observation
from app.core.units import Outpoint, Sats, Script, Txid
from app.source.answering import Answering
from tests.builders import without_prevouts
from tests.core.story import Story
from tests.fakes import FakeClock
from tests.hostile.reported import BESIDE, a_transaction_of, an_input
from tests.hostile.test_reports_backend import Desk, Rest

pytestmark = BESIDE


class Failing(Rest):
    """Knows every prevout; the request of the report's number fails as often as the report says."""

    def __init__(self, clock: FakeClock, whole: Transaction) -> None:
        super().__init__(clock, {})
        _, failure = an_input("a6_prevouts_one_failure")["rest"]["POST /api/v1/prevouts"]
        self._failure = failure
        self._inputs = {spent.outpoint: spent for spent in whole.inputs}
        self._answered = 0
        self._failed = 0

    def answer(self, _method: str, path: str, payload: bytes | None) -> tuple[int, Any]:
        assert path.endswith("prevouts")
        if self._answered == self._failure["nth"] - 1 and self._failed < self._failure["times"]:
            self._failed += 1
            return self._failure["status"], "busy"
        self._answered += 1
        return 200, [self._found(one) for one in json.loads(payload or b"")]

    def _found(self, asked: dict[str, Any]) -> dict[str, Any]:
        spent = self._inputs[Outpoint(Txid(asked["txid"]), asked["vout"])]
        return {"prevout": {"value": spent.value, "scriptpubkey": spent.script}}


def the_consolidation() -> Transaction:
    """The report's, which spends Taproot coins: their scripts do not follow from their witnesses."""
    tx = a_transaction_of("a5_consolidation_1450_inputs")
    return replace(
        tx,
        inputs=tuple(
            replace(one, script=Script("5120" + one.outpoint.txid), witness=()) for one in tx.inputs
        ),
    )


async def test_a6_where_one_request_of_many_fails_the_others_count_and_the_rest_is_asked_later() -> None:
    whole = the_consolidation()
    story, clock = Story(threshold=Sats(1)), FakeClock()
    progress: list[tuple[int, Classification]] = []
    """How many inputs are known, and what is concluded: after 14 answers, what has none, and the last one."""

    async def receive(observation: Observation) -> None:
        story.receive(observation)
        known = sum(one.value is not None for one in story.only.tx.inputs)
        progress.append((known, story.only.classification))
        for question in story.questions:
            answering.ask(question)

    answering = Answering([Desk(Failing(clock, whole)).rest], receive, clock, workers=1)
    story.seen(without_prevouts(whole))
    answering.ask(*story.questions)
    running = asyncio.create_task(answering.run())
    while len(progress) < 3 and clock.monotonic() < 60:
        await clock.advance(1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert [known for known, _ in progress] == [14 * 100, 14 * 100, len(whole.inputs)]
    assert "not known yet" in " ".join(progress[0][1].evidence)
    # As if all were known at once: one unlabelled output alone stays `up_to` (docs/flow.md).
    assert progress[-1][1] == classify(whole, Entities())
