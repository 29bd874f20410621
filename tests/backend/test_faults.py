"""The stand-in's faults look on the wire as they were measured (g13, g14, the limits of 3.4)."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from tests.backend.clients import PlainClient
from tests.backend.process import BackendProcess
from tests.backend.server import Backend
from tests.backend.transactions import a_whale
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


async def test_a_cut_comes_without_a_close_frame(backend: Backend, client: PlainClient) -> None:
    backend.cut()

    with pytest.raises(ConnectionClosedError) as closed:
        await client.frame()
    assert closed.value.rcvd is None


async def test_a_refusing_backend_comes_back_on_the_same_port(backend: Backend) -> None:
    await backend.refuse()
    with pytest.raises(OSError, match="Connect call failed"):
        await PlainClient(backend.url).__aenter__()
    await backend.listen()

    async with PlainClient(backend.url) as client:
        await client.say({"action": "ping"})
        assert await client.frame() == {"pong": True}


async def test_a_restarted_backend_answers_before_it_is_in_sync_and_counts_from_zero(
    backend: Backend,
) -> None:
    whale = a_whale()
    backend.world.mine(empty=2)
    backend.world.add(whale)
    tip = backend.world.tip.height
    await backend.refuse()
    backend.world.restart_backend()
    await backend.listen()
    async with PlainClient(backend.url) as client:
        await client.say({"action": "init"})
        first = await client.frame()
        await client.follow()
        backend.world.finish_sync()
        deltas = [await client.delta() for _ in range(tip - tip // 6 * 6 + 1)]

    assert first["blocks"][-1]["height"] == tip // 6 * 6
    assert first["loadingIndicators"] == {"mempool": 0}
    assert {delta["sequence"] for delta in deltas} == {0}
    assert deltas[-1]["added"][0]["txid"] == whale.txid


async def test_a_block_can_be_lost_over_a_restart(backend: Backend) -> None:
    await backend.refuse()
    backend.world.restart_backend()
    with backend.world.between_polls():
        lost = backend.world.mine()
    await backend.listen()
    async with PlainClient(backend.url) as client:
        await client.follow()
        backend.world.finish_sync(lost_blocks=True)
        following = backend.world.mine()
        block = (await client.delta())["block"]

    assert block["id"] == following.hash
    assert block["previousblockhash"] == lost.hash


async def test_a_frozen_backend_is_open_and_silent(backend: Backend, client: PlainClient) -> None:
    backend.freeze()
    await client.say({"action": "ping"})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.socket.recv(), 0.2)
    backend.thaw()

    assert await client.frame() == {"pong": True}


async def test_without_its_node_the_backend_indicates_and_some_answers_fail(
    backend: Backend, client: PlainClient
) -> None:
    backend.world.add(a_whale())
    before = (await client.delta())["sequence"]
    backend.node_down(every_seconds=0.01)
    assert await client.frame() == {"loadingIndicators": {"mempool": 99}}
    codes = [
        (await client.get(p))[0] for p in ("mempool/txids", "blocks/tip/hash", "fees/recommended", "mempool")
    ]
    assert codes == [500, 500, 503, 200]
    with backend.world.between_polls():
        backend.world.add(a_whale())
        backend.node_up()

    assert (await client.delta())["sequence"] == before


@pytest.mark.parametrize("payload", ['{"mempool-transactions":{"added":[', "[]", "null", "not JSON"])
async def test_garbage_arrives_as_it_was_given(backend: Backend, client: PlainClient, payload: str) -> None:
    backend.send_raw(payload)

    assert await client.socket.recv() == payload


async def test_half_a_frame_ends_the_connection(backend: Backend, client: PlainClient) -> None:
    backend.send_half_frame(json.dumps({"pong": True}) * 50)

    with pytest.raises(ConnectionClosedError):
        await client.frame()


async def test_rest_can_be_made_to_fail_on_a_path_and_to_recover(
    backend: Backend, client: PlainClient
) -> None:
    backend.rest_error("/api/v1/mempool/*", 503)
    assert (await client.get("mempool/txids"))[0] == 503
    backend.rest_error("/api/v1/mempool/*", 0)

    assert await client.get("mempool/txids") == (200, [])


async def test_the_101st_message_within_ten_seconds_closes_a_strict_backend() -> None:
    async with Backend(World(version="3.4-dev"), strict=True) as backend, PlainClient(backend.url) as client:
        await client.say(*[{"action": "ping"}] * 101)
        answers = [await client.frame() for _ in range(100)]
        with pytest.raises(ConnectionClosed):
            await client.frame()

    assert answers == [{"pong": True}] * 100


@pytest.mark.parametrize(("message", "code"), [("x" * 50_001, 1009), ("not JSON", 1005), ("null", 1005)])
async def test_a_strict_backend_closes_on_what_it_does_not_take(message: str, code: int) -> None:
    async with Backend(World(version="3.4-dev"), strict=True) as backend, PlainClient(backend.url) as client:
        await client.say(message)
        with pytest.raises(ConnectionClosed) as closed:
            await client.frame()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


async def test_the_frontend_cuts_an_idle_socket_and_takes_the_short_path() -> None:
    async with (
        Backend(World(), frontend=True, idle_seconds=0.1) as backend,
        PlainClient(backend.url) as client,
    ):
        assert (await client.rest.get(f"{backend.url}/api/mempool")).status_code == 200
        with pytest.raises(ConnectionClosedError) as closed:
            await client.frame()

    assert closed.value.rcvd is None


async def test_331_calls_every_unknown_txid_confirmed(client: PlainClient) -> None:
    await client.say({"track-txs": ["ab" * 32]})

    assert await client.frame() == {"tracked-txs": {"ab" * 32: {"confirmed": True}}}


async def test_a_process_sends_one_big_frame_with_its_whales_and_knows_them_in_rest() -> None:
    with BackendProcess() as backend:
        async with PlainClient(backend.url) as client:
            await client.follow()
            reported = backend.call("big_frame", megabytes=5, whales=3)
            raw = await client.socket.recv()
            added = json.loads(raw)["mempool-transactions"]["added"]
            _, waiting = await client.get("mempool/txids")
            _, whale = await client.get(f"tx/{reported['whales'][0]}")

    assert 4_500_000 < len(raw) < 5_500_000
    assert [tx["txid"] for tx in added if sum(o["value"] for o in tx["vout"]) > 100_0000_0000] == reported[
        "whales"
    ]
    assert len(waiting) == len(added) == reported["count"]
    assert whale["vin"][0]["prevout"]["value"] - sum(out["value"] for out in whale["vout"]) == whale["fee"]


async def test_a_process_is_driven_over_its_control_port() -> None:
    whale = a_whale()
    with BackendProcess("--version", "3.4-dev") as backend:
        async with PlainClient(backend.url) as client:
            await client.follow()
            backend.add(whale)
            block = backend.mine([whale])
            deltas = [await client.delta() for _ in range(2)]
            status = await client.status(whale.txid)
            state = backend.state()

    assert deltas[1]["block"]["id"] == block["hash"] == status["block_hash"]
    assert state["subscribed"] == 1
