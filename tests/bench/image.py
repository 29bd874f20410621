"""The container image: its size, its start in 300 MB, and the memory it takes while nothing happens.

Needs podman and an image (`make image`); where either is missing it prints no row.
"""

import shutil
import subprocess
import time
from collections.abc import Iterator

from tests.bench.rows import BenchRow, at_most, shown
from tests.packages.podman import IMAGE, Container, podman

BYTES_PER_MB = 1_000_000
SETTLED_SECONDS = 60
HEALTHZ_BAR_SECONDS = 5.0


def rows() -> Iterator[BenchRow]:
    if shutil.which("podman") is None or not _is_built():
        return
    size = int(podman("image", "inspect", "--format", "{{.Size}}", IMAGE))
    yield shown("image.size_mb", round(size / BYTES_PER_MB), "MB")
    volume = podman("volume", "create")
    try:
        # No neighbour answers: an appliance that waits for its node.
        with Container("spout-bench", volume=volume, SPOUT_SOURCE="mempool") as container:
            began = time.monotonic()
            yield at_most("image.healthz_s", container.start(), HEALTHZ_BAR_SECONDS, "s")
            container.wait(pages=True)
            yield shown("image.pages_s", time.monotonic() - began, "s")
            time.sleep(SETTLED_SECONDS)
            kilobytes = [int(one) for one in container.run("sh", "-c", RESIDENT).split()]
            yield shown("image.idle_mb", round(max(kilobytes) * 1024 / BYTES_PER_MB), "MB")
    finally:
        podman("volume", "rm", "--force", volume)


RESIDENT = "sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\) kB/\\1/p' /proc/[0-9]*/status"
"""Prints the resident memory of each process of the container, in kB; Spout's is the largest."""


def _is_built() -> bool:
    return subprocess.run(["podman", "image", "exists", IMAGE], check=False, timeout=30).returncode == 0
