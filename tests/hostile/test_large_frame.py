"""A whole mempool in one frame that is too large: 340 MB, 100,000 waiting, 300 MB for all of Spout."""

from pathlib import Path

import pytest

from tests.backend.process import BackendProcess
from tests.journey.spout import SpoutProcess
from tests.journey.waiting import until

FRAME_MB, MOST_MB, PEAK_MB = 340, 100, 300.0
WHALES, ENOUGH = 5_000, 10


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_frame_larger_than_it_may_be_is_refused_told_and_made_good(tmp_path: Path) -> None:
    """Whales lie close together here, so that the first ones are read soon; each is read like any other."""
    with BackendProcess() as backend:
        settings = {"SPOUT_MEMPOOL_URL": backend.url, "SPOUT_MAX_FRAME_MB": str(MOST_MB)}
        with SpoutProcess(tmp_path, **settings) as spout:
            spout.wait_for_pages()
            crowd = backend.call("big_frame", megabytes=FRAME_MB, whales=WHALES)
            until(lambda: len(spout.whales()) >= ENOUGH, "some of its whales", seconds=150)

            assert crowd["count"] > 100_000
            assert "SPOUT_MAX_FRAME_MB" in spout.log.read_text()
            assert spout.count("reconnects") == 1
            assert spout.memory_mb() < PEAK_MB
            assert spout.complaints() == []
