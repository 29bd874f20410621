"""The port comes first: before Panel, structlog, PyJWT, argon2 or the database's library are imported."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.errors import SettingsError
from app.keyring import Keyring
from app.server import Server
from app.settings import read_settings
from tests.api.conftest import SECRET

ROOT = Path(__file__).parents[2]
HEAVY = ("argon2", "bokeh", "duckdb", "jwt", "panel", "numpy", "prometheus_client", "structlog")
OPEN_THE_PORT = f"""
import asyncio, sys
from pathlib import Path
from app.clock import SystemClock
from app.keyring import open_keyring
from app.server import Server
from app.settings import read_settings

async def main():
    settings = read_settings({{"SPOUT_PORT": "0", "SPOUT_DATA_DIR": sys.argv[1]}})
    server = Server(settings, open_keyring(settings.secret, settings.data_dir), SystemClock())
    server.listen()
    print(server.port, [name for name in {HEAVY!r} if name in sys.modules], flush=True)
    await asyncio.sleep(30)

asyncio.run(main())
"""


def seconds_of(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, cwd=ROOT)
    return time.perf_counter() - began


def opened(room: Path) -> tuple[float, bytes, str]:
    """Return the seconds until /healthz answered, its answer, and the heavy modules imported by then."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", OPEN_THE_PORT, str(room)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port, _, heavy = process.stdout.readline().partition(" ")
            with socket.create_connection(("127.0.0.1", int(port)), timeout=5) as asked:
                asked.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                answer = asked.recv(100)
            return time.perf_counter() - began, answer, heavy
        finally:
            process.kill()


def test_the_port_is_open_about_as_soon_as_tornado_is_imported(tmp_path: Path) -> None:
    tornado = min(seconds_of("-c", "import tornado.web, tornado.websocket") for _ in range(3))
    # The quickest of some: another process may take the machine at any moment.
    took, answer, heavy = min(opened(tmp_path / str(number)) for number in range(3))
    print(f"port open and /healthz answered after {took:.3f} s; importing tornado alone took {tornado:.3f} s")

    assert answer.startswith(b"HTTP/1.1 200")
    assert heavy.strip() == "[]"
    assert took < 3 * tornado + 0.2


async def test_a_port_that_is_taken_is_refused_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = Server(read_settings({"SPOUT_PORT": str(port)}), Keyring(SECRET), SystemClock())

        with pytest.raises(SettingsError, match=f"SPOUT_PORT={port}: .*another SPOUT_PORT"):
            server.listen()
