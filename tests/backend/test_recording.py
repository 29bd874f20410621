"""A played recording reaches a client as it was recorded; the hand-driven world has its shapes."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.backend.answers import DerivedRest
from tests.backend.clients import EVERYTHING, PlainClient
from tests.backend.server import Backend, encode
from tests.backend.stories import RecordingStory
from tests.backend.transactions import a_child, a_payment, bumped
from tests.backend.truth import RECORDINGS, Truth, lines
from tests.backend.world import World

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no reference recordings beside the repository"),
]
REORG = RECORDINGS / "extra" / "g09_reorg.ws.jsonl.gz"
RBF = RECORDINGS / "g05_rbf.ws.jsonl.gz"
RESTART = RECORDINGS / "g13_backend_restart.ws.jsonl.gz"
# What only some transactions have, or what only the newest backend says of a block.
OPTIONAL = {"replacement", "cpfpChecked", "cpfpUpdated", "lastBoosted"}
STATISTICAL = {
    *("utxoSetChange", "avgTxSize", "segwitTotalTxs", "segwitTotalSize", "segwitTotalWeight", "header"),
    *("coinbaseAddresses", "coinbaseSignature", "coinbaseSignatureAscii", "utxoSetSize", "totalInputAmt"),
    *("expectedFees", "expectedWeight", "similarity"),
}


async def test_a_played_recording_gives_the_recorded_deltas_in_order() -> None:
    story = RecordingStory(REORG, DerivedRest(Truth.load(REORG.parent), REORG), speed=2_000)
    recorded = [f["mempool-transactions"] for f in _frames(REORG) if "mempool-transactions" in f]
    async with Backend(story) as backend, PlainClient(backend.url) as client:
        await client.say({"track-mempool": True}, {"action": "init"})
        blocks = (await client.frame())["blocks"]
        found = [await client.delta() for _ in recorded]

    assert len(blocks) == 8
    assert [{key: value for key, value in delta.items() if key != "block"} for delta in found] == recorded


async def test_rest_of_a_played_recording_is_of_the_moment() -> None:
    story = RecordingStory(REORG, DerivedRest(Truth.load(REORG.parent), REORG), speed=2_000)
    async with Backend(story) as backend, PlainClient(backend.url) as client:
        before = await client.get("blocks/tip/height")
        await client.say({"action": "want", "data": []})
        await story.finished.wait()
        after = await client.get("blocks/tip/height")

    assert (before, after) == ((200, "552"), (200, "559"))


async def test_a_recorded_outage_cuts_the_clients() -> None:
    story = RecordingStory(RESTART, speed=1_000)
    async with Backend(story) as backend:
        async with PlainClient(backend.url) as client:
            await client.say({"action": "init"})
            await client.socket.wait_closed()
        assert client.socket.close_code == 1006
        await story.finished.wait()
        async with PlainClient(backend.url) as client:
            await client.say({"action": "ping"})
            assert await client.frame() == {"pong": True}


@pytest.fixture
async def world_frames() -> list[dict[str, Any]]:
    """The frames a full client gets of a small story: arrival, child, replacement, block."""
    async with Backend(World()) as backend, PlainClient(backend.url) as client:
        payment = a_payment()
        backend.world.add(payment)
        await client.say(*EVERYTHING, {"action": "ping"})
        found = [await client.frame()]
        while "pong" not in found[-1]:
            found.append(await client.frame())
        second = a_payment()
        backend.world.add(second, a_child(payment))
        backend.world.replace(second, bumped(second, 9_000))
        backend.world.mine_all()
        found += [await client.frame() for _ in range(3)]
    return found


def test_an_added_transaction_has_the_recorded_keys(world_frames: list[dict[str, Any]]) -> None:
    ours = _first_added(world_frames)
    recorded = _first_added(list(_frames(RBF)))

    assert set(ours) - OPTIONAL == set(recorded) - OPTIONAL
    assert set(ours["vin"][0]) == set(recorded["vin"][0])
    assert set(ours["vout"][0]) == set(recorded["vout"][0])


def test_frames_have_the_recorded_combinations_of_keys(world_frames: list[dict[str, Any]]) -> None:
    recorded = {frozenset(frame) for path in (RBF, REORG) for frame in _frames(path)}

    assert [set(frame) for frame in world_frames if frozenset(frame) not in recorded] == []


def test_a_block_has_the_recorded_keys(world_frames: list[dict[str, Any]]) -> None:
    ours = next(frame["block"] for frame in world_frames if "block" in frame)
    recorded = next(frame["block"] for frame in _frames(RBF) if "block" in frame)

    assert set(ours) == set(recorded)
    assert set(recorded["extras"]) - set(ours["extras"]) <= STATISTICAL
    assert set(ours["extras"]) <= set(recorded["extras"])


@pytest.mark.parametrize("key", ["mempool-blocks", "fees", "da", "transactions"])
def test_figures_have_the_recorded_keys(world_frames: list[dict[str, Any]], key: str) -> None:
    ours = next(frame[key] for frame in world_frames if frame.get(key))
    recorded = next(frame[key] for frame in _frames(RBF) if frame.get(key))

    assert _keys(ours) == _keys(recorded)


def test_projected_tuples_have_the_recorded_types(world_frames: list[dict[str, Any]]) -> None:
    key = "projected-block-transactions"
    ours = next(frame[key]["blockTransactions"][0] for frame in world_frames if key in frame)
    recorded = next(
        f[key]["delta"]["added"][0] for f in _frames(RBF) if f.get(key, {}).get("delta", {}).get("added")
    )

    assert len(ours) == len(recorded)
    assert [isinstance(value, str) for value in ours] == [isinstance(value, str) for value in recorded]


@pytest.mark.parametrize(
    "path", ["backend-info", "mempool", "blocks", "fees/recommended", "difficulty-adjustment"]
)
async def test_rest_has_the_recorded_keys(path: str) -> None:
    recorded = next(line for line in lines(RECORDINGS / "rest.jsonl.gz") if line["path"] == f"/api/v1/{path}")
    async with Backend(World()) as backend, PlainClient(backend.url) as client:
        answer = await client.rest.get(path)

    assert answer.headers["content-type"] == recorded["content_type"]
    assert _keys(answer.json()) == _keys(recorded["body"])


def test_whole_numbers_are_written_as_javascript_writes_them() -> None:
    assert (
        encode({"rate": 10.0, "list": [2.0, 2.5], "name": "v3.0"})
        == b'{"rate":10,"list":[2,2.5],"name":"v3.0"}'
    )


def _frames(path: Any) -> Iterator[dict[str, Any]]:
    return (line["frame"] for line in lines(path) if line["dir"] == "in")


def _first_added(frames: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = next(
        frame["mempool-transactions"]["added"][0]
        for frame in frames
        if frame.get("mempool-transactions", {}).get("added")
    )
    return found


def _keys(reported: Any) -> set[str]:
    return set(reported[0] if isinstance(reported, list) else reported)
