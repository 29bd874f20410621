"""The appliance from start to stop: the port opens before anything else is imported."""

import asyncio
import importlib
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from app.clock import SystemClock
from app.keyring import open_keyring
from app.server import Server
from app.service_manager import ServiceManager
from app.settings import Settings
from app.store import RUNNING, hold

if TYPE_CHECKING:
    from app.composition import Composition


class Unwaited(ThreadPoolExecutor):
    """An executor that is not awaited at exit: importing Panel can take longer than a stop may."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002 - the base's own
        super().shutdown(wait=False, cancel_futures=cancel_futures)


async def run(settings: Settings, say: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT. `say` is called with the dashboard's address once the port is open.

    Raises:
        SpoutError: one line: why the start failed, and the remedy.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(Unwaited(thread_name_prefix="beside"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    clock = SystemClock()
    manager = ServiceManager.from_environment(os.environ, clock)
    keyring = open_keyring(settings.secret, settings.data_dir)
    release = hold(settings.data_dir, RUNNING)  # before the address is printed, lest it is another's
    server = Server(settings, keyring, clock)
    server.listen()
    say(server.url)
    manager.ready(server.url)
    alive = asyncio.create_task(manager.keep_alive())
    stopped = asyncio.create_task(stop.wait())
    composition: Composition | None = None
    try:
        module = await loop.run_in_executor(None, importlib.import_module, "app.composition")
        composition = module.Composition(settings, server, clock, keyring)
        living = asyncio.create_task(composition.live())
        await asyncio.wait({living, stopped}, return_when=asyncio.FIRST_COMPLETED)
        living.cancel()
        await asyncio.wait({living})
        if not living.cancelled() and (error := living.exception()):
            raise error
    finally:
        manager.stopping()
        stopped.cancel()
        await server.close()
        if composition is not None:
            await composition.close()
        alive.cancel()
        release()
