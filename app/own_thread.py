"""Work on a thread that ends with it, for what nests deep: imports took 1.8 MB of a stack, and it stayed."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Unwaited(ThreadPoolExecutor):
    """An executor that is not awaited at exit: importing Panel can take longer than a stop may."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002 - the base's own
        super().shutdown(wait=False, cancel_futures=cancel_futures)


async def on_its_own_thread(work: Callable[[], T]) -> T:
    """Return what `work` returns; whoever is cancelled meanwhile does not wait for it."""
    thread = Unwaited(1, thread_name_prefix="importing")
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, work)
    finally:
        thread.shutdown()
