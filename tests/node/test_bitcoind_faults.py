"""Killed, restarted, misconfigured: it is named, not mistaken for another thing, and nothing is lost."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.core.observations import Gap, SourceSynced, TransactionLeft
from app.core.units import BlockHash, Height
from app.errors import SourceError
from app.source.bitcoind.rpc import BitcoindRpc
from app.source.bitcoind.source import Bitcoind
from app.source.checks.node import CheckVerdict, Finding, KnownBlock, examine_bitcoind
from app.source.resilience.health import ConnectionState, SourceHealth
from tests.node.conftest import rpc_of, source_of
from tests.node.listener import NodeListener
from tests.node.node import Node
from tests.node.parts import free_port

pytestmark = pytest.mark.node


async def test_a_node_back_with_its_mempool_has_lost_nothing(node: Node, source: Bitcoind) -> None:
    coins = node.coins()
    async with NodeListener(source) as listener:
        await listener.settled()
        kept = node.send(node.whale(coins[:3]))
        await listener.seen(kept)
        node.stop()
        await listener.until(Gap)
        mark = len(listener.received)
        node.start()
        listed = await listener.settled(after=mark)
        new = node.send(node.whale(coins[3:6]))
        await listener.seen(new, after=mark)

    assert kept in listed.txids
    assert (listener.count_seen(kept), listener.count_seen(new)) == (1, 1)


async def test_a_node_back_without_its_mempool_says_who_left(node: Node, source: Bitcoind) -> None:
    async with NodeListener(source) as listener:
        await listener.settled()
        lost = node.send(node.whale())
        await listener.seen(lost)
        node.stop()
        (node.directory / "regtest/mempool.dat").unlink()
        node.start("-persistmempool=0")

        left = await listener.left(lost)

    assert left.txids == (lost,)


async def test_what_happened_while_we_were_away_is_found_and_marked(node: Node, source: Bitcoind) -> None:
    coins = node.coins()
    async with NodeListener(source) as listener:
        await listener.settled()
        node.kill()
        await listener.until(Gap)
        node.zmq, topics = (), node.zmq
        real_port, node.rpc_port = node.rpc_port, free_port()
        node.start()
        whale = node.send(node.whale(coins[:3]))
        (block,) = node.mine()
        waiting = node.send(node.whale(coins[3:6]))
        node.stop()
        node.zmq, node.rpc_port = topics, real_port
        node.start()

        reported = await listener.block(block)
        seen = await listener.seen(waiting)

    assert (whale in (reported.block.txids or ()), seen.late) == (True, True)


async def test_a_killed_node_is_reconnecting_and_then_connected(node: Node, source: Bitcoind) -> None:
    async with NodeListener(source) as listener:
        await listener.settled()
        node.kill()
        await listener.until(Gap)
        away = source.health.condition
        mark = len(listener.received)
        node.start()
        await listener.settled(after=mark)

    assert away.state is ConnectionState.RECONNECTING
    assert (source.health.condition.state, source.health.condition.reconnects) == (
        ConnectionState.CONNECTED,
        1,
    )


async def test_a_frozen_node_is_noticed(node: Node, source: Bitcoind) -> None:
    async with NodeListener(source) as listener:
        await listener.settled()
        mark = len(listener.received)
        pid = the_daemon(node)
        os.kill(pid, signal.SIGSTOP)
        try:
            await listener.until(Gap, after=mark)
        finally:
            os.kill(pid, signal.SIGCONT)
        frozen = len(listener.received)
        await listener.settled(after=frozen)

    assert source.health.condition.state is ConnectionState.CONNECTED


async def test_a_starting_node_is_not_a_failure(node: Node) -> None:
    node.stop()
    source = source_of(node)
    node.start("-checkblocks=0", "-checklevel=4", wait=False)
    async with NodeListener(source) as listener:
        await listener.until(SourceSynced, lambda one: one.percent == 100)
        await listener.settled()

    await source.close()
    assert source.health.condition.state is not ConnectionState.FAILED


async def test_a_node_in_initial_block_download_is_syncing(make_node: Callable[..., Node]) -> None:
    node = make_node(f"mocktime={int(time.time()) + 40 * 86_400}")
    source = source_of(node)
    async with NodeListener(source) as listener:
        synced = await listener.until(SourceSynced)

    assert synced.percent < 100
    assert (source.health.condition.state, source.health.condition.syncing is None) == (
        ConnectionState.CONNECTED,
        False,
    )
    await source.close()


async def test_without_zmq_whales_are_found_by_polling(make_node: Callable[..., Node]) -> None:
    node = make_node(zmq=())
    source = source_of(node)
    async with NodeListener(source) as listener:
        await listener.settled()
        whale = node.send(node.whale())
        seen = await listener.seen(whale)
        (block,) = node.mine()
        await listener.block(block)

    assert seen.late is False
    assert any("rawtx" in note for note in source.health.condition.notes)
    await source.close()


async def test_with_rawtx_alone_a_block_is_no_arrival(make_node: Callable[..., Node]) -> None:
    node = make_node(zmq=("rawtx",))
    source = source_of(node)
    async with NodeListener(source) as listener:
        await listener.settled()
        coins = node.coins()
        unseen = node.whale(coins[:3])
        block = node.call("generateblock", node.address(), [unseen])["hash"]
        await listener.block(block)
        whale = node.send(node.whale(coins[3:6]))
        await listener.seen(whale)

    assert listener.count_seen(node.call("decoderawtransaction", unseen)["txid"]) == 0
    assert not [one for one in listener.received if isinstance(one, TransactionLeft)]
    await source.close()


async def test_a_wrong_password_is_named_and_mended(node: Node) -> None:
    rpc = rpc_of(node, url=f"http://spout:wrong@127.0.0.1:{node.rpc_port}")

    (finding,) = await seen_txids(rpc, node)

    assert finding.status is CheckVerdict.FAILED
    assert "refuses the login" in finding.message
    assert "rpcpassword" in finding.remedy


async def test_a_wrong_password_makes_the_source_failed(node: Node) -> None:
    health = SourceHealth("bitcoind", SystemClock())
    source = source_of(node, url=f"http://spout:wrong@127.0.0.1:{node.rpc_port}", health=health)
    async with NodeListener(source), asyncio.timeout(30):
        while health.condition.state is not ConnectionState.FAILED:  # noqa: ASYNC110 - it rings no bell
            await asyncio.sleep(0.01)
    await source.close()


async def test_a_new_cookie_is_read_after_a_restart(make_node: Callable[..., Node]) -> None:
    node = make_node()
    node.stop()
    node.settings = ("cookie",)
    cookie: Path = node.cookie_file
    node.start(wait=False)
    rpc = rpc_of(node, url=f"http://127.0.0.1:{node.rpc_port}", cookie_file=cookie)
    first = await asked_until_up(rpc)
    node.stop()
    node.start(wait=False)

    again = await asked_until_up(rpc)

    assert first == again
    await rpc.close()


async def test_a_healthy_node_is_found_ok(node: Node, rpc: BitcoindRpc) -> None:
    findings = await seen_txids(rpc, node)

    assert [(one.component, one.status) for one in findings] == [
        ("bitcoind", CheckVerdict.OK),
        ("bitcoind ZMQ rawtx", CheckVerdict.OK),
        ("bitcoind ZMQ sequence", CheckVerdict.OK),
        ("bitcoind ZMQ hashblock", CheckVerdict.OK),
    ]


async def test_zmq_off_is_named(make_node: Callable[..., Node]) -> None:
    node = make_node("txindex=1", zmq=("hashblock",))
    urls = dict.fromkeys(("rawtx", "sequence", "hashblock"), f"tcp://127.0.0.1:{node.zmq_port}")

    findings = await seen_txids(rpc_of(node), node, urls)

    assert [one.message for one in findings if one.status is CheckVerdict.DEGRADED] == [
        "bitcoind does not publish it",
        "bitcoind does not publish it",
    ]


async def test_an_unreachable_zmq_port_is_named(node: Node, rpc: BitcoindRpc) -> None:
    findings = await seen_txids(rpc, node, {**node.zmq_urls, "rawtx": f"tcp://127.0.0.1:{free_port()}"})

    assert [one.component for one in findings if "nobody answers" in one.message] == ["bitcoind ZMQ rawtx"]


async def test_a_node_without_txindex_is_named(make_node: Callable[..., Node]) -> None:
    node = make_node()

    findings = await seen_txids(rpc_of(node), node)

    assert [one.component for one in findings if one.status is CheckVerdict.DEGRADED] == ["bitcoind txindex"]


async def test_a_pruned_node_is_named(make_node: Callable[..., Node]) -> None:
    node = make_node("prune=1")

    findings = await seen_txids(rpc_of(node), node)

    assert "bitcoind blocks" in [one.component for one in findings if one.status is CheckVerdict.DEGRADED]


async def test_a_question_that_a_whitelist_forbids_is_no_bad_login(
    make_node: Callable[..., Node],
) -> None:
    allowed = "getblockchaininfo,getmempoolinfo,listwallets,loadwallet"
    node = make_node("txindex=1", f"rpcwhitelist=spout:{allowed}")

    findings = await seen_txids(rpc_of(node), node)

    assert [(one.component, one.status) for one in findings][:2] == [
        ("bitcoind", CheckVerdict.OK),
        ("bitcoind txindex", CheckVerdict.DEGRADED),
    ]
    assert "rpcwhitelist" in findings[1].remedy


async def test_a_cookie_file_that_cannot_be_read_is_named(node: Node, tmp_path: Path) -> None:
    binary = tmp_path / "cookie"
    binary.write_bytes(b"\xff\xfe:")
    absent = tmp_path / "absent"
    url = f"http://127.0.0.1:{node.rpc_port}"

    found = [(await seen_txids(rpc_of(node, url, file), node))[0].message for file in (binary, absent)]

    assert (f"{binary} cannot be read: it is not text" in found[0], str(absent) in found[1]) == (True, True)


async def test_another_network_is_named(node: Node, rpc: BitcoindRpc) -> None:
    findings = await seen_txids(rpc, node, beside=KnownBlock(Height(100), BlockHash("00" * 32)))

    assert [one.status for one in findings if one.component == "network"] == [CheckVerdict.FAILED]


async def test_the_same_network_is_no_finding(node: Node, rpc: BitcoindRpc) -> None:
    block = BlockHash(node.call("getblockhash", 100))

    findings = await seen_txids(rpc, node, beside=KnownBlock(Height(100), block))

    assert [one for one in findings if one.component == "network"] == []


async def seen_txids(
    rpc: BitcoindRpc,
    node: Node,
    urls: dict[str, str] | None = None,
    beside: KnownBlock | None = None,
) -> list[Finding]:
    found = await examine_bitcoind(rpc, node.zmq_urls if urls is None else urls, SystemClock(), beside)
    await rpc.close()
    return found


async def asked_until_up(rpc: BitcoindRpc) -> str:
    """The best block, as soon as the node is up (it may be starting, or not have written its cookie)."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await rpc.ask(str, "getbestblockhash")
            except SourceError:
                await asyncio.sleep(0.1)


def the_daemon(node: Node) -> int:
    """The wrapper script execs the loader, so the process that was started is the daemon itself."""
    assert node.process
    return node.process.pid
