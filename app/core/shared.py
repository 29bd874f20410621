"""Holds small equal sets once: even an empty frozenset takes 216 bytes, and every whale has some."""

from collections.abc import Hashable
from functools import lru_cache
from typing import Final, TypeVar

T = TypeVar("T", bound=Hashable)

MOST: Final = 512
"""Different sets: those of flags and of sources, a few dozen."""


def shared(values: frozenset[T]) -> frozenset[T]:
    """Return an equal set, the same one for all that are equal."""
    return _shared(values)


@lru_cache(MOST)
def _shared(values: frozenset[T]) -> frozenset[T]:
    return values
