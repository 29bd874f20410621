"""A real node that does not answer all we ask: what can be done without is left out.

After dashpay/platform#4358 and others.
"""

from collections.abc import Callable

import pytest

from app.core.observations import FeesRecommended, Gap, QueueProjected, StatusReply, TransactionReply
from app.core.questions import AskStatus, AskTransaction
from app.core.units import Txid
from app.source.resilience.health import ConnectionState
from tests.node.conftest import make_node, mined_directory, source_of
from tests.node.listener import NodeListener
from tests.node.node import Node

pytestmark = pytest.mark.node
__all__ = ["make_node", "mined_directory"]  # fixtures

NEEDED = (
    "getblockchaininfo,getmempoolinfo,getbestblockhash,getblock,getblockheader,getrawmempool,"
    "getrawtransaction"
)
THE_TESTS_OWN = "getnewaddress,listunspent,createrawtransaction,signrawtransactionwithwallet,"
THE_TESTS_OWN += "sendrawtransaction,generatetoaddress,loadwallet,listwallets"


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    return make_node("txindex=1", f"rpcwhitelist=spout:{NEEDED},{THE_TESTS_OWN}")


async def test_whales_and_blocks_go_on_with_the_least_that_is_allowed(node: Node) -> None:
    source = source_of(node)
    async with NodeListener(source) as listener:
        await listener.settled()
        whale = node.send(node.whale())
        await listener.seen(whale)
        (block,) = node.mine()
        await listener.block(block)
        condition = source.health.condition
    await source.close()

    assert (condition.state, condition.reconnects) == (ConnectionState.CONNECTED, 0)
    assert not [one for one in listener.received if isinstance(one, Gap | FeesRecommended)]


async def test_where_a_whale_is_can_be_said_without_its_entry(node: Node) -> None:
    source = source_of(node)
    whale = Txid(node.send(node.whale()))
    (waiting,) = await source.answer(AskStatus(whale))
    (whole,) = await source.answer(AskTransaction(whale, None))
    node.mine()
    (mined,) = await source.answer(AskStatus(whale))
    await source.close()

    assert isinstance(waiting, StatusReply)
    assert isinstance(whole, TransactionReply)
    assert isinstance(mined, StatusReply)
    assert (waiting.in_mempool, whole.block_hash) == (True, None)
    assert (mined.in_mempool, mined.height) == (False, 131)


async def test_what_is_left_out_is_named_with_the_setting(node: Node) -> None:
    source = source_of(node)
    async with NodeListener(source) as listener:
        await listener.until(QueueProjected)  # asked for after the estimates
        notes = " ".join(source.health.condition.notes)
    await source.close()

    assert "estimatesmartfee" in notes
    assert "rpcwhitelist" in notes
