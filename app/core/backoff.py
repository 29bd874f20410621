"""How long to wait before trying again."""


def backoff_seconds(attempt: int, chance: float, longest: float = 60.0) -> float:
    """Return 1, 2, 4 … `longest` seconds for attempts 1, 2, 3 …, less up to a quarter by `chance` (0..1).

    Many that lost the same far side must not all come back at once.
    """
    full = min(longest, 2.0 ** min(attempt - 1, 30))
    return float(full * (1 - chance / 4))
