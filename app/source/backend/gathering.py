"""Decides when the frames of a flood are left to gather before they are read. Pure.

A network card does so with its interrupts. What a frame of a dozen transactions costs on its way through the
event loop and the pipeline is nearly the same for forty of them.
"""

import math
from collections import deque
from typing import Final

FLOOD_FRAMES: Final = 16
FLOOD_SECONDS: Final = 0.04
"""So many frames in so little time: four hundred a second. A calm backend polls its node every 2 s."""
GATHER_SECONDS: Final = 0.005
"""How long to let them gather: so much later a whale in a flood may be told."""
SMALL_READ: Final = 64 * 1024
"""Bytes. After a larger read there is more to read already."""
FEWEST: Final = 4
"""Frames. Where fewer gather the sender has to wait for us: no more of them fit between two machines."""
LEFT_SECONDS: Final = 0.1
"""How long nothing is left to gather then."""


class Gathering:
    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=FLOOD_FRAMES)
        self._read: int | None = None
        """Bytes of the latest read, until a frame of it was counted."""
        self._gathered: int | None = None
        """Frames since the last wait; None if there was none lately."""
        self._not_before = -math.inf

    def came(self, count: int) -> None:
        """Note that so many bytes were read from the network."""
        self._read = count

    def is_due(self, at: float) -> bool:
        """Count a frame, at this monotonic time in seconds; return whether others should gather first.

        What was read together is not waited for again.
        """
        self._times.append(at)
        gathered, self._gathered = self._gathered, None if self._gathered is None else self._gathered + 1
        read, self._read = self._read, None
        is_flood = len(self._times) == FLOOD_FRAMES and at - self._times[0] < FLOOD_SECONDS
        if not is_flood or read is None or read >= SMALL_READ or at < self._not_before:
            return False
        if gathered is not None and gathered < FEWEST:
            self._gathered, self._not_before = None, at + LEFT_SECONDS
            return False
        self._gathered = 0
        return True

    def joined(self, at: float) -> None:
        """Count a frame that came together with the one before it."""
        self._times.append(at)
        self._gathered = None if self._gathered is None else self._gathered + 1
        self._read = None

    def done(self) -> None:
        """Note that they have gathered: what was read meanwhile does not wait for others too."""
        self._read = None
