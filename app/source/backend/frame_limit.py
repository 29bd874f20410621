"""The maximum frame size (`SPOUT_MAX_FRAME_MB`), derived from the available memory."""

from pathlib import Path

import psutil

MOST_MB = 600
"""After a restart of the backend a whole mempool may arrive in one frame: up to 300 MB legitimately."""
LEAST_MB = 16
SHARE = 3
"""A frame is held once while received and once while decoded; the last third is for the decoded objects."""
_BYTES_PER_MB = 1024 * 1024
_CGROUP = Path("/sys/fs/cgroup")


def default_frame_mb(left_bytes: int | None = None) -> int:
    """Return the smaller of 600 MB and a third of `left_bytes`, the available memory."""
    left = what_is_left() if left_bytes is None else left_bytes
    return max(LEAST_MB, min(MOST_MB, left // SHARE // _BYTES_PER_MB))


def what_is_left(root: Path = _CGROUP) -> int:
    """Return the bytes available on the machine or in our cgroup, whichever is less."""
    left = int(psutil.virtual_memory().available)
    for limit_name, used_name in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        limit, used = _number(root / limit_name), _number(root / used_name)
        if limit is not None and used is not None:
            left = min(left, max(0, limit - used + _reclaimable(root / limit_name)))
    return left


def _reclaimable(limit_file: Path) -> int:
    """Return the page cache in a cgroup's usage, which the kernel can reclaim."""
    try:
        lines = (limit_file.parent / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    reported = dict(line.split(maxsplit=1) for line in lines if " " in line)
    return int(reported.get("inactive_file", reported.get("total_inactive_file", "0")))


def _number(path: Path) -> int | None:
    """Return the number in a file; None for `max`, and if there is no such file."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return int(text) if text.isascii() and text.isdigit() else None
