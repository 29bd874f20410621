"""Waiting with a time limit, by the given Clock."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from app.clock import Clock

T = TypeVar("T")


async def within(work: Coroutine[Any, Any, T], seconds: float, clock: Clock) -> T | None:
    """Return what `work` returns, or None on timeout; it is cancelled then."""
    task = asyncio.create_task(work)
    enough = asyncio.create_task(clock.sleep(seconds))
    try:
        await asyncio.wait({task, enough}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        enough.cancel()
        task.cancel()
        await asyncio.gather(task, enough, return_exceptions=True)
