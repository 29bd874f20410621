"""Sessions and keys that end: for every socket that lives by them, and after a restart too."""

import asyncio
import base64
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from app.api.stream import StreamLimits
from app.keyring import Keyring
from app.settings import Secret
from app.web.sessions import Sessions
from tests.api.conftest import READ, Composition, OpenServer
from tests.api.test_auth import HEALTH, PASSWORD, log_in
from tests.api.test_pages import bokeh_socket, session_of, with_pages
from tests.fakes import NOON, FakeClock

MONTH_SECONDS = timedelta(days=30).total_seconds()


async def open_socket(composition: Composition, path: str) -> Any:
    origin = f"http://{composition.host}"
    if path != "/ws":
        return await composition.socket(path, origin=origin, additional_headers=session_of(composition))
    socket = await bokeh_socket(composition, origin)
    async with asyncio.timeout(20):
        assert json.loads(await socket.recv())["msgtype"] == "ACK"
    return socket


async def close_code(socket: Any) -> int | None:
    try:
        async with asyncio.timeout(20):
            while True:
                await socket.recv()
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else None


async def ended_by_logout(composition: Composition) -> None:
    await composition.http.post("/logout", headers={"Origin": f"http://{composition.host}"})


async def ended_by_time(composition: Composition) -> None:
    for _ in range(3):  # who watches wakes, looks, and sleeps on
        await composition.clock.advance(MONTH_SECONDS)


async def ended_by_a_new_password(composition: Composition) -> None:
    composition.server.gate.sessions.change_password(Secret("another one"))


@pytest.mark.parametrize("path", ["/ws", "/api/v1/live", "/api/v1/stream"])
@pytest.mark.parametrize("end", [ended_by_logout, ended_by_time, ended_by_a_new_password])
async def test_every_socket_of_a_session_ends_with_it(open_server: OpenServer, path: str, end: Any) -> None:
    composition = await with_pages(open_server, SPOUT_PASSWORD=PASSWORD)
    await log_in(composition)
    socket = await open_socket(composition, path)
    if path == "/api/v1/stream":
        await socket.recv()
    await end(composition)
    for _ in range(3):
        await composition.clock.advance(5)

    assert await close_code(socket) == 4401


@pytest.mark.parametrize("path", ["/api/v1/live", "/api/v1/stream"])
async def test_a_socket_that_needed_no_login_ends_when_a_password_is_set(
    open_server: OpenServer, path: str
) -> None:
    composition = await with_pages(open_server, limits=StreamLimits(check_seconds=5))
    socket = await composition.socket(path, origin=f"http://{composition.host}")
    if path == "/api/v1/stream":
        await socket.send("{}")
        await socket.recv()
    composition.server.gate.change_password(Secret("a first one"))
    await composition.clock.advance(5)

    assert await close_code(socket) == 4401


async def test_a_stream_ends_when_its_key_is_revoked(open_server: OpenServer) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD, limits=StreamLimits(check_seconds=5))
    socket = await composition.socket(additional_headers=READ)
    await socket.recv()
    composition.keys.revoke("reader")
    await composition.clock.advance(5)

    assert await close_code(socket) == 4401


async def test_what_was_logged_out_stays_so_over_a_restart(open_server: OpenServer) -> None:
    first = await open_server(SPOUT_PASSWORD=PASSWORD)
    await log_in(first)
    session = session_of(first)
    await ended_by_logout(first)
    await first.server.close()
    second = await open_server(SPOUT_PASSWORD=PASSWORD)

    assert (await second.http.get(HEALTH, headers=session)).status_code == 401


async def test_two_spouts_on_one_host_do_not_log_each_other_out(open_server: OpenServer) -> None:
    first = await open_server(SPOUT_PASSWORD=PASSWORD)
    second = await open_server(SPOUT_PASSWORD=PASSWORD, secret=b"of another data directory, also long")
    await log_in(first)
    second.http.cookies = first.http.cookies  # one browser: cookies do not tell ports apart
    await log_in(second)

    statuses = [(await one.http.get(HEALTH)).status_code for one in (first, second, first)]

    assert statuses == [200, 200, 200]


async def test_two_with_the_same_secret_are_told_apart_by_their_ports(open_server: OpenServer) -> None:
    names = set()
    for port in ("0", "18411"):
        composition = await open_server(SPOUT_PASSWORD=PASSWORD, SPOUT_PORT=port)
        names.add(composition.server.gate.sessions.cookie_name)

    assert len(names) == 2


@pytest.mark.parametrize("damage", [b"", b"[]", b"{", b'{"x": "y"}', b"[" * 5_000])
def test_a_damaged_list_of_ended_sessions_keeps_nobody_out(tmp_path: Any, damage: bytes) -> None:
    from app.web.ended import EndedSessions  # noqa: PLC0415

    path = tmp_path / "ended"
    path.write_bytes(damage)

    assert "x" not in EndedSessions(path)


@pytest.mark.parametrize("said", ["page:x", "device:x", "x", "x.y", ".", "x.-1", "x.99999999999999999999"])
def test_what_was_signed_for_something_else_is_no_session(said: str) -> None:
    sessions = Sessions(Keyring(b"x"), None, FakeClock().now)

    assert sessions.read(signed(said, Keyring(b"x"))) is None


def test_what_was_signed_as_a_session_is_one() -> None:
    sessions = Sessions(Keyring(b"x"), None, FakeClock().now)
    until = int((NOON + timedelta(days=1)).timestamp())

    assert sessions.read(signed(f"x.{until}", Keyring(b"x"))) is not None


def signed(payload: str, keyring: Keyring) -> str:
    """A cookie as Spout signs it where no password is set."""
    digest = hmac.digest(keyring.derive("session", b""), payload.encode(), "sha256")
    return f"{payload}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
