"""Decides whether a partial message still makes progress: single bytes are no sign of life. Pure.

A peer that sends a byte now and then, or a message that never ends, looks alive to the socket. A sign of life
is a complete message, or at least `STEP_BYTES` more of a partial one.
"""

STEP_BYTES = 64 * 1024
"""Number of further bytes of a partial message that count as a sign of life."""
GRACE_SECONDS = 60.0
SLOWEST_BYTES_A_SECOND = 100_000
"""Minimum rate: a message may take the grace plus a second per this many bytes: 300 MB, 50 minutes."""


class FrameProgress:
    def __init__(self) -> None:
        self._bytes = 0
        self._counted = 0
        self._seconds = 0.0

    def came(self, count: int) -> bool:
        """Count received bytes; return True if they are a sign of life."""
        self._bytes += count
        if self._bytes - self._counted < STEP_BYTES:
            return False
        self._counted = self._bytes
        return True

    def whole(self) -> None:
        """Note that a message is complete; the next one begins."""
        self._bytes = self._counted = 0
        self._seconds = 0.0

    def waited(self, seconds: float) -> None:
        """Add time during which we were ready to read; it counts only while a message is incomplete."""
        self._seconds = self._seconds + seconds if self._bytes else 0.0

    @property
    def is_endless(self) -> bool:
        """Whether the current message has taken longer than the minimum rate allows."""
        return self._seconds > GRACE_SECONDS + self._bytes / SLOWEST_BYTES_A_SECOND
