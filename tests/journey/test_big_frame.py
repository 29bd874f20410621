"""All of a mempool in one frame, as after a backend's restart: every whale found, nobody kept waiting."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.backend.process import BackendProcess
from tests.backend.transactions import a_whale
from tests.journey.spout import SpoutProcess
from tests.journey.waiting import until

MEGABYTES, WHALES = 100, 12
WORST_ANSWER_SECONDS = 1.0


class Pulse:
    """Asks `/healthz` all the time and remembers how long each answer took, in seconds."""

    def __init__(self, spout: SpoutProcess) -> None:
        self._url = f"http://127.0.0.1:{spout.port}/healthz"
        self.took: list[float] = []
        self._ended = threading.Event()

    @contextmanager
    def taken(self) -> Iterator[None]:
        thread = threading.Thread(target=self._ask, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join(timeout=30)

    def _ask(self) -> None:
        with httpx.Client(timeout=30, trust_env=False) as client:
            while not self._ended.wait(0.02):
                started = time.monotonic()
                client.get(self._url).raise_for_status()
                self.took.append(time.monotonic() - started)


@pytest.mark.timed
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_frame_of_100_megabytes_is_read_whole_while_others_are_answered(
    own_backend: BackendProcess, tmp_path: Path
) -> None:
    with SpoutProcess(tmp_path, SPOUT_MEMPOOL_URL=own_backend.url) as spout:
        spout.wait_for_pages()
        before, pulse = spout.memory_mb(), Pulse(spout)
        started = time.monotonic()
        with pulse.taken():
            crowd = own_backend.call("big_frame", megabytes=MEGABYTES, whales=WHALES)
            for txid in crowd["whales"]:
                spout.wait_for(txid, seconds=120, status="pending")
            until(lambda: spout.count("transactions") >= crowd["count"], "all of the frame", seconds=120)
            seconds = time.monotonic() - started
            own_backend.add(next_one := a_whale())
            spout.wait_for(next_one.txid, status="pending", seconds=60)
        peak = spout.memory_mb()
        print(
            f"\n{MEGABYTES} MB, {crowd['count']} transactions in {seconds:.1f} s; "
            f"/healthz at worst {max(pulse.took) * 1000:.0f} ms in {len(pulse.took)} asked; "
            f"peak {peak:.0f} MB (before: {before:.0f} MB, after: {spout.memory_mb('VmRSS'):.0f} MB)"
        )

        assert len(spout.whales()) == WHALES + 1
        assert (spout.count("shed"), spout.count("gaps"), spout.count("skipped_messages")) == (0, 0, 0)
        assert max(pulse.took) < WORST_ANSWER_SECONDS
        assert spout.complaints() == []
