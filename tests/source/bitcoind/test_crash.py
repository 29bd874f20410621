"""A node that comes back from a crash without its latest blocks, which it had not written to its disk."""

from contextlib import aclosing
from typing import Any

import httpx

from app.core.observations import BlockConnected, ChainListed, Observation, SourceConnected
from app.core.units import Sats
from app.source.bitcoind.source import Bitcoind
from app.source.resilience import SourceHealth
from tests.fakes import LeapingClock
from tests.source.bitcoind.test_pruned import TIP, PrunedNode
from tests.source.bitcoind.test_rpc import an_rpc

NEWEST = TIP + 3


class CrashingNode(PrunedNode):
    """Away for a while, then back at `lost` blocks less; it reads them again when it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self._refusals = 0

    def crash(self, lost: int) -> None:
        self._refusals, self.height = 5, NEWEST - lost

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self._refusals:
            self._refusals -= 1
            raise httpx.ConnectError("refused", request=request)
        return super().answer(request)

    def _result(self, method: str, params: list[Any]) -> Any:
        if method == "getblock":
            return self._header(params[0]) | {"tx": []}
        return super()._result(method, params)


async def reported_after_a_crash(lost: int) -> list[Observation]:
    """What follows the crash, up to the newest block, or to the connection if no block was lost."""
    node, clock = CrashingNode(), LeapingClock()
    source = Bitcoind(an_rpc(node.answer), {}, clock, SourceHealth("bitcoind", clock), threshold=Sats(1))
    reported: list[Observation] = []
    crashed = False
    async with aclosing(source.observations()) as everything:
        async for one in everything:
            if crashed:
                reported.append(one)
            newest = isinstance(one, BlockConnected) and one.block.height == NEWEST
            if crashed and (newest or (not lost and isinstance(one, SourceConnected))):
                break
            if newest and not crashed:
                crashed = True
                node.crash(lost)
    return reported


async def test_it_names_the_tip_that_it_fell_back_to_before_it_says_anything_else() -> None:
    reported = [
        one for one in await reported_after_a_crash(2) if isinstance(one, ChainListed | SourceConnected)
    ]

    assert isinstance(reported[0], ChainListed)
    assert reported[0].blocks[-1].height == NEWEST - 2
    assert isinstance(reported[1], SourceConnected)


async def test_the_blocks_that_it_reads_again_are_told_again() -> None:
    reported = await reported_after_a_crash(2)

    assert [one.block.height for one in reported if isinstance(one, BlockConnected)] == [NEWEST - 1, NEWEST]


async def test_one_that_lost_none_lists_nothing() -> None:
    assert not [one for one in await reported_after_a_crash(0) if isinstance(one, ChainListed)]
