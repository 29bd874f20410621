"""The bundled recording played round and round: each round a world of its own that follows on the last."""

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.core.models import Block
from app.core.observations import BlockConnected, ChainListed, Observation, SourceConnected, TransactionSeen
from app.core.questions import AskBlock
from app.data import __file__ as data_file
from app.source.recording.demo import DemoBackend, Extent, Round, extent_of
from app.source.recording.play import moments
from app.source.resilience.health import SourceHealth
from app.source.resilience.seen_txids import SeenTxids
from tests.core.story import Story
from tests.fakes import LeapingClock

FOLDER = Path(data_file).parent
RECORDING, REST = FOLDER / "demo.ws.jsonl.gz", FOLDER / "demo.rest.jsonl.gz"
A, B = "aa" * 32, "bb" * 32
EXTENT = Extent(first=0.0, last=10.0, blocks=5, carried_on={})


class EndOfTest(Exception):  # noqa: N818  it is no error
    """Raised by the clock when the rounds asked for have been played."""


class RoundsClock(LeapingClock):
    """Ends the playing after so many pauses between rounds."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self._left = rounds

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if seconds == 5.0:
            self._left -= 1
            if not self._left:
                raise EndOfTest


class Played:
    """What two rounds told."""

    def __init__(self) -> None:
        self.clock = RoundsClock(2)
        self.rounds: list[list[Observation]] = []
        self.backend = DemoBackend(
            RECORDING,
            REST,
            emit=self._emit,
            health=SourceHealth("mempool_ws", self.clock),
            seen_txids=SeenTxids(),
            clock=self.clock,
        )

    async def _emit(self, reported: Sequence[Observation]) -> None:
        if any(isinstance(one, SourceConnected) for one in reported):
            self.rounds.append([])
        self.rounds[-1] += reported

    async def play(self) -> "Played":
        with pytest.raises(EndOfTest):
            await self.backend.run()
        return self


@pytest.fixture(scope="module")
def played() -> Played:
    return asyncio.run(Played().play())


def seen(reported: list[Observation]) -> list[str]:
    return [one.tx.txid for one in reported if isinstance(one, TransactionSeen)]


def chain(reported: list[Observation]) -> list[Block]:
    """Blocks in the order they were told."""
    found: list[Block] = []
    for one in reported:
        if isinstance(one, ChainListed):
            found += one.blocks
        elif isinstance(one, BlockConnected):
            found.append(one.block)
    return found


def test_both_rounds_tell_as_much(played: Played) -> None:
    first, second = played.rounds

    assert len(seen(first)) == len(seen(second)) > 100


def test_the_second_round_has_new_txids(played: Played) -> None:
    first, second = played.rounds

    assert set(seen(first)).isdisjoint(seen(second))


def test_the_second_round_begins_at_the_tip_where_the_first_ended(played: Played) -> None:
    first, second = (chain(reported) for reported in played.rounds)
    listed = next(one for one in played.rounds[1] if isinstance(one, ChainListed))

    assert listed.blocks[-1].hash == first[-1].hash
    assert second[-1].height > first[-1].height


def test_times_of_the_second_round_are_later(played: Played) -> None:
    first, second = (chain(reported) for reported in played.rounds)
    one, two = first[-1].time, second[-1].time

    assert one is not None
    assert two is not None
    assert two > one


def test_the_second_round_undoes_nothing_of_the_first(played: Played) -> None:
    story = Story()
    known = {block.hash: block for reported in played.rounds for block in chain(reported)}
    reorgs = []
    for reported in played.rounds:
        for one in reported:
            if isinstance(one, ChainListed | BlockConnected):
                story.receive(one)
                asked = [known[one.hash] for one in story.questions if isinstance(one, AskBlock)]
                story.connected(*(block for block in asked if block.previous is not None))
        reorgs.append(story.tracker.tally.reorgs)

    assert reorgs == [1, 2]  # the recording's own one, each time


async def test_a_question_about_the_round_before_is_answered_by_a_404(played: Played) -> None:
    txid = seen(played.rounds[0])[0]
    answer = await played.backend.request("GET", f"/api/v1/tx/{txid}/status")

    assert answer.status == 404


async def test_a_question_is_asked_and_answered_in_the_rounds_own_ids(played: Played) -> None:
    listed = next(one for one in played.rounds[1] if isinstance(one, ChainListed))
    block = chain(played.rounds[1])[-1]
    answer = await played.backend.request("GET", f"/api/v1/block/{block.hash}")

    assert listed.blocks
    assert json.loads(answer.body)["id"] == block.hash
    assert json.loads(answer.body)["height"] == block.height


def test_a_round_translates_a_question_back() -> None:
    one = Round(3, EXTENT, 0.0)
    reported = one.reported(json.dumps({"txid": A}).encode())

    assert one.asked(f"/api/v1/tx/{json.loads(reported)['txid']}") == f"/api/v1/tx/{A}"


def test_the_same_id_is_the_same_all_round_long() -> None:
    one = Round(1, EXTENT, 0.0)

    assert one.reported(b'["' + A.encode() + b'"]') == one.reported(b'["' + A.encode() + b'"]')


def test_two_ids_stay_two() -> None:
    reported = json.loads(Round(1, EXTENT, 0.0).reported(json.dumps([A, B]).encode()))

    assert len(set(reported)) == 2


def test_heights_and_times_move_on_and_amounts_do_not() -> None:
    reported = Round(2, EXTENT, 100.4).reported(
        b'{"height":7,"block_height":8,"timestamp":1795340039,"value":1795340039}'
    )

    assert json.loads(reported) == {
        "height": 17,
        "block_height": 18,
        "timestamp": 1795340139,
        "value": 1795340039,
    }


def test_a_block_from_before_is_the_one_the_round_before_ended_with() -> None:
    extent = Extent(first=0.0, last=1.0, blocks=5, carried_on={A: B})

    assert extent.id_in(1, A) == extent.id_in(0, B)


def test_a_recording_spans_the_blocks_it_adds() -> None:
    heights = [
        int(found)
        for moment in moments(RECORDING)
        if moment.frame is not None and moment.frame.startswith(b'{"block":')
        for found in re.findall(rb'"height":(\d+)', moment.frame)[:1]
    ]

    assert extent_of(RECORDING).blocks == max(heights) - min(heights) + 1
