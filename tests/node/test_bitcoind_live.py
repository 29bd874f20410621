"""What a real node does is told as it happened."""

import itertools
from decimal import Decimal

import pytest

from app.core.observations import (
    ChainListed,
    FeesRecommended,
    MempoolMeasured,
    QueueProjected,
    SourceSynced,
)
from app.core.units import Sats
from app.source.bitcoind.source import Bitcoind
from tests.node.conftest import source_of
from tests.node.listener import NodeListener
from tests.node.node import Node

pytestmark = pytest.mark.node


async def test_a_whale_is_seen_with_its_fee_and_package(node: Node, source: Bitcoind) -> None:
    async with NodeListener(source) as listener:
        await listener.settled()
        txid = node.send(node.whale(fee=Decimal("0.00012345")))

        seen = await listener.seen(txid)

    assert (seen.tx.fee, seen.tx.package_feerate, seen.late) == (
        12345,
        pytest.approx(12345 / node.call("getrawtransaction", txid, 1)["vsize"]),
        False,
    )


async def test_a_small_payment_is_not_told(node: Node, source: Bitcoind) -> None:
    async with NodeListener(source) as listener:
        await listener.settled()
        coins = node.coins()
        small = node.send(node.whale(coins[:2]))
        whale = node.send(node.whale(coins[2:5]))

        await listener.seen(whale)

    assert listener.count_seen(small) == 0


async def test_twenty_whales_are_seen_once_each(node: Node, source: Bitcoind) -> None:
    node.mine(40)
    coins = node.coins()
    raws = [node.whale(coins[at : at + 3]) for at in range(0, 60, 3)]
    async with NodeListener(source) as listener:
        await listener.settled()
        txids = [node.send(raw) for raw in raws]
        for txid in txids:
            await listener.seen(txid)
        (block,) = node.mine()
        await listener.block(block)

    assert [listener.count_seen(txid) for txid in txids] == [1] * 20


async def test_the_end_of_the_chain_is_listed_first(node: Node, source: Bitcoind) -> None:
    async with NodeListener(source) as listener:
        baseline = await listener.until(ChainListed)

    assert baseline.blocks[-1].hash == node.call("getbestblockhash")


async def test_what_waits_at_the_start_is_told_as_late(node: Node, source: Bitcoind) -> None:
    txid = node.send(node.whale())
    async with NodeListener(source) as listener:
        seen = await listener.seen(txid)

    assert (seen.late, seen.tx.fee) == (True, 10_000)


async def test_a_replacement_names_its_victim_before_it_leaves(node: Node, source: Bitcoind) -> None:
    coins = node.coins()[:3]
    async with NodeListener(source) as listener:
        await listener.settled()
        first = node.send(node.whale(coins))
        await listener.seen(first)
        second = node.send(node.whale(coins, fee=Decimal("0.001")))

        replaced = await listener.replaced(first)
        left = await listener.left(first)

    assert (replaced.by.txid, replaced.by.fee, replaced.mined) == (second, 100_000, False)
    assert listener.position(replaced) < listener.position(left)


async def test_three_bumps_in_a_row_are_three_replacements(node: Node, source: Bitcoind) -> None:
    coins = node.coins()[:3]
    raws = [node.whale(coins, fee=Decimal("0.0001") * (step * 5 + 1)) for step in range(4)]
    async with NodeListener(source) as listener:
        await listener.settled()
        txids = [node.send(raw) for raw in raws]

        chain = [await listener.replaced(victim) for victim in txids[:3]]

    assert [(one.victims, one.by.txid) for one in chain] == [
        ((victim,), winner) for victim, winner in itertools.pairwise(txids)
    ]


async def test_a_replacement_below_the_threshold_is_told_too(node: Node, source: Bitcoind) -> None:
    coins = node.coins()[:3]
    async with NodeListener(source) as listener:
        await listener.settled()
        whale = node.send(node.whale(coins))
        await listener.seen(whale)
        cancel = node.send(node.whale(coins[:1], fee=Decimal("0.01")))

        replaced = await listener.replaced(whale)

    assert replaced.by.txid == cancel


async def test_a_block_tells_values_and_fees(node: Node, source: Bitcoind) -> None:
    async with NodeListener(source) as listener:
        await listener.settled()
        txid = node.send(node.whale())
        (hash_,) = node.mine()

        block = (await listener.block(hash_)).block

    assert block.entries
    assert [(entry.txid, entry.value, entry.fee) for entry in block.entries[1:]] == [
        (txid, Sats(150 * 100_000_000 - 10_000), 10_000)
    ]


async def test_a_whale_never_broadcast_is_in_the_block_only(node: Node, source: Bitcoind) -> None:
    async with NodeListener(source) as listener:
        await listener.settled()
        hash_ = node.call("generateblock", node.address(), [node.whale()])["hash"]

        block = (await listener.block(hash_)).block

    assert block.txids
    assert (len(block.txids), listener.count_seen(block.txids[1])) == (2, 0)


async def test_a_conflict_in_a_block_names_winner_and_loser(node: Node, source: Bitcoind) -> None:
    coins = node.coins()[:3]
    async with NodeListener(source) as listener:
        await listener.settled()
        loser = node.send(node.whale(coins))
        await listener.seen(loser)
        winner = node.whale(coins, fee=Decimal("0.0003"))
        node.call("generateblock", node.address(), [winner])

        replaced = await listener.replaced(loser)
        left = await listener.left(loser)

    assert (replaced.by.txid, replaced.mined) == (
        node.call("decoderawtransaction", winner)["txid"],
        True,
    )
    assert listener.position(replaced) < listener.position(left)


async def test_an_expired_whale_left_without_a_replacement(node: Node, source: Bitcoind) -> None:
    async with NodeListener(source) as listener:
        await listener.settled()
        coins = node.coins()
        whale = node.send(node.whale(coins[:3]))
        await listener.seen(whale)
        now = node.call("getblockchaininfo")["mediantime"]
        node.call("setmocktime", max(now, node.call("getmempoolentry", whale)["time"]) + 400 * 3600)
        node.send(node.whale(coins[3:6]))  # expiry is looked at when something arrives

        await listener.left(whale)

    assert "TransactionReplaced" not in listener.kinds()


async def test_a_reorg_tells_the_other_block_at_the_same_height(node: Node, source: Bitcoind) -> None:
    async with NodeListener(source) as listener:
        await listener.settled()
        whale = node.send(node.whale())
        await listener.seen(whale)
        (first,) = node.mine()
        await listener.block(first)
        mark = len(listener.received)
        node.call("invalidateblock", first)
        await listener.seen(whale, after=mark)
        other = node.call("generateblock", node.address(), [])["hash"]

        reported = await listener.block(other)

    assert (reported.block.height, whale in (reported.block.txids or ())) == (131, False)


async def test_a_block_that_comes_back_after_a_reorg_is_told_again(node: Node, source: Bitcoind) -> None:
    async with NodeListener(source) as listener:
        await listener.settled()
        whale = node.send(node.whale())
        (first,) = node.mine()
        await listener.block(first)
        node.call("invalidateblock", first)
        other = node.call("generateblock", node.address(), [])["hash"]
        await listener.block(other)
        mark = len(listener.received)
        node.call("reconsiderblock", first)
        node.call("invalidateblock", other)
        again = await listener.until(
            type(await listener.block(first)), lambda one: one.block.hash == first, mark
        )

    assert whale in (again.block.txids or ())


async def test_the_queue_is_projected_from_the_nodes_own_histogram(node: Node) -> None:
    txid = node.send(node.whale())
    source = source_of(node)
    async with NodeListener(source) as listener:
        (block,) = (await listener.until(QueueProjected)).blocks
    await source.close()

    entry = node.call("getmempoolentry", txid)
    assert (block.count, block.total_fees, block.vsize) == (1, 10_000, entry["vsize"])


async def test_the_mempool_is_measured(node: Node) -> None:
    node.send(node.whale())
    source = source_of(node)
    async with NodeListener(source) as listener:
        measured = await listener.until(MempoolMeasured)
    await source.close()

    assert (measured.count, measured.minimum_feerate, measured.limit_bytes) == (1, 1.0, 300_000_000)


async def test_what_waits_is_read_again_within_a_minute_though_nothing_happens(node: Node) -> None:
    """So beside a node alone forecasts follow the queue as closely as beside a backend."""
    node.send(node.whale())
    source = source_of(node)
    async with NodeListener(source) as listener:
        first = await listener.until(QueueProjected)
        again = await listener.until(QueueProjected, lambda one: one is not first)
    await source.close()

    assert again.blocks == first.blocks


async def test_no_estimate_yet_is_no_fees(source: Bitcoind) -> None:
    async with NodeListener(source) as listener:
        await listener.until(QueueProjected)

    assert not [one for one in listener.received if isinstance(one, FeesRecommended)]


async def test_a_synced_node_says_so_first(source: Bitcoind) -> None:
    async with NodeListener(source) as listener:
        synced = await listener.until(SourceSynced)

    assert synced.percent == 100.0
