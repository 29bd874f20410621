"""What systemd hears of us, on a socket of the test's own."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.service_manager import ServiceManager
from tests.fakes import FakeClock

URL = "http://127.0.0.1:8411/"


class Manager:
    """Stands in for systemd's end of the socket."""

    def __init__(self, address: str) -> None:
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.bind(address)
        self._line.setblocking(False)

    def received(self) -> list[str]:
        found: list[str] = []
        while True:
            try:
                found.append(self._line.recv(4096).decode())
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._line.close()


@pytest.fixture
def address(tmp_path: Path) -> str:
    return str(tmp_path / "notify")


@pytest.fixture
def manager(address: str) -> Iterator[Manager]:
    listening = Manager(address)
    yield listening
    listening.close()


def ours(clock: FakeClock | None = None, **environ: str) -> ServiceManager:
    return ServiceManager.from_environment(environ, clock or FakeClock())


def test_it_is_told_that_spout_is_ready_and_where(manager: Manager, address: str) -> None:
    ours(NOTIFY_SOCKET=address).ready(URL)

    assert manager.received() == [f"READY=1\nSTATUS=The dashboard is at {URL}"]


def test_it_is_told_of_the_stop(manager: Manager, address: str) -> None:
    ours(NOTIFY_SOCKET=address).stopping()

    assert manager.received() == ["STOPPING=1"]


def test_a_socket_without_a_file_is_found_by_its_name() -> None:
    name = f"spout-test-{os.getpid()}"
    manager = Manager(f"\0{name}")

    ours(NOTIFY_SOCKET=f"@{name}").stopping()

    assert manager.received() == ["STOPPING=1"]
    manager.close()


@pytest.mark.parametrize("process", [None, str(os.getpid())], ids=["any process", "this process"])
async def test_three_signs_of_life_come_within_each_limit(
    manager: Manager, address: str, process: str | None
) -> None:
    clock = FakeClock()
    more = {} if process is None else {"WATCHDOG_PID": process}
    alive = asyncio.create_task(
        ours(clock, NOTIFY_SOCKET=address, WATCHDOG_USEC="60000000", **more).keep_alive()
    )

    await clock.advance(0)
    for _ in range(3):
        await clock.advance(20)

    assert manager.received() == ["WATCHDOG=1"] * 4
    alive.cancel()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"},
    ],
)
async def test_without_a_watchdog_of_ours_there_are_no_signs(
    manager: Manager, address: str, environ: dict[str, str]
) -> None:
    await ours(NOTIFY_SOCKET=address, **environ).keep_alive()

    assert manager.received() == []


@pytest.mark.parametrize("socket_name", ["", "relative", "/nowhere/notify"])
def test_where_nobody_listens_nothing_happens(socket_name: str) -> None:
    manager = ours(NOTIFY_SOCKET=socket_name)

    manager.ready(URL)

    manager.stopping()
