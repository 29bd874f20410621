"""What the tracker asks, answered by a real node."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from app.core.observations import (
    BlockConnected,
    MempoolListed,
    PackageReply,
    Prevout,
    PrevoutsReply,
    StatusReply,
    TransactionReply,
)
from app.core.questions import AskBlock, AskMempool, AskPackage, AskPrevouts, AskStatus, AskTransaction
from app.core.units import BlockHash, Outpoint, Txid
from app.errors import SourceError
from app.source.bitcoind.source import Bitcoind
from tests.node.conftest import source_of
from tests.node.listener import NodeListener
from tests.node.node import Coin, Node

LOW = Decimal("0.00000600")
WITHOUT_LISTS = (
    "getmempoolentry,getmempoolinfo,getrawtransaction,getnewaddress,listunspent,createrawtransaction,"
    "signrawtransactionwithwallet,sendrawtransaction,loadwallet,listwallets"
)
"""What this needs itself, and Spout's own; not getmempoolancestors and getmempooldescendants."""
pytestmark = pytest.mark.node

NOBODYS = Txid("ab" * 32)


async def status(source: Bitcoind, txid: str) -> StatusReply:
    (reported,) = await source.answer(AskStatus(Txid(txid)))
    assert isinstance(reported, StatusReply)
    return reported


async def test_a_waiting_one_is_in_the_mempool(node: Node, source: Bitcoind) -> None:
    reported = await status(source, node.send(node.whale()))

    assert (reported.in_mempool, reported.block_hash) == (True, None)


async def test_a_mined_one_is_in_its_block(node: Node, source: Bitcoind) -> None:
    txid = node.send(node.whale())
    (block,) = node.mine()

    reported = await status(source, txid)

    assert (reported.in_mempool, reported.block_hash, reported.height) == (False, block, 131)


async def test_an_unknown_one_is_nowhere(source: Bitcoind) -> None:
    reported = await status(source, NOBODYS)

    assert (reported.in_mempool, reported.block_hash) == (False, None)


async def test_one_whose_block_went_stale_waits_again(node: Node, source: Bitcoind) -> None:
    txid = node.send(node.whale())
    (block,) = node.mine()
    before = await status(source, txid)
    node.call("invalidateblock", block)

    after = await status(source, txid)

    assert (before.block_hash, after.block_hash, after.in_mempool) == (block, None, True)


async def test_a_mined_one_is_found_without_txindex(make_node: Callable[..., Node]) -> None:
    node = make_node()
    source = source_of(node)
    txid = node.send(node.whale())
    (block,) = node.mine()
    node.mine(3)

    reported = await status(source, txid)
    await source.close()

    assert (reported.block_hash, reported.height) == (block, 131)


async def test_a_spent_one_of_a_block_just_heard_is_found_without_txindex(
    make_node: Callable[..., Node],
) -> None:
    node = make_node()
    source = source_of(node)
    async with NodeListener(source) as listener:
        await listener.settled()
        parent = node.send(node.whale())
        child = node.send(spend(node, parent))
        (block,) = node.mine()
        await listener.block(block)

        reported = await status(source, parent)
        (prevouts,) = await source.answer(AskPrevouts(Txid(child), (Outpoint(Txid(parent), 0),)))
    await source.close()

    assert isinstance(prevouts, PrevoutsReply)
    assert (reported.block_hash, [one.value for one in prevouts.prevouts.values() if one]) == (
        block,
        [150 * 100_000_000 - 10_000],
    )


async def test_the_winner_is_named_as_the_replacement(node: Node, source: Bitcoind) -> None:
    coins = node.coins()[:3]
    async with NodeListener(source) as listener:
        await listener.settled()
        first = node.send(node.whale(coins))
        await listener.seen(first)
        second = node.send(node.whale(coins, fee=Decimal("0.001")))
        await listener.replaced(first)

        reported = await status(source, first)

    assert (reported.in_mempool, reported.replaced_by) == (False, second)


async def test_prevouts_come_from_confirmed_and_from_waiting_parents(node: Node, source: Bitcoind) -> None:
    coins = node.coins()[:3]
    parent = node.send(node.whale(coins))
    child = node.send(spend(node, parent))
    points = tuple(Outpoint(Txid(coin.txid), coin.vout) for coin in coins)

    (of_parent,) = await source.answer(AskPrevouts(Txid(parent), points))
    (of_child,) = await source.answer(AskPrevouts(Txid(child), (Outpoint(Txid(parent), 0),)))

    assert isinstance(of_parent, PrevoutsReply)
    assert isinstance(of_child, PrevoutsReply)
    script = node.call("getrawtransaction", parent, 1)["vout"][0]["scriptPubKey"]["hex"]
    assert [prevout.value for prevout in of_parent.prevouts.values() if prevout] == [50 * 100_000_000] * 3
    assert list(of_child.prevouts.values()) == [Prevout(value=150 * 100_000_000 - 10_000, script=script)]


async def test_prevouts_of_a_mined_one_come_with_it(node: Node, source: Bitcoind) -> None:
    coins = node.coins()[:3]
    txid = node.send(node.whale(coins))
    node.mine()

    (reported,) = await source.answer(
        AskPrevouts(Txid(txid), tuple(Outpoint(Txid(coin.txid), coin.vout) for coin in coins))
    )

    assert isinstance(reported, PrevoutsReply)
    assert [prevout.value for prevout in reported.prevouts.values() if prevout] == [50 * 100_000_000] * 3


async def test_an_unknown_prevout_stays_unknown(source: Bitcoind) -> None:
    (reported,) = await source.answer(AskPrevouts(NOBODYS, (Outpoint(NOBODYS, 0),)))

    assert isinstance(reported, PrevoutsReply)
    assert list(reported.prevouts.values()) == [None]


async def test_a_mined_transaction_is_told_whole(node: Node, source: Bitcoind) -> None:
    txid = node.send(node.whale())
    (block,) = node.mine()

    (reported,) = await source.answer(AskTransaction(Txid(txid), BlockHash(block)))

    assert isinstance(reported, TransactionReply)
    assert (reported.tx.fee, reported.height, [spent.value for spent in reported.tx.inputs]) == (
        10_000,
        131,
        [50 * 100_000_000] * 3,
    )


async def test_a_transaction_of_a_stale_block_is_told_as_waiting(node: Node, source: Bitcoind) -> None:
    txid = node.send(node.whale())
    (block,) = node.mine()
    node.call("invalidateblock", block)

    (reported,) = await source.answer(AskTransaction(Txid(txid), BlockHash(block)))

    assert isinstance(reported, TransactionReply)
    assert (reported.tx.fee, reported.block_hash) == (10_000, None)


async def test_a_transaction_of_a_stale_block_alone_is_nowhere(node: Node, source: Bitcoind) -> None:
    (block,) = node.mine()
    coinbase = node.call("getblock", block)["tx"][0]
    node.call("invalidateblock", block)

    (reported,) = await source.answer(AskTransaction(Txid(coinbase), BlockHash(block)))

    assert isinstance(reported, StatusReply)
    assert (reported.in_mempool, reported.block_hash) == (False, None)


async def test_a_child_lifts_its_parents_package(node: Node, source: Bitcoind) -> None:
    parent = node.send(node.whale(fee=Decimal("0.00000600")))
    child = node.send(spend(node, parent, fee=Decimal("0.0005")))
    sizes = [node.call("getmempoolentry", txid)["vsize"] for txid in (parent, child)]

    (reported,) = await source.answer(AskPackage(Txid(parent)))

    assert isinstance(reported, PackageReply)
    assert (reported.package_feerate, reported.related) == (pytest.approx(50_600 / sum(sizes)), 1)


async def test_a_child_that_spends_something_rich_as_well_lifts_its_parent_by_what_it_pays_itself(
    node: Node, source: Bitcoind
) -> None:
    first, second = node.coins()[:3], node.coins()[3:6]
    poor, rich = node.send(node.whale(first, LOW)), node.send(node.whale(second, LOW * 200))
    total = sum((coin.amount for coin in (*first, *second)), Decimal(0)) - LOW * 201
    both = [{"txid": poor, "vout": 0}, {"txid": rich, "vout": 0}]
    raw = node.call("createrawtransaction", both, [{node.address(): str(total - LOW)}])
    child = node.send(node.call("signrawtransactionwithwallet", raw)["hex"])
    size = sum(node.call("getmempoolentry", one)["vsize"] for one in (poor, child))

    (reported,) = await source.answer(AskPackage(Txid(poor)))

    assert isinstance(reported, PackageReply)
    assert reported.package_feerate == pytest.approx(int(LOW * 2 * 100_000_000) / size)
    assert reported.members >= {rich}


async def test_a_rich_parent_does_not_lift_a_poor_one_by_its_child(node: Node, source: Bitcoind) -> None:
    rich = node.send(node.whale(fee=LOW * 200))
    poor = node.send(spend(node, rich, fee=LOW))
    node.send(spend(node, poor, fee=LOW))
    size = node.call("getmempoolentry", poor)["vsize"]

    (reported,) = await source.answer(AskPackage(Txid(poor)))

    assert isinstance(reported, PackageReply)
    assert reported.package_feerate == pytest.approx(int(LOW * 100_000_000) / size)


async def test_a_poor_child_of_two_rich_ones_with_a_poor_parent_pays_what_its_node_mines_it_for(
    make_node: Callable[..., Node],
) -> None:
    """Where Knots keeps no space for coin age, and mines whatever pays anything."""
    node = make_node("blockprioritysize=0", "blockmintxfee=0.00000001", "minrelaytxfee=0.000001")
    source = source_of(node)
    coins = node.coins()
    poor, large = many_outputs(node, coins[:4], [Decimal(90), Decimal(91)])
    richer, rich = (a_spender(node, coin, fee) for coin, fee in zip(large, (LOW * 12, LOW * 10), strict=True))
    merged = sum((coin.amount for coin in (richer, rich)), Decimal(0)) - Decimal("0.00000040")
    whale = node.send(node.sign([richer, rich], {node.address(): merged}))
    between = a_spender(node, coins[4], LOW).txid
    mined = [one["txid"] for one in node.call("getblocktemplate", {"rules": ["segwit"]})["transactions"]]

    at = [await package_feerate(source, one) for one in mined]
    await source.close()

    assert mined == [poor, richer.txid, rich.txid, between, whale]
    assert at == sorted(at, reverse=True)
    assert at[3] == pytest.approx(600 / node.call("getmempoolentry", between)["vsize"])
    assert at[-1] == pytest.approx(40 / node.call("getmempoolentry", whale)["vsize"])


@pytest.mark.parametrize("settings", [(), (f"rpcwhitelist=spout:{WITHOUT_LISTS}",)], ids=["all", "no lists"])
async def test_the_last_of_a_chain_pays_for_the_whale_whichever_calls_are_allowed(
    make_node: Callable[..., Node], settings: tuple[str, ...]
) -> None:
    node = make_node(*settings)
    source = source_of(node)
    chain = [a_spender(node, node.coins()[0], LOW)]
    while len(chain) < 24:
        chain.append(a_spender(node, chain[-1], LOW))
    chain.append(a_spender(node, chain[-1], LOW * 100))
    size = sum(node.call("getmempoolentry", one.txid)["vsize"] for one in chain)

    (reported,) = await source.answer(AskPackage(Txid(chain[0].txid)))
    await source.close()

    assert isinstance(reported, PackageReply)
    assert reported.package_feerate == pytest.approx(600 * 124 / size)
    assert reported.members == {one.txid for one in chain[1:]}


async def test_the_operators_own_fee_delta_changes_no_package(node: Node, source: Bitcoind) -> None:
    txid = node.send(node.whale())
    node.call("prioritisetransaction", txid, None, -10_000_000)

    (reported,) = await source.answer(AskPackage(Txid(txid)))

    assert isinstance(reported, PackageReply)
    assert reported.package_feerate == pytest.approx(10_000 / node.call("getmempoolentry", txid)["vsize"])


async def test_a_block_is_told_by_its_hash(node: Node, source: Bitcoind) -> None:
    txid = node.send(node.whale())
    (block,) = node.mine()

    (reported,) = await source.answer(AskBlock(BlockHash(block)))

    assert isinstance(reported, BlockConnected)
    assert txid in (reported.block.txids or ())


async def test_a_stale_block_is_not_told(node: Node, source: Bitcoind) -> None:
    (block,) = node.mine()
    node.call("invalidateblock", block)

    assert await source.answer(AskBlock(BlockHash(block))) == ()


async def test_the_mempool_is_listed_with_the_tip(node: Node, source: Bitcoind) -> None:
    txid = node.send(node.whale())

    tip, listed = await source.answer(AskMempool("a test"))

    assert isinstance(tip, BlockConnected)
    assert isinstance(listed, MempoolListed)
    assert (tip.block.height, listed.txids) == (130, {txid})


async def test_a_stopped_node_cannot_be_asked(node: Node, source: Bitcoind) -> None:
    node.stop()

    with pytest.raises(SourceError):
        await source.answer(AskStatus(NOBODYS))


async def package_feerate(source: Bitcoind, txid: str) -> float:
    (reported,) = await source.answer(AskPackage(Txid(txid)))
    assert isinstance(reported, PackageReply)
    assert reported.package_feerate is not None
    return reported.package_feerate


def many_outputs(node: Node, coins: list[Coin], large: list[Decimal]) -> tuple[str, list[Coin]]:
    """A transaction with thirty small outputs beside the large ones, at little more than 0.2 sat/vB."""
    amounts = {node.address(): amount for amount in (*large, *[Decimal("0.1")] * 30)}
    rest = sum((coin.amount for coin in coins), Decimal(0)) - sum(amounts.values()) - LOW / 2
    raw = node.sign(coins, {**amounts, node.address(): rest})
    outputs = node.call("decoderawtransaction", raw)["vout"]
    txid = node.send(raw)
    return txid, [Coin(txid, one["n"], one["value"]) for one in outputs if one["value"] in large]


def a_spender(node: Node, coin: Coin, fee: Decimal) -> Coin:
    """Send one coin on, and return the new one."""
    txid = node.send(node.sign([coin], {node.address(): coin.amount - fee}))
    return Coin(txid, 0, coin.amount - fee)


def spend(node: Node, parent: str, fee: Decimal = Decimal("0.0001")) -> str:
    amount = node.call("gettxout", parent, 0)["value"]
    return node.sign([Coin(parent, 0, amount)], {node.address(): amount - fee})
