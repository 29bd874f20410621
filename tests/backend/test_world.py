"""The hand-driven backend says on the wire what the real one was measured to say (wire/mempool.md)."""

from collections.abc import AsyncIterator

import pytest

from tests.backend.clients import EVERYTHING, PlainClient
from tests.backend.server import Backend
from tests.backend.transactions import a_child, a_payment, a_whale, bumped
from tests.backend.world import World


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    async with Backend(World()) as running:
        yield running


@pytest.fixture
async def client(backend: Backend) -> AsyncIterator[PlainClient]:
    async with PlainClient(backend.url) as connected:
        await connected.follow()
        yield connected


async def test_nothing_is_said_before_a_subscription(backend: Backend) -> None:
    async with PlainClient(backend.url, "/ws/track-mempool-tx") as client:
        backend.world.add(a_whale())
        await client.say({"action": "ping"})

        assert await client.frame() == {"pong": True}


async def test_a_new_transaction_is_added_without_prevouts(backend: Backend, client: PlainClient) -> None:
    whale = a_whale()
    backend.world.add(whale)
    delta = await client.delta()

    assert [tx["txid"] for tx in delta["added"]] == [whale.txid]
    assert delta["added"][0]["vin"][0]["prevout"] is None
    assert delta["sequence"] == 1


async def test_rest_has_the_prevouts_and_they_pay_the_fee(backend: Backend, client: PlainClient) -> None:
    whale = a_payment(kind="p2sh-p2wpkh")
    backend.world.add(whale)
    _, body = await client.get(f"tx/{whale.txid}")
    brought = sum(entry["prevout"]["value"] for entry in body["vin"])

    assert brought - sum(out["value"] for out in body["vout"]) == body["fee"] == whale.fee


async def test_a_list_of_wants_replaces_the_earlier_one(backend: Backend, client: PlainClient) -> None:
    await client.say({"action": "want", "data": ["mempool-blocks"]})
    assert "mempool-blocks" in await client.frame()
    backend.world.mine()
    frame = await client.frame()

    assert "block" not in frame
    assert "mempool-blocks" in frame


async def test_replaced_repeats_the_victims_of_the_victim(backend: Backend, client: PlainClient) -> None:
    first = a_whale()
    second = bumped(first, 5_000)
    third = bumped(second, 9_000)
    backend.world.add(first)
    backend.world.replace(first, second)
    backend.world.replace(second, third)
    pairs = [[(r["replaced"], r["by"]["txid"]) for r in (await client.delta())["replaced"]] for _ in range(3)]

    assert pairs == [
        [],
        [(first.txid, second.txid)],
        [(second.txid, third.txid), (first.txid, third.txid)],
    ]


async def test_the_child_of_a_replaced_one_is_only_removed(backend: Backend, client: PlainClient) -> None:
    parent = a_whale()
    child = a_child(parent)
    backend.world.add(parent)
    backend.world.add(child)
    backend.world.replace(parent, bumped(parent, 50_000))
    delta = [await client.delta() for _ in range(3)][-1]

    assert set(delta["removed"]) == {parent.txid, child.txid}
    assert [pair["replaced"] for pair in delta["replaced"]] == [parent.txid]
    assert await client.status(child.txid) == 404


async def test_a_transaction_between_two_polls_is_only_in_mined(
    backend: Backend, client: PlainClient
) -> None:
    whale = a_whale()
    with backend.world.between_polls():
        backend.world.add(whale)
        block = backend.world.mine([whale])
    delta = await client.delta()

    assert delta["added"] == []
    assert delta["mined"] == block.txids
    _, summary = await client.get(f"block/{block.hash}/summary")
    assert summary[1]["value"] == whale.total_out


async def test_a_double_spend_in_a_block_kills_and_is_removed_a_frame_later(
    backend: Backend, client: PlainClient
) -> None:
    loser = a_whale()
    winner = bumped(loser, -1_000)
    backend.world.add(loser)
    backend.world.mine(unannounced=[winner])
    _, block, after = [await client.delta() for _ in range(3)]

    assert [(r["replaced"], r["by"]["status"]["confirmed"]) for r in block["replaced"]] == [
        (loser.txid, True)
    ]
    assert after["removed"] == [loser.txid]
    assert after["replaced"] == []


async def test_after_invalidateblock_the_transactions_are_added_again(
    backend: Backend, client: PlainClient
) -> None:
    whale = a_whale()
    backend.world.add(whale)
    backend.world.mine([whale])
    backend.world.invalidate()
    delta = [await client.delta() for _ in range(3)][-1]

    assert [tx["txid"] for tx in delta["added"]] == [whale.txid]
    assert await client.status(whale.txid) == {"confirmed": False}


async def test_a_block_at_a_known_height_is_unnoticed_and_its_transactions_are_removed(
    backend: Backend, client: PlainClient
) -> None:
    whale = a_whale()
    backend.world.mine()
    backend.world.add(whale)
    backend.world.reorg(1, [[whale]])
    deltas = [await client.delta() for _ in range(3)]

    assert [delta["block"] is None for delta in deltas] == [False, True, True]
    assert deltas[-1]["removed"] == [whale.txid]
    assert (await client.status(whale.txid))["confirmed"] is True


async def test_a_higher_branch_gives_blocks_then_the_newest_block_only(
    backend: Backend, client: PlainClient
) -> None:
    backend.world.mine()
    old = backend.world.tip
    first, second = backend.world.reorg(1, [[], []])
    frames = [await client.frame() for _ in range(3)]

    assert frames[1]["blocks"][-1]["id"] == first.hash
    assert frames[2]["block"]["id"] == second.hash
    _, stale = await client.get(f"block/{old.hash}")
    assert stale["stale"] is True


async def test_a_dropped_transaction_is_unknown_and_may_come_back(
    backend: Backend, client: PlainClient
) -> None:
    whale = a_whale()
    backend.world.add(whale)
    backend.world.expire(whale)
    assert await client.status(whale.txid) == 404
    backend.world.add(whale)
    reported = [await client.delta() for _ in range(3)]

    assert [d["removed"] for d in reported] == [[], [whale.txid], []]
    assert reported[2]["added"][0]["txid"] == whale.txid


def test_one_that_took_the_place_of_its_own_replacement_is_no_victim_any_more() -> None:
    world = World()
    first = a_whale()
    second = bumped(first, 5_000)
    world.add(first, second, first)

    assert world.victims == {second.txid: first.txid}


async def test_prevouts_are_null_once_the_spender_is_mined(backend: Backend, client: PlainClient) -> None:
    whale = a_whale()
    backend.world.add(whale)
    asked = [{"txid": whale.coins[0].txid, "vout": 0}, {"txid": whale.txid, "vout": 1}]
    before = (await client.rest.post("prevouts", json=asked)).json()
    backend.world.mine([whale])
    after = (await client.rest.post("prevouts", json=asked)).json()

    assert [found["unconfirmed"] for found in before] == [False, True]
    assert after[0] is None
    assert after[1]["unconfirmed"] is False


async def test_more_than_a_hundred_outpoints_are_refused(client: PlainClient) -> None:
    answer = await client.rest.post("prevouts", json=[{"txid": "00" * 32, "vout": 0}] * 101)

    assert (answer.status_code, answer.json()) == (400, {"error": "Too many outpoints requested"})


async def test_a_full_client_gets_every_key_of_a_measured_delta(backend: Backend) -> None:
    async with PlainClient(backend.url) as client:
        whale = a_whale()
        await client.say(*EVERYTHING[:4], *EVERYTHING[6:], {"action": "ping"})
        while "pong" not in await client.frame():
            pass
        backend.world.add(whale)
        frame = await client.frame()

    assert set(frame) == {
        *("mempoolInfo", "vBytesPerSecond", "transactions", "da", "fees", "mempool-blocks"),
        *("projected-block-transactions", "mempool-txids", "mempool-transactions"),
    }
