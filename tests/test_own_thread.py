"""Work on a thread that ends with it."""

import asyncio
import threading

import pytest

from app.own_thread import on_its_own_thread


async def test_the_thread_ends_with_the_work() -> None:
    thread = await on_its_own_thread(threading.current_thread)

    await asyncio.to_thread(thread.join)
    assert thread is not threading.main_thread()


async def test_what_it_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await on_its_own_thread(lambda: 1 // 0)
