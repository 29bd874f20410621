"""The appliance from start to stop: the port opens before anything else is imported."""

import asyncio
import importlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from app import allocator
from app.clock import Clock, SystemClock
from app.errors import SettingsError
from app.front_door import not_installed
from app.keyring import open_keyring
from app.own_thread import on_its_own_thread
from app.server import Server
from app.service_manager import ServiceManager
from app.settings import listen_address_of
from app.store import RUNNING, hold
from app.web import Entrance

if TYPE_CHECKING:
    from app.composition import Composition
    from app.settings import Settings

T = TypeVar("T")


class Unwaited(ThreadPoolExecutor):
    """An executor that is not awaited at exit: importing Panel can take longer than a stop may."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002 - the base's own
        super().shutdown(wait=False, cancel_futures=cancel_futures)


def run(environ: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT. `say` is called with the dashboard's address once it is certain.

    Raises:
        SpoutError: one line: why the start failed, and the remedy.
    """
    allocator.settle()
    asyncio.run(_run(environ, say))


async def _run(environ: Mapping[str, str], say: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(Unwaited(thread_name_prefix="beside"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stopped = asyncio.create_task(stop.wait())
    clock = SystemClock()
    entrance = _opened_at_once(environ, clock)
    try:
        settings = await _until(stopped, loop.run_in_executor(None, _read_settings, environ))
        if settings is not None:
            await _serve(settings, clock, entrance, stopped, say)
    finally:
        stopped.cancel()
        if entrance is not None:
            entrance.refuse_new()


async def _until(stopped: asyncio.Task[Any], work: Awaitable[T]) -> T | None:
    """Return what `work` returns; None if Spout is stopped before. What it raises is raised."""
    working = asyncio.ensure_future(work)
    await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    working.cancel()
    await asyncio.wait({working})
    return None if working.cancelled() else working.result()


def _opened_at_once(environ: Mapping[str, str], clock: Clock) -> Entrance | None:
    """Open the port before anything slow is imported; what is wrong with the address is said later."""
    address = listen_address_of(environ)
    entrance = Entrance(address, clock) if address else None
    if entrance is not None:
        with suppress(SettingsError):  # the server tries again, once it is known that the rest is right
            entrance.open()
    return entrance


def _read_settings(environ: Mapping[str, str]) -> "Settings":
    from app.settings import read_settings  # noqa: PLC0415 - pydantic comes once the port is open

    return read_settings(environ)


def _import_composition() -> ModuleType:
    # structlog would color tracebacks, which Spout does not show (4 MB); websockets would know proxies.
    with not_installed("rich", "python_socks"):
        return importlib.import_module("app.composition")


async def _serve(
    settings: "Settings",
    clock: Clock,
    entrance: Entrance | None,
    stopped: asyncio.Task[Any],
    say: Callable[[str], None],
) -> None:
    manager = ServiceManager.from_environment(os.environ, clock)
    keyring = open_keyring(settings.secret, settings.data_dir)
    release = hold(settings.data_dir, RUNNING)  # before the address is printed, lest it is another's
    server = Server(settings, keyring, clock, entrance)
    server.listen()
    say(server.url)
    manager.ready(server.url)
    alive = asyncio.create_task(manager.keep_alive())
    composition: Composition | None = None
    try:
        importing = on_its_own_thread(_import_composition)
        if (module := await _until(stopped, importing)) is not None:
            composition = module.Composition(settings, server, clock, keyring)
            await _until(stopped, composition.live())
    finally:
        manager.stopping()
        await server.close()
        if composition is not None:
            await composition.close()
        alive.cancel()
        release()
