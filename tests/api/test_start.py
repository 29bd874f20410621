"""The port comes first: before the settings are read, or Panel, DuckDB and the like are imported."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clock import SystemClock
from app.errors import SettingsError
from app.keyring import Keyring
from app.server import Server
from app.settings import ListenAddress, listen_address_of, read_settings
from app.web import Entrance
from tests.api.conftest import SECRET

ROOT = Path(__file__).parents[2]
HEAVY = (
    "argon2",
    "bokeh",
    "duckdb",
    "jwt",
    "panel",
    "numpy",
    "prometheus_client",
    "pydantic",
    "structlog",
)
OPEN_THE_PORT = f"""
import asyncio, sys
import app.appliance
from app.clock import SystemClock
from app.settings import ListenAddress
from app.web import Entrance

async def main():
    entrance = Entrance(ListenAddress("127.0.0.1", 0), SystemClock())
    entrance.open()
    print(entrance.port, [name for name in {HEAVY!r} if name in sys.modules], flush=True)
    await asyncio.sleep(30)

asyncio.run(main())
"""


def seconds_of(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, cwd=ROOT)
    return time.perf_counter() - began


def opened() -> tuple[float, bytes, str]:
    """Return the seconds until /healthz answered, its answer, and the heavy modules imported by then."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", OPEN_THE_PORT], cwd=ROOT, stdout=subprocess.PIPE, text=True
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


def test_the_port_is_open_about_as_soon_as_tornado_is_imported() -> None:
    tornado = min(seconds_of("-c", "import tornado.web, tornado.websocket") for _ in range(3))
    # The quickest of some: another process may take the machine at any moment.
    took, answer, heavy = min(opened() for _ in range(3))
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


async def test_before_the_settings_are_read_only_healthz_answers_and_the_rest_is_told_to_wait() -> None:
    entrance = Entrance(ListenAddress("127.0.0.1", 0), SystemClock())
    entrance.open()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{entrance.port}") as client:
            answers = [
                await client.get(path) for path in ("/healthz", "/", "/api/v1/predictions", "/metrics")
            ]
    finally:
        entrance.refuse_new()
        await entrance.close_connections()

    assert [(one.status_code, one.headers.get("Retry-After")) for one in answers] == [
        (200, None),
        *[(503, "1")] * 3,
    ]


@given(
    host=st.sampled_from(["", "127.0.0.1", " ::1 ", "[::1]", "localhost", "0.0.0.0", " "]),
    port=st.one_of(
        st.integers(-1, 70_000).map(str),
        st.sampled_from(["", " 80 ", "0x50", "8_0", "+80", "٨٠", "9" * 5_000]),
    ),
)
def test_the_port_that_opens_at_once_is_the_one_the_settings_name(host: str, port: str) -> None:
    environ = {"SPOUT_HOST": host, "SPOUT_PORT": port, "SPOUT_PASSWORD": "long enough"}
    try:
        settings = read_settings(environ)
    except SettingsError:
        settings = None

    address = listen_address_of(environ)

    assert address is None or (settings and (address.host, address.port) == (settings.host, settings.port))
