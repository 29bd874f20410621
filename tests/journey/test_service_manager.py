"""The whole program under a service manager that listens: ready, alive, stopping."""

import socket
from pathlib import Path

from tests.journey.spout import SpoutProcess


def test_the_program_says_ready_gives_signs_of_life_and_says_that_it_stops(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(30)
        watched = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "600000"}
        with SpoutProcess(tmp_path, SPOUT_SOURCE="demo", **watched) as spout:
            first = manager.recv(4096).decode()
            signs = [manager.recv(4096) for _ in range(3)]
            code, _ = spout.stop()
        rest = list[bytes]()
        manager.settimeout(0.5)
        while not rest or rest[-1] != b"STOPPING=1":
            rest.append(manager.recv(4096))

    assert first.startswith("READY=1\n")
    assert signs == [b"WATCHDOG=1"] * 3
    assert code == 0
