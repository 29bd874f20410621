"""How the C library's allocator keeps memory and gives it back; where it is not glibc, nothing is done.

By itself glibc raises the size from which on a block is memory of its own (128 KiB) to that of the largest
ever freed: after one frame of 25 MB all of DuckDB's blocks of 256 KiB lie among small ones, and what is freed
of them stays. And each thread has an arena of its own, with holes of its own.
"""

import ctypes
from contextlib import suppress
from typing import Final

KIBIBYTE: Final = 1024
OF_ITS_OWN: Final = 128 * KIBIBYTE
"""From this size on a block is memory of its own, given back as soon as it is free."""
ARENAS: Final = 2
_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1
"""Parameters of mallopt(3)."""


def settle() -> None:
    """Keep few arenas and no free blocks; for a process that has not yet begun any thread."""
    with suppress(OSError, AttributeError):
        set_to = ctypes.CDLL("libc.so.6").mallopt
        set_to(_MMAP_THRESHOLD, OF_ITS_OWN)
        set_to(_TRIM_THRESHOLD, OF_ITS_OWN)
        set_to(_ARENA_MAX, ARENAS)


def hand_back() -> None:
    """Return free pages to the operating system."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
