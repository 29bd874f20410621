"""Exponential backoff with jitter, for reconnects and retries."""


def backoff_seconds(attempt: int, chance: float, longest: float = 60.0, first: float = 1.0) -> float:
    """Return `first`, twice that, … `longest` seconds for attempts 1, 2 …, less a quarter at most.

    `chance`, 0..1, says how much less. The jitter keeps clients that lost the same server from reconnecting
    at the same moment.
    """
    full = min(longest, first * 2.0 ** min(attempt - 1, 30))
    return float(full * (1 - chance / 4))
