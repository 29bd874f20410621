"""Whoever guesses keys or passwords slows down himself, not others; also behind a proxy."""

import httpx
import pytest

from app.api.limits import STRANGER
from app.api.throttle import Throttle
from tests.api.conftest import Composition, OpenServer
from tests.api.test_auth import HEALTH, PASSWORD

GUESSER, OPERATOR = "192.0.2.10", "192.0.2.20"


@pytest.fixture
async def proxied(open_server: OpenServer) -> Composition:
    return await open_server(SPOUT_PASSWORD=PASSWORD, SPOUT_TRUSTED_PROXIES="127.0.0.1")


async def try_password(composition: Composition, password: str, address: str) -> httpx.Response:
    reported = {"Origin": f"http://{composition.host}", "X-Forwarded-For": address}
    return await composition.http.post("/login", data={"password": password}, headers=reported)


async def test_a_script_with_a_revoked_key_shuts_no_good_key_out(composition: Composition) -> None:
    for _ in range(STRANGER.amount - 1):
        composition.limiter.take(STRANGER, "127.0.0.1", composition.clock.monotonic())
    statuses = {
        (await composition.http.get(HEALTH, headers={"X-API-Key": "revoked"})).status_code for _ in range(3)
    }

    good = await composition.http.get(HEALTH, headers={"X-API-Key": "reader"})

    assert (statuses, good.status_code) == ({401, 429}, 200)


async def test_a_good_key_on_the_stream_is_not_shut_out_either(composition: Composition) -> None:
    for _ in range(90):
        await composition.http.get(HEALTH, headers={"X-API-Key": "revoked"})
    socket = await composition.socket()
    await socket.send('{"key": "reader"}')

    assert "authenticated" in str(await socket.recv())


async def test_the_guesser_waits_and_the_operator_does_not(proxied: Composition) -> None:
    for _ in range(6):
        await try_password(proxied, "wrong", GUESSER)

    assert (await try_password(proxied, PASSWORD, GUESSER)).status_code == 429
    assert (await try_password(proxied, PASSWORD, OPERATOR)).status_code == 303


def test_guesses_from_many_addresses_cost_the_operator_a_second() -> None:
    throttle = Throttle()
    for number in range(60):
        throttle.begin(f"198.51.100.{number}", 0.0)

    assert (throttle.begin(OPERATOR, 0.0), throttle.begin(OPERATOR, 1.0)) == (1, 0)


async def test_a_browser_that_has_logged_in_before_is_slowed_down_by_nobody(proxied: Composition) -> None:
    await try_password(proxied, PASSWORD, OPERATOR)
    device = {name: value for name, value in proxied.http.cookies.items() if name.startswith("spout_device")}
    proxied.http.cookies.clear()
    for _ in range(6):
        await try_password(proxied, "wrong", GUESSER)
    proxied.http.cookies.update(device)

    assert (await try_password(proxied, PASSWORD, GUESSER)).status_code == 303
