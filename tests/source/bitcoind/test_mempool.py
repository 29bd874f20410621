"""What the node's mempool is said to hold, while its fees are asked for."""

import asyncio

import httpx

from app.core.observations import Observation, TransactionSeen
from app.core.units import Sats
from app.source.bitcoind.mempool import MempoolDesk
from tests.builders import a_whale
from tests.fakes import LeapingClock
from tests.source.bitcoind.test_rpc import an_rpc

WHALE = a_whale(150)


def refuses(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


async def test_what_waits_for_its_fee_when_the_node_is_lost_is_reported_without_it() -> None:
    emitted: list[Observation] = []
    desk = MempoolDesk(an_rpc(refuses), LeapingClock(), Sats(1))

    async with asyncio.TaskGroup() as group:
        desk.open(emitted.append, group)
        desk.bytes_came(WHALE)
        desk.entered(WHALE.txid, 1)
        desk.end()

    assert [one.tx.txid for one in emitted if isinstance(one, TransactionSeen)] == [WHALE.txid]
