from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest

from app.api.limits import KEY, STRANGER, Limiter
from app.api.login import safe_path
from app.api.throttle import Throttle
from app.keyring import Keyring
from app.web.origin import asked_on_this_machine, same_origin
from tests.api.conftest import ADMIN, READ, SECRET, Composition, OpenServer
from tests.fakes import NOON

PASSWORD = "open sesame"
HEALTH = "/api/v1/health"


async def log_in(composition: Composition, password: str = PASSWORD, **headers: str) -> httpx.Response:
    reported = {"Origin": f"http://{composition.host}", **headers}
    return await composition.http.post("/login", data={"password": password, "next": "/"}, headers=reported)


async def token_of(composition: Composition) -> str:
    answer = await composition.http.post("/api/v1/tokens", headers=READ)
    return str(answer.json()["token"])


@pytest.mark.parametrize(
    "headers", [READ, {"Authorization": "Bearer reader"}, {"authorization": "bearer  reader"}]
)
async def test_a_key_opens_the_api_in_either_header(
    composition: Composition, headers: dict[str, str]
) -> None:
    assert (await composition.http.get(HEALTH, headers=headers)).status_code == 200


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
async def test_without_a_good_key_the_api_is_closed(
    composition: Composition, headers: dict[str, str]
) -> None:
    answer = await composition.http.get(HEALTH, headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_revoked_key_opens_nothing(composition: Composition) -> None:
    composition.keys.revoke("reader")

    assert (await composition.http.get(HEALTH, headers=READ)).status_code == 401


async def test_a_token_opens_the_api_until_it_expires(composition: Composition) -> None:
    headers = {"Authorization": f"Bearer {await token_of(composition)}"}

    before = await composition.http.get(HEALTH, headers=headers)
    await composition.clock.advance(600)
    after = await composition.http.get(HEALTH, headers=headers)

    assert (before.status_code, after.status_code) == (200, 401)
    assert after.json()["error"]["message"] == "the token has expired"


async def test_a_tokens_end_is_told(composition: Composition) -> None:
    body = (await composition.http.post("/api/v1/tokens", json={"key": "chief"})).json()

    assert (body["expires_in"], body["expires_at"]) == (600, "2026-11-22T12:10:00.000Z")
    assert (body["scope"], body["token_type"]) == ("read", "Bearer")


async def test_a_token_of_a_revoked_key_opens_nothing(composition: Composition) -> None:
    headers = {"Authorization": f"Bearer {await token_of(composition)}"}
    composition.keys.revoke("reader")

    assert (await composition.http.get(HEALTH, headers=headers)).status_code == 401


async def test_a_token_gives_no_token(composition: Composition) -> None:
    headers = {"Authorization": f"Bearer {await token_of(composition)}"}

    assert (await composition.http.post("/api/v1/tokens", headers=headers)).status_code == 401


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
    composition: Composition, claims: dict[str, Any], key: Any, algorithm: str
) -> None:
    good = {"iss": "spout", "sub": "id-reader", "scope": "read", "exp": int(NOON.timestamp()) + 60}
    reported = {name: value for name, value in (good | claims).items() if value is not None}
    signing = Keyring(SECRET).derive("jwt") if key is None else key
    forged = jwt.encode(reported, signing, algorithm=algorithm)

    answer = await composition.http.get(HEALTH, headers={"Authorization": f"Bearer {forged}"})

    assert answer.status_code == 401


async def test_a_session_is_no_key_for_a_token(composition: Composition) -> None:
    await log_in(composition)

    answer = await composition.http.post("/api/v1/tokens", headers={"Origin": f"http://{composition.host}"})

    assert answer.json()["error"]["code"] == "key_needed"


async def test_the_limit_is_told_and_then_kept(composition: Composition) -> None:
    first = await composition.http.get(HEALTH, headers=READ)
    for _ in range(KEY.amount - 1):
        composition.limiter.take(KEY, "key:id-reader", composition.clock.monotonic())
    refused = await composition.http.get(HEALTH, headers=READ)
    await composition.clock.advance(1)
    again = await composition.http.get(HEALTH, headers=READ)

    assert first.headers["RateLimit-Policy"] == '"key";q=600;w=60'
    assert first.headers["RateLimit"] == '"key";r=599;t=1'
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert again.status_code == 200


async def test_the_limit_of_one_key_is_not_anothers(composition: Composition) -> None:
    for _ in range(KEY.amount):
        composition.limiter.take(KEY, "key:id-reader", composition.clock.monotonic())

    assert (await composition.http.get(HEALTH, headers=ADMIN)).status_code == 200


async def test_who_floods_with_guesses_is_stopped(composition: Composition) -> None:
    for _ in range(STRANGER.amount - 1):
        composition.limiter.take(STRANGER, "127.0.0.1", composition.clock.monotonic())

    statuses = [
        (await composition.http.get(HEALTH, headers={"X-API-Key": f"guess{number}"})).status_code
        for number in range(2)
    ]

    assert statuses == [401, 429]


def test_the_limiter_forgets_the_oldest_of_too_many() -> None:
    limiter = Limiter()
    for number in range(10_001):
        limiter.take(KEY, str(number), 0.0)

    assert [limiter.look(KEY, caller, 0.0).remaining for caller in ("0", "1")] == [600, 599]


async def test_the_password_opens_a_session_that_reads(composition: Composition) -> None:
    answer = await log_in(composition)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert (await composition.http.get(HEALTH)).status_code == 200


async def test_the_sessions_cookie_is_out_of_reach_of_scripts(composition: Composition) -> None:
    cookie = (await log_in(composition)).headers["Set-Cookie"]

    assert cookie.startswith(f"{composition.server.gate.sessions.cookie_name}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


async def test_the_cookie_carries_a_duration_so_that_the_browsers_clock_may_differ(
    composition: Composition,
) -> None:
    cookie = (await log_in(composition)).headers["Set-Cookie"]

    assert f"; Max-Age={30 * 24 * 60 * 60};" in cookie
    assert "Expires" not in cookie


@pytest.mark.parametrize(("trusted", "secure"), [("127.0.0.1", True), ("192.0.2.1", False)])
async def test_behind_tls_the_cookie_is_secure_if_a_trusted_proxy_says_so(
    open_server: OpenServer,
    trusted: str,
    secure: bool,  # noqa: FBT001
) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD, SPOUT_TRUSTED_PROXIES=trusted)
    answer = await log_in(composition, **{"X-Forwarded-Proto": "https"})

    assert answer.headers["Set-Cookie"].endswith("; Secure") is secure


async def test_a_session_survives_a_restart(open_server: OpenServer) -> None:
    first = await open_server(SPOUT_PASSWORD=PASSWORD)
    await log_in(first)
    second = await open_server(SPOUT_PASSWORD=PASSWORD)

    second.http.cookies.update(first.http.cookies)
    answer = await second.http.get(HEALTH)

    assert answer.status_code == 200


async def test_a_new_password_ends_every_session(open_server: OpenServer) -> None:
    first = await open_server(SPOUT_PASSWORD=PASSWORD)
    await log_in(first)
    second = await open_server(SPOUT_PASSWORD="another one")

    second.http.cookies.update(first.http.cookies)
    answer = await second.http.get(HEALTH)

    assert answer.status_code == 401


async def test_a_session_ends_by_itself(composition: Composition) -> None:
    await log_in(composition)
    await composition.clock.advance(timedelta(days=31).total_seconds())

    assert (await composition.http.get(HEALTH)).status_code == 401


async def test_a_session_that_was_logged_out_counts_no_more(composition: Composition) -> None:
    await log_in(composition)
    cookies = dict(composition.http.cookies)
    await composition.http.post("/logout", headers={"Origin": f"http://{composition.host}"})
    composition.http.cookies.update(cookies)

    assert (await composition.http.get(HEALTH)).status_code == 401


async def test_a_foreign_page_cannot_log_the_operator_out(composition: Composition) -> None:
    await log_in(composition)

    await composition.http.post("/logout", headers={"Origin": "http://evil.example"})

    assert (await composition.http.get(HEALTH)).status_code == 200


@pytest.mark.parametrize("change", ["x", ".", ".1.x", "😀"])
async def test_a_changed_cookie_is_no_session(composition: Composition, change: str) -> None:
    await log_in(composition)
    name = composition.server.gate.sessions.cookie_name
    cookie = composition.http.cookies[name] + change
    composition.http.cookies.clear()

    answer = await composition.http.get(HEALTH, headers={"Cookie": f"{name}={cookie}".encode()})

    assert answer.status_code == 401


@pytest.mark.parametrize("origin", ["http://evil.example", "null", ""])
async def test_a_login_from_another_site_is_refused(composition: Composition, origin: str) -> None:
    answer = await log_in(composition, Origin=origin)

    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


async def test_a_wrong_password_is_refused_and_slowed_down(composition: Composition) -> None:
    statuses = [(await log_in(composition, "wrong")).status_code for _ in range(6)]
    right = await log_in(composition)
    await composition.clock.advance(2)
    later = await log_in(composition)

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

    assert throttle.begin("198.51.100.1", 0.0) == 1


async def test_the_login_page_shows_what_it_was_asked_as_text(composition: Composition) -> None:
    answer = await composition.http.get("/login", params={"next": '/"><script>alert(1)</script>'})

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


async def test_on_this_machine_without_a_password_one_may_read(open_server: OpenServer) -> None:
    composition = await open_server()

    assert (await composition.http.get(HEALTH)).status_code == 200


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
    open_server: OpenServer, headers: dict[str, str]
) -> None:
    composition = await open_server()

    assert (await composition.http.get(HEALTH, headers=headers)).status_code == 401


async def test_behind_a_trusted_proxy_the_api_still_asks_for_a_key(open_server: OpenServer) -> None:
    composition = await open_server(SPOUT_TRUST_PROXY_AUTH="true")

    assert (await composition.http.get(HEALTH)).status_code == 401
    assert (await composition.http.get(HEALTH, headers=READ)).status_code == 200


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
    assert same_origin(origin, (host,)) is same


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


async def test_a_login_form_with_a_field_of_another_name_is_refused_with_the_right_one(
    composition: Composition,
) -> None:
    answer = await composition.http.post(
        "/login",
        data={"pasword": "open sesame", "next": "/"},
        headers={"Origin": f"http://{composition.host}"},
    )

    assert (answer.status_code, "did you mean password?" in answer.text) == (400, True)
