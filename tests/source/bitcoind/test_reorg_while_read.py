"""A node whose chain is reorganised while its new blocks are being read, one after the other."""

from contextlib import aclosing
from typing import Any

import pytest

from app.core.observations import BlockConnected
from app.core.units import Sats
from app.source.bitcoind.source import Bitcoind
from app.source.resilience import SourceHealth
from tests.builders import a_txid
from tests.fakes import LeapingClock
from tests.source.bitcoind.test_pruned import TIP, PrunedNode
from tests.source.bitcoind.test_rpc import an_rpc


class ReorganisedNode(PrunedNode):
    """Three blocks come; when so many of them have been read, three others have taken their place."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after
        self.branch = ""

    def _result(self, method: str, params: list[Any]) -> Any:
        match method:
            case "getbestblockhash":
                return self._name(self.height, self.branch)
            case "getblock":
                header = self._header(params[0])
                self.after -= header["height"] > TIP
                if self.after < 0:
                    self.branch = "b"
                return self._header(params[0]) | {"tx": []}
        return super()._result(method, params)

    def _header(self, block: str) -> dict[str, Any]:
        height, branch = next(
            (height, branch)
            for height in range(TIP - 20, TIP + 4)
            for branch in ("", "b")
            if self._name(height, branch) == block
        )
        return {
            "hash": block,
            "height": height,
            "confirmations": 1 if height <= TIP or branch == self.branch else -1,
            "time": 1_700_000_000,
            "previousblockhash": self._name(height - 1, branch),
        }

    def _name(self, height: int, branch: str) -> str:
        return a_txid((height, branch if height > TIP else ""))


@pytest.mark.parametrize("read", [0, 1, 2])
async def test_a_block_that_has_left_the_best_chain_is_not_told_of(read: int) -> None:
    clock, node = LeapingClock(), ReorganisedNode(read)
    source = Bitcoind(an_rpc(node.answer), {}, clock, SourceHealth("bitcoind", clock), threshold=Sats(1))
    connected = list[tuple[int, str]]()
    async with aclosing(source.observations()) as everything:
        async for one in everything:
            if isinstance(one, BlockConnected):
                connected.append((one.block.height, one.block.hash))
                if one.block.hash == a_txid((TIP + 3, "b")):
                    break

    before = [(TIP + up, a_txid((TIP + up, ""))) for up in range(1, read + 1)]
    assert connected == [*before, *((TIP + up, a_txid((TIP + up, "b"))) for up in (1, 2, 3))]
