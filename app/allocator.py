"""How the C library's allocator keeps memory and gives it back, and how often Python looks for garbage.

Where the library is not glibc, it is left as it is.

By itself glibc raises the size from which on a block is memory of its own to that of the largest ever freed,
and keeps twice as much free: after one frame of 25 MB the next lies among small blocks, and what is freed of
it stays. And each thread has an arena of its own, with holes of its own.
"""

import ctypes
import gc
from contextlib import suppress
from typing import Final

MEBIBYTE: Final = 1024 * 1024
OF_ITS_OWN: Final = 8 * MEBIBYTE
"""From this size on a block is memory of its own, given back as soon as it is free.

With 128 KiB a frame of 330 MB, which is read in slices of less than this, took 1.5 times as long.
"""
FREE_AT_THE_END: Final = 1 * MEBIBYTE
ARENAS: Final = 2
YOUNG: Final = 10_000
"""New objects from one collection to the next. By Python's own 700 a flood of whales spent a tenth of its
time in collections that found nothing: what is young then is alive, or goes by itself."""
_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1
"""Parameters of mallopt(3)."""


def settle() -> None:
    """Keep few arenas and no free blocks, and collect seldom; for a process that has not begun any thread."""
    gc.set_threshold(YOUNG)
    with suppress(OSError, AttributeError):
        set_to = ctypes.CDLL("libc.so.6").mallopt
        set_to(_MMAP_THRESHOLD, OF_ITS_OWN)
        set_to(_TRIM_THRESHOLD, FREE_AT_THE_END)
        set_to(_ARENA_MAX, ARENAS)


def hand_back() -> None:
    """Return free pages to the operating system."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
