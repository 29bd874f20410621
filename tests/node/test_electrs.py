"""A real Electrum server, asked little and believed for what it can know."""

import os
import signal

import pytest

from app.clock import SystemClock
from app.core.observations import (
    ChainListed,
    FeesRecommended,
    Gap,
    PrevoutsReply,
    QueueProjected,
    StatusReply,
    TransactionReply,
)
from app.core.questions import AskBlock, AskPrevouts, AskStatus, AskTransaction
from app.core.units import BlockHash, Height, Outpoint, Txid
from app.errors import SourceError
from app.source.checks.node import CheckVerdict, KnownBlock, examine_electrs
from app.source.electrum.source import Electrs
from app.source.resilience.health import ConnectionState
from tests.node.conftest import electrs_of
from tests.node.electrum import ElectrumServer
from tests.node.listener import NodeListener
from tests.node.node import Node
from tests.node.parts import free_port

pytestmark = pytest.mark.node

NOBODYS = Txid("cd" * 32)


async def test_it_lists_the_end_of_its_chain_first(node: Node, electrs: Electrs) -> None:
    async with NodeListener(electrs) as listener:
        listed = await listener.until(ChainListed)

    heights = range(123, 131)
    assert [block.hash for block in listed.blocks] == [node.call("getblockhash", at) for at in heights]
    assert [block.height for block in listed.blocks] == list(heights)


async def test_a_new_block_is_told_with_its_header(node: Node, electrs: Electrs) -> None:
    before = node.call("getbestblockhash")
    async with NodeListener(electrs) as listener:
        await listener.until(ChainListed)
        (block,) = node.mine()
        reported = (await tip(listener, block)).blocks[-1]

    assert (reported.height, reported.previous, reported.txids) == (131, before, None)


async def test_the_queue_of_an_empty_mempool_is_empty(electrs: Electrs) -> None:
    async with NodeListener(electrs) as listener:
        queue = await listener.until(QueueProjected)

    assert queue.blocks == ()


async def test_no_estimate_is_no_fees(electrs: Electrs) -> None:
    async with NodeListener(electrs) as listener:
        await listener.until(QueueProjected)
        await electrs.answer(AskStatus(NOBODYS))

    assert not [one for one in listener.received if isinstance(one, FeesRecommended)]


async def test_a_waiting_transaction_is_in_the_mempool(node: Node, electrs: Electrs) -> None:
    txid = node.send(node.whale())

    reported = await status(electrs, txid)

    assert (reported.in_mempool, reported.block_hash, reported.height) == (True, None, None)


async def test_a_mined_transaction_is_in_its_block(node: Node, electrs: Electrs) -> None:
    txid = node.send(node.whale())
    async with NodeListener(electrs) as listener:
        await listener.until(ChainListed)
        (first, *_, last) = node.mine(3)
        await tip(listener, last)

        (reported,) = await electrs.answer(AskStatus(Txid(txid)))

    assert isinstance(reported, StatusReply)
    assert (reported.in_mempool, reported.block_hash, reported.height) == (False, first, 131)


async def test_an_unknown_transaction_is_nowhere(electrs: Electrs) -> None:
    reported = await status(electrs, NOBODYS)

    assert (reported.in_mempool, reported.block_hash) == (False, None)


async def test_a_transaction_is_told_whole(node: Node, electrs: Electrs) -> None:
    txid = node.send(node.whale())
    async with NodeListener(electrs) as listener:
        await listener.until(ChainListed)
        (reported,) = await electrs.answer(AskTransaction(Txid(txid)))

    assert isinstance(reported, TransactionReply)
    assert (reported.tx.txid, reported.tx.gross) == (txid, 150 * 100_000_000 - 10_000)


async def test_prevouts_come_from_the_parents(node: Node, electrs: Electrs) -> None:
    coins = node.coins()[:3]
    points = tuple(Outpoint(Txid(coin.txid), coin.vout) for coin in coins)
    async with NodeListener(electrs) as listener:
        await listener.until(ChainListed)
        (reported,) = await electrs.answer(AskPrevouts(NOBODYS, points))

    assert isinstance(reported, PrevoutsReply)
    assert [prevout.value for prevout in reported.prevouts.values() if prevout] == [50 * 100_000_000] * 3


async def test_a_block_cannot_be_asked_of_it(electrs: Electrs) -> None:
    async with NodeListener(electrs) as listener:
        await listener.until(ChainListed)
        with pytest.raises(SourceError, match="cannot say"):
            await electrs.answer(AskBlock(BlockHash("00" * 32)))


async def test_a_killed_server_is_found_again(node: Node, electrum: ElectrumServer, electrs: Electrs) -> None:
    async with NodeListener(electrs) as listener:
        await listener.until(QueueProjected)
        electrum.kill()
        await listener.until(Gap)
        away = electrs.health.condition.state
        (block,) = node.mine()
        electrum.start()
        await tip(listener, block)

    assert (away, electrs.health.condition.reconnects) == (ConnectionState.RECONNECTING, 1)


async def test_a_frozen_server_is_noticed(electrum: ElectrumServer, electrs: Electrs) -> None:
    assert electrum.process
    async with NodeListener(electrs) as listener:
        await listener.until(QueueProjected)
        os.kill(electrum.process.pid, signal.SIGSTOP)
        try:
            await listener.until(Gap)
        finally:
            os.kill(electrum.process.pid, signal.SIGCONT)

    assert electrs.health.condition.state is ConnectionState.RECONNECTING


async def test_nobody_there_cannot_be_asked() -> None:
    electrs = electrs_of(f"tcp://127.0.0.1:{free_port()}")

    with pytest.raises(SourceError, match="not connected"):
        await electrs.answer(AskStatus(NOBODYS))


async def test_a_healthy_server_is_found_ok(node: Node, electrs: Electrs) -> None:
    block = KnownBlock(Height(100), BlockHash(node.call("getblockhash", 100)))

    findings = await examine_electrs(electrs, SystemClock(), block)

    assert [one.status for one in findings] == [CheckVerdict.OK]


async def test_a_server_of_another_network_is_named(electrs: Electrs) -> None:
    findings = await examine_electrs(electrs, SystemClock(), KnownBlock(Height(100), BlockHash("00" * 32)))

    assert [one.component for one in findings if one.status is CheckVerdict.FAILED] == ["network"]


async def test_nobody_there_is_named_with_the_way_out() -> None:
    (finding,) = await examine_electrs(electrs_of(f"tcp://127.0.0.1:{free_port()}"), SystemClock())

    assert (finding.status, "SPOUT_ELECTRS_URL" in finding.remedy) == (CheckVerdict.FAILED, True)


async def status(electrs: Electrs, txid: str) -> StatusReply:
    async with NodeListener(electrs) as listener:
        await listener.until(ChainListed)
        (reported,) = await electrs.answer(AskStatus(Txid(txid)))
    assert isinstance(reported, StatusReply)
    return reported


async def tip(listener: NodeListener, block: str) -> ChainListed:
    return await listener.until(ChainListed, lambda one: one.blocks[-1].hash == block)
