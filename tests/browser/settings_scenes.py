"""The Settings page in each of its states, for screenshots: a box that somebody has lived with."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Page, expect

from app.core.access import Scope
from app.core.events import EventType
from tests.browser.operated import PASSWORD, OperatedBox, an_operated_box
from tests.notifiers.lives import whale
from tests.notifiers.receivers import Say, receiving
from tests.notifiers.stage import until

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
GOOD_BOT = b'{"ok": true, "result": {"message_id": 7}}'
EVENING = datetime.fromisoformat("2026-11-22T19:12:00+00:00")
ADDRESSES = (
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
    "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
)
VAULT = "The co-op's cold storage, second vault"
MAILBOX = {
    "host": "127.0.0.1",
    "port": 9,
    "security": "none",
    "from": "spout@example.org",
    "to": "me@example.org",
}
SET = {"SPOUT_TIMEZONE": "Europe/Berlin", "SPOUT_WHALE_THRESHOLD_BTC": "150"}
Act = Callable[[Page], Awaitable[None]]


class Box(Enum):
    NEW = "new"
    LIVED_IN = "lived in"
    GUARDED = "guarded"
    """It has a password."""


async def nothing(_: Page) -> None: ...


@dataclass(frozen=True)
class SettingsShot:
    name: str
    section: str = "alerts"
    act: Act = nothing
    box: Box = Box.LIVED_IN
    whole: bool = True
    """The page in its full height; else what a screen shows: a dialog lies over the screen."""


async def begin_webhook(page: Page) -> None:
    await page.locator("[data-kind=webhook]").click()
    await page.wait_for_timeout(600)


async def begin_email_open(page: Page) -> None:
    """The longest form, every part of it open."""
    await page.locator("[data-kind=email]").click()
    for summary in await page.locator("dialog.editor summary").all():
        await summary.click()
    await page.wait_for_timeout(600)


async def scrolled_to(page: Page, text: str) -> None:
    await begin_email_open(page)
    await page.locator("dialog.editor summary", has_text=text).evaluate("one => one.scrollIntoView()")


async def watches(page: Page) -> None:
    await scrolled_to(page, "Also tell me")


async def reading(page: Page) -> None:
    await scrolled_to(page, "How it reads")


async def reads_of_an_example(page: Page) -> None:
    await begin_webhook(page)
    await page.locator("dialog.editor summary", has_text="How it reads").click()
    await page.locator("dialog.editor [data-name=template]").fill("$amount $foo: $forecast")
    await expect(page.locator("dialog.editor .sample")).to_contain_text("$foo")
    await page.locator("dialog.editor .sample").scroll_into_view_if_needed()


async def wrong_field(page: Page) -> None:
    await begin_webhook(page)
    form = page.locator("dialog.editor")
    await form.locator("summary", has_text="When it may ring").click()
    await form.locator("[data-name=budget_per_hour]").fill("-4")
    await form.locator("[data-name=name]").fill("Home Assistant 2")
    await form.locator("[data-name=url]").fill("http://homeassistant.local:8123/api/webhook/spout")
    await form.locator("[data-name='rules.min_moved_btc']").fill("many")
    await form.get_by_role("button", name="Add", exact=True).click()
    await expect(form.locator(".wrong", has_text="number")).to_be_visible()


async def edit(page: Page) -> None:
    await page.get_by_label("Edit: Phone").click()
    await page.wait_for_timeout(600)


async def secret_once(page: Page) -> None:
    button = page.get_by_label("New secret: Home Assistant")
    await button.click()
    await button.click()
    await page.locator(".once").wait_for()


async def sure_to_delete(page: Page) -> None:
    await page.get_by_label("Delete: Mail").click()


async def tested(page: Page) -> None:
    await page.get_by_label("Send a test: Office").click()
    await page.locator(".endpoint output.wrong").wait_for()


async def attempts(page: Page) -> None:
    await page.locator("#deliveries tbody tr").first.wait_for()
    for one in await page.locator("#deliveries details summary").all():
        await one.click()


async def nothing_found(page: Page) -> None:
    await page.locator("#deliveries select").first.select_option(label="Mail")
    await page.wait_for_timeout(500)


async def wrong_setting(page: Page) -> None:
    row = page.locator(".setting", has_text="Time zone")
    await row.locator("input").fill("Europe/Berlyn")
    await row.get_by_role("button", name="Save").click()
    await row.locator(".wrong", has_text="Europe").wait_for()


async def fixed_open(page: Page) -> None:
    await page.locator(".elsewhere summary").click()


async def wrong_label(page: Page) -> None:
    await page.locator("#labels [data-name=address]").fill("bc1qnot")
    await page.locator("#labels [data-name=entity]").fill("Grandma")
    await page.get_by_role("button", name="Add the label").click()
    await page.locator("#labels .import summary").click()
    await page.wait_for_timeout(400)


async def new_key(page: Page) -> None:
    keys = await page.locator("#access li[data-name]").count()
    await page.locator("#access [data-name=name]").fill(f"grafana {keys}")
    await page.get_by_role("button", name="Make a key").click()
    await page.locator(".once").wait_for()


async def asked_again(page: Page) -> None:
    await page.locator("#access [data-name=name]").fill("grafana")
    await page.get_by_role("button", name="Make a key").click()
    await page.locator("#again").fill("not this one")
    await page.get_by_role("button", name="Go on").click()
    await page.locator("#again-wrong", has_text="not the password").wait_for()


async def backup_made(page: Page) -> None:
    await page.get_by_role("button", name="Make a backup now").click()
    await page.locator("#backup li b").first.wait_for()


SHOTS = (
    SettingsShot("settings-new", box=Box.NEW),
    SettingsShot("settings-alerts"),
    SettingsShot("settings-tested", act=tested),
    SettingsShot("settings-secret", act=secret_once),
    SettingsShot("settings-delete", act=sure_to_delete),
    SettingsShot("settings-add", act=begin_webhook, whole=False),
    SettingsShot("settings-email", act=begin_email_open, whole=False),
    SettingsShot("settings-watch", act=watches, whole=False),
    SettingsShot("settings-template", act=reading, whole=False),
    SettingsShot("settings-example", act=reads_of_an_example, box=Box.NEW, whole=False),
    SettingsShot("settings-wrong", act=wrong_field, whole=False),
    SettingsShot("settings-edit", act=edit, whole=False),
    SettingsShot("settings-deliveries", section="deliveries", act=attempts),
    SettingsShot("settings-no-delivery", section="deliveries", act=nothing_found),
    SettingsShot("settings-general", section="general", act=fixed_open),
    SettingsShot("settings-wrong-zone", section="general", act=wrong_setting),
    SettingsShot("settings-labels", section="labels"),
    SettingsShot("settings-wrong-label", section="labels", act=wrong_label),
    SettingsShot("settings-access-new", section="access", box=Box.NEW),
    SettingsShot("settings-access", section="access"),
    SettingsShot("settings-key", section="access", act=new_key),
    SettingsShot("settings-again", section="access", act=asked_again, box=Box.GUARDED, whole=False),
    SettingsShot("settings-backup", section="backup", act=backup_made),
    SettingsShot("settings-changes", section="changes"),
)


@asynccontextmanager
async def a_box(room: Path, kind: Box) -> AsyncIterator[OperatedBox]:
    """Without a password, unless a shot is of one: so it needs no login."""
    async with AsyncExitStack() as stack:
        box = await stack.enter_async_context(
            an_operated_box(room, at=EVENING, password=PASSWORD if kind is Box.GUARDED else None)
        )
        if kind is Box.LIVED_IN:
            await _live(box, stack)
        yield box


async def opened(page: Page, box: OperatedBox, shot: SettingsShot) -> None:
    """Open the section in a page; log in and let a quarter of an hour pass where there is a password."""
    await page.goto(f"{box.address}/settings#{shot.section}")
    if shot.box is Box.GUARDED:
        await page.locator("#password").fill(PASSWORD)
        await page.locator("button").click()
        await page.wait_for_selector("html[data-ready=yes]", state="attached")
        await page.goto(f"{box.address}/settings#{shot.section}")
    await page.wait_for_selector("html[data-ready=yes]", state="attached")
    await page.locator(f"#{shot.section} [data-loaded=yes]").first.wait_for()
    if shot.box is Box.GUARDED:
        await box.clock.advance(15 * 60)


async def _live(box: OperatedBox, stack: AsyncExitStack) -> None:
    well = stack.enter_context(receiving())
    bot = stack.enter_context(receiving(lambda _got: Say(body=GOOD_BOT)))
    broken = stack.enter_context(receiving(lambda _got: Say(500, b"the bridge is down")))
    stage = box.stage
    chat = {"token": TOKEN, "chat_id": "42", "api_url": f"http://127.0.0.1:{bot.port}"}
    quiet = {"from": "22:00", "to": "07:00"}
    await stage.add(well.url("/api/webhook/spout"), name="Home Assistant")
    phone = await stage.add(
        None,
        name="Phone",
        kind="telegram",
        telegram=chat,
        quiet_hours=quiet,
        rules={"min_moved_btc": 250},
        budget_per_hour=12,
    )
    await stage.add(broken.url(), name="Office")
    await stage.add(
        None,
        name="Mail",
        kind="email",
        enabled=False,
        email=MAILBOX,
    )
    muted = (box.clock.now() + timedelta(hours=2)).isoformat()
    await stage.add(f"ntfy://127.0.0.1:{well.port}/whales", name="Tablet", kind="apprise", muted_until=muted)
    for number, btc in enumerate((412, 118, 1_204, 260, 305), 1):
        await whale(stage, number, btc=btc)
        await box.advance(7)
    await whale(stage, 3, EventType.CONFIRMED, version=2, btc=1_204)
    await until(lambda: len(well.got) >= 6 and len(broken.got) >= 2)
    await box.advance(60)
    await stage.alerts.test(phone.id)
    async with await operator_of(box) as http:
        await _arrange(http)


async def operator_of(box: OperatedBox) -> httpx.AsyncClient:
    """With an admin's key: what it changes stands in the audit log like any other change."""
    key = await box.keys.create("home-assistant", Scope.ADMIN, at=box.clock.now())
    return httpx.AsyncClient(base_url=box.address, headers={"X-API-Key": key}, trust_env=False)


async def _arrange(http: httpx.AsyncClient) -> None:
    for path, body in (
        ("labels", {"address": ADDRESSES[0], "entity": "Grandma", "private": True}),
        ("labels", {"address": ADDRESSES[1], "entity": "Binance"}),
        (
            "labels",
            {
                "address": ADDRESSES[2],
                "entity": VAULT,
                "kind": "custodian",
            },
        ),
        ("keys", {"name": "grafana-old", "scope": "read"}),
    ):
        await _done(http, "POST", path, body)
    await _done(http, "PATCH", "settings", SET)
    await _done(http, "DELETE", "keys/grafana-old")


async def _done(http: httpx.AsyncClient, method: str, path: str, body: Any = None) -> None:
    answer = await http.request(method, f"/api/v1/{path}", content=None if body is None else json.dumps(body))
    assert answer.is_success, answer.text
