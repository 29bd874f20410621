"""Too little memory for all that waits: some is set aside, and nothing of it is lost."""

from pathlib import Path

import pytest

from tests.backend.process import BackendProcess
from tests.backend.transactions import BTC, a_whale
from tests.journey.spout import SpoutProcess
from tests.journey.waiting import until

ALWAYS_KEPT, WHALES = 100, 140


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_whales_set_aside_are_still_told_when_they_end(tmp_path: Path) -> None:
    # The program alone takes more than 80 MB, so that with this limit there is never enough.
    with (
        BackendProcess() as backend,
        SpoutProcess(tmp_path, SPOUT_MEMPOOL_URL=backend.url, SPOUT_MEMORY_LIMIT_MB="100") as spout,
    ):
        whales = [a_whale((101 + number) * BTC) for number in range(WHALES)]
        backend.add(*whales)
        until(lambda: spout.count("shed") == WHALES - ALWAYS_KEPT, "some are set aside", seconds=60)
        ear = spout.listen()
        assert spout.component("memory")["status"] == "degraded"
        assert "memory" in spout.notices()

        gone, *mined = whales
        backend.drop(gone)
        backend.call("mine_all")

        spout.wait_for(gone.txid, status="dropped", seconds=60)
        for whale in mined:
            spout.wait_for(whale.txid, status="confirmed", seconds=60)
        detected = [one["data"]["txid"] for one in tuple(ear.received) if one["type"] == "whale.detected"]
        assert sorted(detected) == sorted(whale.txid for whale in whales)
        assert [one["type"] for one in tuple(ear.received)].count("memory.pressure") == 1
        assert spout.complaints() == []
