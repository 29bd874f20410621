"""What the C library and the collector are told; in a process of its own, for they stay told."""

import subprocess
import sys

SHOWN = """
import ctypes
from app import allocator
allocator.settle()
libc = ctypes.CDLL("libc.so.6")
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
class Info(ctypes.Structure):
    _fields_ = [(str(number), ctypes.c_size_t) for number in range(10)]
libc.mallinfo2.restype = Info
libc.free(libc.malloc(24 * 1024 * 1024))
before = getattr(libc.mallinfo2(), "3")
libc.malloc(12 * 1024 * 1024)
print(getattr(libc.mallinfo2(), "3") - before)
"""


def test_after_a_large_block_was_freed_a_smaller_one_is_still_memory_of_its_own() -> None:
    run = subprocess.run(
        [sys.executable, "-c", SHOWN], capture_output=True, text=True, check=True, timeout=20
    )

    assert run.stdout.split() == ["1"]


FILLED = """
import gc
from app import allocator
allocator.settle()
collections = []
gc.callbacks.append(lambda phase, info: collections.append(info["generation"]))
kept = [[] for _ in range(allocator.YOUNG // 2)]
print(len(collections))
"""


def test_what_is_young_is_left_alone_for_thousands_of_objects() -> None:
    run = subprocess.run(
        [sys.executable, "-c", FILLED], capture_output=True, text=True, check=True, timeout=20
    )

    assert run.stdout.split() == ["0"]
