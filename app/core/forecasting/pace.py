"""Expected block interval, and vbytes a full block removes from our mempool."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

TARGET_SECONDS: Final = 600.0
WINDOW_BLOCKS: Final = 144
USUAL_CAPACITY_VBYTES: Final = 0.965 * 998_000
"""Vbytes a full block takes from our own mempool: the rest is paid out of band or unknown to us."""
_TRUST_IN_WINDOW: Final = 0.5  # the standard error of 144 intervals is as large as the drift they measure
_FULL_VBYTES: Final = 900_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Expected seconds to the next block (memoryless), and vbytes a full block takes of our mempool."""

    interval_seconds: float = TARGET_SECONDS
    capacity_vbytes: float = USUAL_CAPACITY_VBYTES


def pace_of(
    intervals_seconds: Sequence[float],
    known_vbytes: Sequence[float] = (),
    *,
    target_seconds: float | None = TARGET_SECONDS,
) -> Pace:
    """Estimate the pace from the last blocks (144 at most), oldest first.

    The mean interval is shrunk to the target: half of the deviation counts when the window is full, less
    when it is not. `known_vbytes` is what each block took from our own mempool; only full blocks count.
    Without `target_seconds` (regtest) the mean interval is used as it is.
    """
    recent = list(intervals_seconds)[-WINDOW_BLOCKS:]
    mean = sum(recent) / len(recent) if recent else target_seconds or TARGET_SECONDS
    if target_seconds is not None:
        trust = _TRUST_IN_WINDOW * len(recent) / WINDOW_BLOCKS
        mean = target_seconds * (1.0 + trust * (mean / target_seconds - 1.0))
    full = [size for size in list(known_vbytes)[-WINDOW_BLOCKS:] if size >= _FULL_VBYTES]
    weight = len(full) / (len(full) + 12.0)
    measured = sum(full) / len(full) if full else USUAL_CAPACITY_VBYTES
    capacity = weight * measured + (1.0 - weight) * USUAL_CAPACITY_VBYTES
    return Pace(interval_seconds=max(mean, 1.0), capacity_vbytes=capacity)
