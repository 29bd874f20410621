from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest

from app.api.limits import KEY, Limiter
from app.api.login import safe_path
from app.api.throttle import Throttle
from app.keyring import Keyring
from app.web.origin import asked_on_this_machine, same_origin
from app.web.sessions import COOKIE
from tests.api.conftest import ADMIN, READ, SECRET, House, OpenHouse
from tests.api.fakes import NOON

PASSWORD = "open sesame"
HEALTH = "/api/v1/health"


async def log_in(house: House, password: str = PASSWORD, **headers: str) -> httpx.Response:
    told = {"Origin": f"http://{house.host}", **headers}
    return await house.http.post("/login", data={"password": password, "next": "/"}, headers=told)


async def token_of(house: House) -> str:
    answer = await house.http.post("/api/v1/tokens", headers=READ)
    return str(answer.json()["token"])


@pytest.mark.parametrize(
    "headers", [READ, {"Authorization": "Bearer reader"}, {"authorization": "bearer  reader"}]
)
async def test_a_key_opens_the_api_in_either_header(house: House, headers: dict[str, str]) -> None:
    assert (await house.http.get(HEALTH, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "nobody"},
        {"X-API-Key": ""},
        {"X-API-Key": "x" * 5_000},
        {"Authorization": "Basic cmVhZGVyOng="},
        {"Authorization": "Bearer a.b.c"},
        {"Authorization": "Bearer"},
        {"X-API-Key": "reader", "Authorization": "Bearer chief"},
    ],
)
async def test_without_a_good_key_the_api_is_closed(house: House, headers: dict[str, str]) -> None:
    answer = await house.http.get(HEALTH, headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_revoked_key_opens_nothing(house: House) -> None:
    house.keys.revoke("reader")

    assert (await house.http.get(HEALTH, headers=READ)).status_code == 401


async def test_a_token_opens_the_api_until_it_expires(house: House) -> None:
    headers = {"Authorization": f"Bearer {await token_of(house)}"}

    before = await house.http.get(HEALTH, headers=headers)
    await house.clock.advance(600)
    after = await house.http.get(HEALTH, headers=headers)

    assert (before.status_code, after.status_code) == (200, 401)
    assert after.json()["error"]["message"] == "the token has expired"


async def test_a_tokens_end_is_told(house: House) -> None:
    body = (await house.http.post("/api/v1/tokens", json={"key": "chief"})).json()

    assert (body["expires_in"], body["expires_at"]) == (600, "2026-11-22T12:10:00.000Z")
    assert (body["scope"], body["token_type"]) == ("read", "Bearer")


async def test_a_token_of_a_revoked_key_opens_nothing(house: House) -> None:
    headers = {"Authorization": f"Bearer {await token_of(house)}"}
    house.keys.revoke("reader")

    assert (await house.http.get(HEALTH, headers=headers)).status_code == 401


async def test_a_token_gives_no_token(house: House) -> None:
    headers = {"Authorization": f"Bearer {await token_of(house)}"}

    assert (await house.http.post("/api/v1/tokens", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("claims", "key", "algorithm"),
    [
        ({}, b"another key that is long enough!", "HS256"),
        ({"scope": "root"}, None, "HS256"),
        ({"iss": "somebody"}, None, "HS256"),
        ({"sub": None}, None, "HS256"),
        ({"exp": "soon"}, None, "HS256"),
        ({}, Keyring(SECRET).derive("jwt") * 2, "HS512"),
        ({}, "", "none"),
    ],
)
async def test_a_forged_token_opens_nothing(
    house: House, claims: dict[str, Any], key: Any, algorithm: str
) -> None:
    good = {"iss": "spout", "sub": "id-reader", "scope": "read", "exp": int(NOON.timestamp()) + 60}
    told = {name: value for name, value in (good | claims).items() if value is not None}
    signing = Keyring(SECRET).derive("jwt") if key is None else key
    forged = jwt.encode(told, signing, algorithm=algorithm)

    answer = await house.http.get(HEALTH, headers={"Authorization": f"Bearer {forged}"})

    assert answer.status_code == 401


async def test_a_session_is_no_key_for_a_token(house: House) -> None:
    await log_in(house)

    answer = await house.http.post("/api/v1/tokens", headers={"Origin": f"http://{house.host}"})

    assert answer.json()["error"]["code"] == "key_needed"


async def test_the_limit_is_told_and_then_kept(house: House) -> None:
    first = await house.http.get(HEALTH, headers=READ)
    for _ in range(KEY.amount - 1):
        house.server._parts.limiter.take(KEY, "key:id-reader", house.clock.monotonic())
    refused = await house.http.get(HEALTH, headers=READ)
    await house.clock.advance(1)
    again = await house.http.get(HEALTH, headers=READ)

    assert first.headers["RateLimit-Policy"] == '"key";q=600;w=60'
    assert first.headers["RateLimit"] == '"key";r=599;t=1'
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert again.status_code == 200


async def test_the_limit_of_one_key_is_not_anothers(house: House) -> None:
    for _ in range(KEY.amount):
        house.server._parts.limiter.take(KEY, "key:id-reader", house.clock.monotonic())

    assert (await house.http.get(HEALTH, headers=ADMIN)).status_code == 200


async def test_who_guesses_keys_is_stopped(house: House) -> None:
    statuses = [
        (await house.http.get(HEALTH, headers={"X-API-Key": f"guess{number}"})).status_code
        for number in range(62)
    ]

    assert (statuses[0], statuses[-1]) == (401, 429)


def test_the_limiter_forgets_the_oldest_of_too_many() -> None:
    limiter = Limiter()
    for number in range(10_001):
        limiter.take(KEY, str(number), 0.0)

    assert len(limiter._buckets) == 10_000


async def test_the_password_opens_a_session_that_reads(house: House) -> None:
    answer = await log_in(house)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert (await house.http.get(HEALTH)).status_code == 200


async def test_the_sessions_cookie_is_out_of_reach_of_scripts(house: House) -> None:
    cookie = (await log_in(house)).headers["Set-Cookie"]

    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


async def test_behind_tls_the_cookie_is_secure(house: House) -> None:
    answer = await log_in(house, **{"X-Forwarded-Proto": "https"})

    assert answer.headers["Set-Cookie"].endswith("; Secure")


async def test_a_session_survives_a_restart(open_house: OpenHouse) -> None:
    first = await open_house(SPOUT_PASSWORD=PASSWORD)
    await log_in(first)
    second = await open_house(SPOUT_PASSWORD=PASSWORD)

    second.http.cookies.update(first.http.cookies)
    answer = await second.http.get(HEALTH)

    assert answer.status_code == 200


async def test_a_new_password_ends_every_session(open_house: OpenHouse) -> None:
    first = await open_house(SPOUT_PASSWORD=PASSWORD)
    await log_in(first)
    second = await open_house(SPOUT_PASSWORD="another one")

    second.http.cookies.update(first.http.cookies)
    answer = await second.http.get(HEALTH)

    assert answer.status_code == 401


async def test_a_session_ends_by_itself(house: House) -> None:
    await log_in(house)
    await house.clock.advance(timedelta(days=31).total_seconds())

    assert (await house.http.get(HEALTH)).status_code == 401


async def test_a_session_that_was_logged_out_counts_no_more(house: House) -> None:
    await log_in(house)
    cookies = dict(house.http.cookies)
    await house.http.post("/logout", headers={"Origin": f"http://{house.host}"})
    house.http.cookies.update(cookies)

    assert (await house.http.get(HEALTH)).status_code == 401


async def test_a_foreign_page_cannot_log_the_operator_out(house: House) -> None:
    await log_in(house)

    await house.http.post("/logout", headers={"Origin": "http://evil.example"})

    assert (await house.http.get(HEALTH)).status_code == 200


@pytest.mark.parametrize("change", ["x", ".", ".1.x", "😀"])
async def test_a_changed_cookie_is_no_session(house: House, change: str) -> None:
    await log_in(house)
    cookie = house.http.cookies[COOKIE] + change
    house.http.cookies.clear()

    answer = await house.http.get(HEALTH, headers={"Cookie": f"{COOKIE}={cookie}".encode()})

    assert answer.status_code == 401


@pytest.mark.parametrize("origin", ["http://evil.example", "null", ""])
async def test_a_login_from_another_site_is_refused(house: House, origin: str) -> None:
    answer = await log_in(house, Origin=origin)

    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


async def test_a_wrong_password_is_refused_and_slowed_down(house: House) -> None:
    statuses = [(await log_in(house, "wrong")).status_code for _ in range(6)]
    right = await log_in(house)
    await house.clock.advance(2)
    later = await log_in(house)

    assert statuses == [401] * 5 + [429]
    assert (right.status_code, right.headers["Retry-After"]) == (429, "2")
    assert later.status_code == 303


def test_waits_double_up_to_five_minutes() -> None:
    throttle, at, waits = Throttle(), 0.0, []
    for _ in range(15):
        wait = throttle.begin("192.0.2.1", at)
        waits.append(wait)
        if wait:
            at += wait
            throttle.begin("192.0.2.1", at)

    assert waits == [0] * 5 + [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_one_home_of_ipv6_is_one_address() -> None:
    throttle = Throttle()
    for number in range(5):
        throttle.begin(f"2001:db8::{number:x}", 0.0)

    assert throttle.begin("2001:db8::ffff", 0.0) > 0
    assert throttle.begin("2001:db8:0:1::1", 0.0) == 0


def test_many_addresses_together_are_slowed_down_too() -> None:
    throttle = Throttle()
    for number in range(60):
        throttle.begin(f"192.0.2.{number}", 0.0)

    assert throttle.begin("198.51.100.1", 0.0) == 60


async def test_the_login_page_shows_what_it_was_asked_as_text(house: House) -> None:
    answer = await house.http.get("/login", params={"next": '/"><script>alert(1)</script>'})

    assert "<script" not in answer.text
    assert "form-action 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "text",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/\n/evil.example",
        "\\\\evil",
        "",
        "/login",
    ],
)
def test_the_login_leads_nowhere_else(text: str) -> None:
    assert safe_path(text) == "/"


def test_the_login_leads_back_to_where_one_was_going() -> None:
    assert safe_path("/system?tab=1") == "/system?tab=1"


async def test_on_this_machine_without_a_password_one_may_read(open_house: OpenHouse) -> None:
    house = await open_house()

    assert (await house.http.get(HEALTH)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:8411"},
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"X-Forwarded-For": "192.0.2.1"},
        {"X-API-Key": "nobody"},
    ],
)
async def test_the_open_door_is_for_this_machine_alone(
    open_house: OpenHouse, headers: dict[str, str]
) -> None:
    house = await open_house()

    assert (await house.http.get(HEALTH, headers=headers)).status_code == 401


async def test_behind_a_trusted_proxy_the_api_still_asks_for_a_key(open_house: OpenHouse) -> None:
    house = await open_house(SPOUT_TRUST_PROXY_AUTH="true")

    assert (await house.http.get(HEALTH)).status_code == 401
    assert (await house.http.get(HEALTH, headers=READ)).status_code == 200


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://umbrel.local:8411", "umbrel.local:8411", True),
        ("https://umbrel.local", "umbrel.local", True),
        ("https://umbrel.local", "umbrel.local:443", True),
        ("http://[fd00::1]:8411", "[FD00::1]:8411", True),
        ("http://umbrel.local:8412", "umbrel.local:8411", False),
        ("http://umbrel.local", "", False),
        ("null", "umbrel.local", False),
        ("http://[", "umbrel.local", False),
        ("file://umbrel.local", "umbrel.local", False),
        ("http://umbrel.local@evil.example", "umbrel.local", False),
    ],
)
def test_an_origin_is_ours_if_host_and_port_agree(origin: str, host: str, same: bool) -> None:  # noqa: FBT001
    assert same_origin(origin, host) is same


@pytest.mark.parametrize(
    ("host", "peer", "here"),
    [
        ("localhost:8411", "127.0.0.1", True),
        ("[::1]:8411", "::1", True),
        ("localhost:8411", "192.0.2.1", False),
        ("umbrel.local", "127.0.0.1", False),
        ("", "127.0.0.1", False),
        ("[", "127.0.0.1", False),
    ],
)
def test_this_machine_is_told_by_peer_and_host(host: str, peer: str, here: bool) -> None:  # noqa: FBT001
    assert asked_on_this_machine({"Host": host}, peer) is here
