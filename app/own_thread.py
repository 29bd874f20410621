"""Work on a thread that ends with it, for what nests deep: imports took 1.8 MB of a stack, and it stayed."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


async def on_its_own_thread(work: Callable[[], T]) -> T:
    """Return what `work` returns; whoever is cancelled meanwhile does not wait for it."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="importing")
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, work)
    finally:
        thread.shutdown(wait=False, cancel_futures=True)
