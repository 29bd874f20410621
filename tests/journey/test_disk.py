"""A disk that fills up while Spout runs: it lives and says so, tells nothing it cannot keep, and goes on."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.backend.process import BackendProcess
from tests.backend.transactions import a_whale
from tests.journey.spout import SpoutProcess
from tests.journey.waiting import until

KIBIBYTE = 1024
MEGABYTES = 24


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small file system")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(disk: Path) -> Path:
    """Write until the disk refuses: what it has left may shrink meanwhile, for Spout writes too."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(64 * KIBIBYTE))
    return ballast


@pytest.mark.slow
def test_nothing_is_told_that_cannot_be_kept_and_all_of_it_once_there_is_room(
    own_backend: BackendProcess, small_disk: Path, tmp_path: Path
) -> None:
    settings = {"SPOUT_MEMPOOL_URL": own_backend.url, "SPOUT_DATA_DIR": str(small_disk)}
    with SpoutProcess(tmp_path, **settings) as spout:
        spout.wait_for_pages()
        own_backend.add(first := a_whale())
        ear = spout.listen()
        ear.wait_for("whale.detected", first.txid)
        ballast = fill(small_disk)
        whales = [a_whale() for _ in range(200)]
        for whale in whales:
            own_backend.add(whale)

        until(lambda: "store" in spout.notices(), "health says that nothing can be stored")

        assert spout.component("database")["status"] == "failed"
        assert spout.health()["status"] == "unhealthy"
        reported = {event["data"]["txid"] for event in ear.received}
        stored = {whale["txid"] for whale in spout.whales()}
        assert reported <= stored
        assert len(reported) < len(whales) + 1
        ballast.unlink()
        for whale in whales:
            ear.wait_for("whale.detected", whale.txid, seconds=60)
        until(lambda: "store" not in spout.notices(), "the notice goes")
        assert ear.sequences == list(range(1, len(ear.received) + 1))
        assert spout.complaints() == []
