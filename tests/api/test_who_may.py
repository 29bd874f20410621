"""Who may what, as one table: each line one attempt, and the status that it gets."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest

from app.api.limits import STRANGER
from app.keyring import Keyring
from tests.api.conftest import READ, SECRET, Composition, OpenServer
from tests.fakes import NOON

PASSWORD = "open sesame"
HEALTH, KEYS = "/api/v1/health", "/api/v1/keys"
CLAIMS = {"iss": "spout", "sub": "id-reader", "scope": "read", "exp": int(NOON.timestamp()) + 60}
PROXY = "127.0.0.1"
Attempt = Callable[[Composition], Awaitable[httpx.Response]]


def asked(headers: dict[str, str], path: str = HEALTH) -> Attempt:
    return lambda composition: composition.http.get(path, headers=headers)


def with_token(algorithm: str = "HS256", **claims: Any) -> Attempt:
    key = Keyring(SECRET).derive("jwt") if algorithm != "none" else None
    token = jwt.encode(CLAIMS | claims, key, algorithm=algorithm)
    return asked({"Authorization": f"Bearer {token}"})


async def with_a_revoked_key(composition: Composition) -> httpx.Response:
    composition.keys.revoke("reader")
    return await composition.http.get(HEALTH, headers=READ)


async def with_a_cookie_after_logout(composition: Composition) -> httpx.Response:
    await log_in(composition)
    cookies = dict(composition.http.cookies)
    await composition.http.post("/logout", headers={"Origin": f"http://{composition.host}"})
    composition.http.cookies.update(cookies)
    return await composition.http.get(HEALTH)


async def with_a_cookie_from_a_foreign_page(composition: Composition) -> httpx.Response:
    await log_in(composition)
    return await composition.http.post(
        KEYS, json={"name": "theirs", "scope": "admin"}, headers={"Origin": "http://evil.example"}
    )


async def with_the_right_password_after_twenty_wrong(composition: Composition) -> httpx.Response:
    await twenty_wrong(composition)
    return await log_in(composition)


async def with_it_after_the_longest_wait(composition: Composition) -> httpx.Response:
    await twenty_wrong(composition)
    await composition.clock.advance(timedelta(minutes=5).total_seconds())
    return await log_in(composition)


async def with_a_key_after_others_wrong_passwords(composition: Composition) -> httpx.Response:
    await twenty_wrong(composition)
    return await composition.http.get(HEALTH, headers=READ)


async def with_a_key_after_others_wrong_keys(composition: Composition) -> httpx.Response:
    others_wrong_keys(composition, PROXY)
    return await composition.http.get(HEALTH, headers=READ)


def others_wrong_keys(composition: Composition, address: str) -> None:
    """As many as are answered at once."""
    for _ in range(STRANGER.amount):
        composition.limiter.take(STRANGER, address, composition.clock.monotonic())


async def log_in(composition: Composition, password: str = PASSWORD) -> httpx.Response:
    headers = {"Origin": f"http://{composition.host}"}
    return await composition.http.post("/login", data={"password": password, "next": "/"}, headers=headers)


async def twenty_wrong(composition: Composition) -> None:
    for _ in range(20):
        await log_in(composition, "wrong")


@pytest.mark.parametrize(
    ("attempt", "status"),
    [
        (asked({}), 401),
        (asked({"X-API-Key": "nobody"}), 401),
        (asked(READ), 200),
        (asked(READ, KEYS), 403),
        (with_a_revoked_key, 401),
        (with_token(), 200),
        (with_token(exp=int(NOON.timestamp()) - 1), 401),
        (with_token("none"), 401),
        (with_token(aud="another"), 401),
        (with_token(iss="another"), 401),
        (with_a_cookie_after_logout, 401),
        (with_a_cookie_from_a_foreign_page, 401),
        (with_the_right_password_after_twenty_wrong, 429),
        (with_it_after_the_longest_wait, 303),
        (with_a_key_after_others_wrong_passwords, 200),
        (with_a_key_after_others_wrong_keys, 200),
    ],
    ids=lambda value: value if isinstance(value, int) else getattr(value, "__name__", ""),
)
async def test_who_may_what(composition: Composition, attempt: Attempt, status: int) -> None:
    assert (await attempt(composition)).status_code == status


async def test_behind_one_proxy_a_good_key_is_never_refused_for_anothers_wrong_ones(
    open_server: OpenServer,
) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD, SPOUT_TRUSTED_PROXIES=PROXY)
    theirs, ours = ({"X-Forwarded-For": address} for address in ("192.0.2.1", "192.0.2.2"))
    others_wrong_keys(composition, "192.0.2.1")

    attempts = ({"X-API-Key": "guess", **theirs}, {**READ, **theirs}, {**READ, **ours})
    answers = [await composition.http.get(HEALTH, headers=headers) for headers in attempts]

    assert [answer.status_code for answer in answers] == [429, 200, 200]
