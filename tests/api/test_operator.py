"""Keys, password, audit log and confirmation over HTTP, with the operator's real file behind them."""

from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from app.api import hashed
from app.settings import PASSWORD_FILE, SettingsInForce, read_settings
from app.store import AuditLog, KeyStore, LabelStore, SettingStore, open_operator
from app.web import PasswordFile
from tests.api.conftest import Composition, OpenServer, until
from tests.api.test_auth import PASSWORD, log_in
from tests.fakes import NOON

KEYS, CONFIRM, CHANGE = "/api/v1/keys", "/api/v1/confirm", "/api/v1/password"


async def operated(open_server: OpenServer, room: Path, **environ: str) -> Composition:
    composition = await open_server(**environ)
    opened = await open_operator(room, at=NOON)
    composition.stack.push_async_callback(opened.file.close)
    file = opened.file
    settings = SettingStore(file, SettingsInForce(read_settings({})), composition.clock.now)
    composition.server.attach(
        composition.history, KeyStore(file), LabelStore(file), settings, audit=AuditLog(file)
    )
    return composition


async def with_a_kept_password(open_server: OpenServer, room: Path) -> Composition:
    """An open tab, logged in with "first", the password that was set on the page."""
    PasswordFile(room / PASSWORD_FILE).write(hashed("first"))
    tab = await operated(open_server, room)
    await log_in(tab, "first")
    tab.http.headers["Origin"] = f"http://{tab.host}"
    return tab


@pytest.fixture
async def tab(open_server: OpenServer, tmp_path: Path) -> Composition:
    """An open tab: logged in, its page's origin sent."""
    composition = await operated(open_server, tmp_path, SPOUT_PASSWORD=PASSWORD)
    await log_in(composition)
    composition.http.headers["Origin"] = f"http://{composition.host}"
    return composition


async def made(tab: Composition, name: str = "grafana") -> int:
    return (await tab.http.post(KEYS, json={"name": name, "scope": "read"})).status_code


async def test_a_key_that_is_made_opens_and_is_shown_once(tab: Composition) -> None:
    answer = (await tab.http.post(KEYS, json={"name": "grafana", "scope": "read"})).json()
    listed = await tab.http.get(KEYS)

    opened = await tab.http.get("/api/v1/labels", headers={"X-API-Key": answer["key"]})
    assert (opened.status_code, answer["key"] in listed.text) == (200, False)
    assert [one["name"] for one in listed.json()["keys"]] == ["grafana"]


async def test_a_revoked_key_opens_nothing(tab: Composition) -> None:
    key = (await tab.http.post(KEYS, json={"name": "a b", "scope": "read"})).json()["key"]

    revoked = await tab.http.delete(f"{KEYS}/a%20b")

    refused = await tab.http.get("/api/v1/labels", headers={"X-API-Key": key})
    assert (revoked.status_code, refused.status_code) == (204, 401)


@pytest.mark.parametrize("name", ["a%41", "50%", "a/b?c#d", "100%25"])
async def test_the_key_of_the_name_is_revoked_and_no_other(tab: Composition, name: str) -> None:
    await made(tab, unquote(name) if unquote(name) != name else "another")
    await made(tab, name)

    await tab.http.delete(f"{KEYS}/{quote(name, safe='')}")

    keys = (await tab.http.get(KEYS)).json()["keys"]
    assert [one["name"] for one in keys if one["revoked_at"] is not None] == [name]


@pytest.mark.parametrize("name", [".", "..", " .. "])
async def test_a_key_that_no_page_could_revoke_is_not_made(tab: Composition, name: str) -> None:
    assert await made(tab, name) == 400


async def test_a_name_is_a_living_keys_once(tab: Composition) -> None:
    assert [await made(tab), await made(tab)] == [201, 409]


async def test_a_key_of_scope_read_may_not_look_at_keys(tab: Composition) -> None:
    key = (await tab.http.post(KEYS, json={"name": "reader", "scope": "read"})).json()["key"]

    answers = [await tab.http.get(path, headers={"X-API-Key": key}) for path in (KEYS, "/api/v1/audit")]
    assert [answer.status_code for answer in answers] == [403, 403]


async def test_ten_minutes_after_the_login_a_tab_is_asked_again(tab: Composition) -> None:
    await tab.clock.advance(601)
    before = await tab.http.post(KEYS, json={"name": "late", "scope": "read"})
    wrong = await tab.http.post(CONFIRM, json={"password": "guessed"})
    right = await tab.http.post(CONFIRM, json={"password": PASSWORD})

    assert (before.status_code, before.json()["error"]["code"]) == (403, "confirm_password")
    assert (wrong.status_code, right.json()["needed"], await made(tab)) == (403, False, 201)


async def test_an_endpoints_target_asks_again_and_its_name_does_not(tab: Composition) -> None:
    await tab.clock.advance(601)
    path = "/api/v1/endpoints/ep_1"

    answers = [await tab.http.patch(path, json=json) for json in ({"url": "http://a.example"}, {"name": "x"})]
    codes = [answer.json()["error"]["code"] for answer in answers]
    assert codes == ["confirm_password", "starting"]


async def test_a_test_of_a_new_target_asks_again_as_saving_it_would(tab: Composition) -> None:
    await tab.clock.advance(601)
    new = {"name": "Phone", "kind": "webhook", "url": "http://10.0.0.2/", "reach": "lan"}

    answers = [await tab.http.post(f"/api/v1/endpoints{path}", json=new) for path in ("/test", "")]

    assert [answer.json()["error"]["code"] for answer in answers] == ["confirm_password"] * 2


async def test_a_key_is_never_asked_for_the_password(tab: Composition) -> None:
    key = (await tab.http.post(KEYS, json={"name": "admin", "scope": "admin"})).json()["key"]
    await tab.clock.advance(601)

    answer = await tab.http.post(KEYS, json={"name": "n", "scope": "read"}, headers={"X-API-Key": key})
    assert answer.status_code == 201


async def test_guesses_at_the_password_are_slowed_down(tab: Composition) -> None:
    answers = [await tab.http.post(CONFIRM, json={"password": "guessed"}) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [403] * 5 + [429]


async def test_a_password_of_the_environment_is_changed_there(tab: Composition) -> None:
    refused = await tab.http.post(CHANGE, json={"old": PASSWORD, "new": "another"})

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "in_environment")


async def test_every_change_is_in_the_audit_log_with_who_made_it(tab: Composition) -> None:
    await made(tab)
    await tab.http.patch("/api/v1/settings", json={"SPOUT_RETENTION_DAYS": 30})
    key = (await tab.http.post(KEYS, json={"name": "chief", "scope": "admin"})).json()["key"]
    await tab.http.delete(f"{KEYS}/grafana", headers={"X-API-Key": key})

    changes = (await tab.http.get("/api/v1/audit")).json()["changes"]
    assert [one["what"] for one in changes] == [
        "API key 'grafana' revoked",
        "API key 'chief' made, scope admin",
        "SPOUT_RETENTION_DAYS set to 30",
        "API key 'grafana' made, scope read",
    ]
    assert [one["who"].partition(":")[0] for one in changes] == ["key", "session", "session", "session"]
    assert changes[0]["who"] == "key:chief"


async def test_the_audit_log_comes_in_pages(tab: Composition) -> None:
    for name in ("a", "b", "c"):
        await made(tab, name)
    first = (await tab.http.get("/api/v1/audit?limit=2")).json()
    cursor = first["page_info"]["next_cursor"]
    second = (await tab.http.get(f"/api/v1/audit?limit=2&cursor={cursor}")).json()

    assert [len(page["changes"]) for page in (first, second)] == [2, 1]
    assert (first["total_count"], second["page_info"]["has_next"]) == (3, False)


async def test_a_change_between_two_pages_of_the_audit_log_shows_none_twice(tab: Composition) -> None:
    for name in ("a", "b", "c"):
        await made(tab, name)
    first = (await tab.http.get("/api/v1/audit?limit=1")).json()
    await made(tab, "meanwhile")
    cursor = first["page_info"]["next_cursor"]
    rest = (await tab.http.get(f"/api/v1/audit?cursor={cursor}")).json()

    reported = [one["what"].split("'")[1] for page in (first, rest) for one in page["changes"]]
    assert reported == ["c", "b", "a"]


async def test_a_password_set_on_the_page_needs_the_old_one_and_ends_all_sessions(
    open_server: OpenServer, tmp_path: Path
) -> None:
    tab = await with_a_kept_password(open_server, tmp_path)

    wrong = await tab.http.post(CHANGE, json={"old": "guessed", "new": "second one"})
    right = await tab.http.post(CHANGE, json={"old": "first", "new": "second one"})
    after = await tab.http.get("/api/v1/labels")

    assert (wrong.status_code, right.status_code, after.status_code) == (403, 204, 401)
    assert (await log_in(tab, "second one")).status_code == 303
    assert "second one" not in (tmp_path / PASSWORD_FILE).read_text("ascii")


async def test_a_password_set_by_another_process_holds_within_a_second(
    open_server: OpenServer, tmp_path: Path
) -> None:
    composition = await operated(open_server, tmp_path)
    before = await composition.http.get("/api/v1/labels")
    PasswordFile(tmp_path / PASSWORD_FILE).write(hashed("a new one"))
    await until(lambda: bool(composition.clock.sleepers))
    await composition.clock.advance(1.0)
    await until(lambda: composition.server.gate.door == "password")

    after = await composition.http.get("/api/v1/labels")
    assert (before.status_code, after.status_code) == (200, 401)
    assert (await log_in(composition, "a new one")).status_code == 303


async def test_a_new_password_of_a_few_letters_is_refused_and_the_field_named(
    open_server: OpenServer, tmp_path: Path
) -> None:
    tab = await with_a_kept_password(open_server, tmp_path)

    refused = await tab.http.post(
        CHANGE, json={"old": "first", "new": "seven77"}, headers={"Prefer": "faults"}
    )

    assert (refused.status_code, refused.json()["faults"][0]["name"]) == (400, "new")
    assert "shorter than 8 characters: take a few words" in refused.json()["error"]["message"]
