"""What the C library is told; in a process of its own, for it stays told."""

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
