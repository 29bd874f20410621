"""A node that names a tip of a chain that it does not have."""

from typing import Any

import pytest

from app.core.observations import BlockConnected
from app.core.questions import AskMempool
from app.core.units import Sats
from app.errors import SourceError
from app.source.bitcoind.source import Bitcoind
from app.source.resilience import SourceHealth
from tests.builders import a_txid
from tests.fakes import LeapingClock
from tests.source.bitcoind.test_pruned import TIP, PrunedNode
from tests.source.bitcoind.test_rpc import an_rpc


class Forger(PrunedNode):
    """Its chain ends at the tip; of the block that it names above it, it lacks the parent."""

    forged = a_txid("forged")

    def _result(self, method: str, params: list[Any]) -> Any:
        match method:
            case "getrawmempool":
                return []
            case "getbestblockhash":
                return self.forged
            case "getblockheader" if params == [self.forged]:
                return self._header(a_txid(TIP + 1)) | {
                    "hash": self.forged,
                    "previousblockhash": a_txid("nobody's"),
                }
            case "getblockheader" if params == [a_txid("nobody's")]:
                return None
        return super()._result(method, params)


class Ahead(PrunedNode):
    """Its chain has gone on; nothing of it was reported yet."""

    def _result(self, method: str, params: list[Any]) -> Any:
        self.height = TIP + 3
        return [] if method == "getrawmempool" else super()._result(method, params)


def source_of(node: PrunedNode) -> Bitcoind:
    clock = LeapingClock()
    return Bitcoind(an_rpc(node.answer), {}, clock, SourceHealth("bitcoind", clock), threshold=Sats(1))


async def test_a_tip_whose_parent_the_node_itself_does_not_have_is_no_answer() -> None:
    with pytest.raises(SourceError):
        await source_of(Forger()).answer(AskMempool("a test"))


async def test_a_tip_that_leads_far_down_is_told_though_nothing_was_reported_before() -> None:
    tip, _ = await source_of(Ahead()).answer(AskMempool("a test"))

    assert isinstance(tip, BlockConnected)
    assert tip.block.height == TIP + 3
