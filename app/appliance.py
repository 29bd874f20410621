"""The appliance from its start to its end: the port opens before anything else is even imported."""

import asyncio
import importlib
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from app.clock import SystemClock
from app.keyring import open_keyring
from app.server import Server
from app.settings import Settings
from app.store.hold import hold

if TYPE_CHECKING:
    from app.house import House


LOCK = "running.lock"
"""In the data directory; the databases in it have locks of their own, which commands take too."""


class Unwaited(ThreadPoolExecutor):
    """Its threads hold up nobody's end: importing Panel can take longer than we have to stop."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002 - the base's own
        super().shutdown(wait=False, cancel_futures=cancel_futures)


async def run(settings: Settings, say: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT. `say` gets the dashboard's address once the port is open.

    Raises:
        SpoutError: one line about what stops the start, and how to mend it.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(Unwaited(thread_name_prefix="beside"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    clock = SystemClock()
    keyring = open_keyring(settings.secret, settings.data_dir)
    release = hold(settings.data_dir, LOCK)  # before the address is said: it would be another one's pages
    server = Server(settings, keyring, clock)
    server.listen()
    say(server.url)
    stopped = asyncio.create_task(stop.wait())
    house: House | None = None
    try:
        module = await loop.run_in_executor(None, importlib.import_module, "app.house")
        house = module.House(settings, server, clock)
        living = asyncio.create_task(house.live())
        await asyncio.wait({living, stopped}, return_when=asyncio.FIRST_COMPLETED)
        living.cancel()
        await asyncio.wait({living})
        if not living.cancelled() and (error := living.exception()):
            raise error
    finally:
        stopped.cancel()
        await server.close()
        if house is not None:
            await house.close()
        release()
