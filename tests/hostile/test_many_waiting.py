"""After a frame that was too large: all that waits is known by its txids alone, and is read in good time."""

import json
from typing import Any

from app.core.questions import AskMempool
from app.core.units import Txid
from app.source.backend.rest import MempoolRest
from app.source.backend.transport import RestAnswer
from app.source.resilience import Guard, SeenTxids
from tests.builders import a_txid
from tests.fakes import LeapingClock

WAITING = 5_000
TOOK_SECONDS = 0.002


class Backend:
    """Answers each question in 2 ms, of the injected clock."""

    def __init__(self, clock: LeapingClock, txids: list[Txid]) -> None:
        self._clock = clock
        self._txids = txids

    async def request(self, method: str, path: str, payload: bytes | None = None) -> RestAnswer:
        del method, payload
        await self._clock.sleep(TOOK_SECONDS)
        body: Any = self._txids if path.endswith("mempool/txids") else _small(path.rpartition("/")[2])
        return RestAnswer(status=200, body=json.dumps(body).encode(), as_of=self._clock.now())


def _small(txid: str) -> dict[str, Any]:
    vin = [{"txid": "aa" * 32, "vout": 0, "sequence": 0, "scriptsig": "", "witness": []}]
    out = [{"value": 1_000, "scriptpubkey": "0014" + "ab" * 20}]
    return {"txid": txid, "vin": vin, "vout": out, "fee": 200, "weight": 400, "status": {"confirmed": False}}


async def test_thousands_that_were_missed_are_read_soon_and_leave_the_backend_most_of_its_time() -> None:
    clock = LeapingClock()
    txids = [a_txid(str(number)) for number in range(WAITING)]
    rest = MempoolRest(Backend(clock, txids), Guard("backend", clock, lambda: 0.0), clock, SeenTxids())
    await rest.answer(AskMempool(""))
    started = clock.monotonic()
    read = [one async for one in rest.backlog()]
    seconds = clock.monotonic() - started

    assert len(read) == WAITING
    assert seconds < WAITING / 40
    assert seconds > 3 * TOOK_SECONDS * WAITING
