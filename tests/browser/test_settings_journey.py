"""The Settings page from the first visit on, desk and phone: real receivers, a clock that a test moves."""

import json
import re
from datetime import datetime
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from playwright.async_api import Browser, Locator, Page, expect

from app.core.encoding import address_of
from app.core.units import Script
from tests.browser.conftest import IN_A_BROWSER, Tab, findings, watched
from tests.browser.operated import OperatedBox, an_operated_box
from tests.browser.test_settings import GOOD_BOT, SOON, TOKEN, begun, press
from tests.notifiers.lives import whale
from tests.notifiers.receivers import Receiver, Say, receiving
from tests.notifiers.test_senders import Box, Serve, box, serve

__all__ = ["box", "serve"]
pytestmark = [*IN_A_BROWSER, pytest.mark.timeout(240), pytest.mark.slow]
HOUR = 3_600
HOOK = '<img src=x onerror=alert(1)> & "Co"'
GRANDMA = "<b>Grandma</b> & 'Co'"


def types(receiver: Receiver) -> list[str]:
    return [json.loads(got.body)["type"] for got in receiver.got]


async def visited(browser: Browser, box: OperatedBox, width: int = 1440, section: str = "alerts") -> Tab:
    context = await browser.new_context(viewport={"width": width, "height": 860}, reduced_motion="reduce")
    tab = watched(await context.new_page(), box.address)
    await tab.open(f"/settings#{section}")
    return tab


async def go(page: Page, section: str) -> None:
    await page.locator(f".sections a[href='#{section}']").click()


async def twice(button: Locator) -> None:
    """What cannot be undone asks first."""
    await button.click()
    await button.click()


def endpoint(page: Page, name: str) -> Locator:
    return page.locator(".endpoint", has=page.get_by_role("heading", name=name, exact=True))


def row(page: Page, what: str, status: str) -> Locator:
    return page.locator(f"#deliveries tr[data-status={status}]", has_text=what)


@pytest.mark.parametrize(
    ("width", "zone", "evening", "morning"),
    [
        (390, "Europe/Berlin", "2026-10-24T19:00:00", "2026-10-25T06:00:00"),  # a night of ten hours
        (1440, "America/New_York", "2027-03-14T02:00:00", "2027-03-14T11:00:00"),  # one of eight
    ],
)
async def test_a_new_user_is_told_finds_out_why_not_and_is_left_in_peace_at_night(
    browser: Browser, tmp_path: Path, width: int, zone: str, evening: str, morning: str
) -> None:
    at = datetime.fromisoformat(evening + "+00:00")
    with receiving() as hook, receiving(lambda _got: Say(body=GOOD_BOT)) as bot:
        async with an_operated_box(tmp_path, at=at, password=None) as box:
            tab = await visited(browser, box, width)
            await expect(tab.page.locator("#alerts .empty")).to_contain_text("Nobody is told yet")
            await _adds_a_webhook_and_a_chat(tab.page, hook, bot)
            await _breaks_it_sees_why_and_sends_again(tab.page, box, hook)
            await _sets_the_zone_and_quiet_hours(tab.page, zone)
            await _sleeps_and_reads_the_digest(tab.page, box, hook)
            wide = await tab.page.evaluate("document.documentElement.scrollWidth")

    digest = json.loads(hook.got[-1].body)
    assert (digest["type"], digest["data"]["end"]) == ("alert.digest", f"{morning}.000Z")
    assert TOKEN in bot.got[0].path
    # Over night the page's session ends; it is refused once and begins another by itself.
    complaints = [one for one in tab.complaints if "403 (Forbidden)" not in one]
    assert (complaints, tab.hosts, wide <= width) == ([], {box.address.removeprefix("http://")}, True)


async def _adds_a_webhook_and_a_chat(page: Page, hook: Receiver, bot: Receiver) -> None:
    form = await begun(page, "webhook", "Home")
    await form.locator("[data-name=url]").fill(hook.url())
    await press(form, "Send a test").click()
    await expect(form.locator("output.result")).to_contain_text("(200)", timeout=SOON)
    await press(form, "Add").click()
    await expect(page.locator(".once code")).to_contain_text("whsec_", timeout=SOON)
    await press(page, "I have it").click()
    form = await begun(page, "telegram", "Phone")
    for name, text in (("token", TOKEN), ("chat_id", "42"), ("api_url", f"http://127.0.0.1:{bot.port}")):
        await form.locator(f"[data-name='telegram.{name}']").fill(text)
    await press(form, "Send a test").click()
    await expect(form.locator("output.result")).to_contain_text("Arrived", timeout=SOON)
    await press(form, "Add").click()
    await expect(endpoint(page, "Phone")).to_be_visible(timeout=SOON)


async def _breaks_it_sees_why_and_sends_again(page: Page, box: OperatedBox, hook: Receiver) -> None:
    hook.script = [Say(500, b"the bridge is down")]
    await page.get_by_label("Send a test: Home").click()
    await expect(endpoint(page, "Home").locator("output")).to_contain_text("the bridge is down", timeout=SOON)
    await go(page, "deliveries")
    await row(page, "the bridge is down", "failed").get_by_role("button").click()
    await expect(page.locator(".toast", has_text="sent again")).to_be_visible(timeout=SOON)
    await box.advance(5)
    await expect(row(page, "test", "delivered")).to_be_visible(timeout=SOON)


async def _sets_the_zone_and_quiet_hours(page: Page, zone: str) -> None:
    await go(page, "general")
    setting = page.locator(".setting", has_text="Time zone")
    await setting.locator("input").fill(zone)
    await setting.get_by_role("button", name="Save").click()
    await expect(setting).to_contain_text("set here", timeout=SOON)
    await go(page, "alerts")
    for name in ("Home", "Phone"):
        await page.get_by_label(f"Edit: {name}").click()
        form = page.locator("dialog.editor")
        await form.locator("summary", has_text="When it may ring").click()
        await form.locator("[data-name='quiet_hours.from']").fill("22:00")
        await form.locator("[data-name='quiet_hours.to']").fill("07:00")
        await press(form, "Save").click()
        await expect(page.locator(".toast", has_text=f"{name} is saved: quiet hours")).to_be_visible(
            timeout=SOON
        )


async def _sleeps_and_reads_the_digest(page: Page, box: OperatedBox, hook: Receiver) -> None:
    await box.advance(2 * HOUR)
    await whale(box.stage, 1, btc=412)
    await go(page, "deliveries")
    await expect(row(page, "quiet hours", "dropped")).to_have_count(2, timeout=SOON)
    await box.advance(6 * HOUR)  # an hour before the shorter night ends
    before = len(hook.got)
    await box.advance(3 * HOUR)
    await expect(row(page, "digest", "delivered")).to_have_count(2, timeout=SOON)
    assert types(hook)[before:] == ["alert.digest"]


async def test_mail_a_service_mute_a_new_secret_off_and_delete(
    browser: Browser, tmp_path: Path, serve: Serve, box: Box, axe: str
) -> None:
    mailbox = serve()
    with receiving() as hook:
        async with an_operated_box(tmp_path, password=None) as spout:
            page = (await visited(browser, spout, 390)).page
            await _adds_mail_and_a_service(page, mailbox, hook)
            await _mutes(page, spout)
            await _edits_and_turns_off(page)
            serious = await findings(page, axe)
            await spout.stage.add(hook.url(), name=HOOK)
            await _renews_the_secret_and_deletes(page)
            left = [one.name for one in await spout.stage.alerts.listed()]

    assert (left, serious) == (["Mail"], [])
    assert [mail["To"] for mail in box.mails][:1] == ["me@example.org"]
    assert json.loads(hook.got[0].body)["topic"] == "whales"


async def _adds_mail_and_a_service(page: Page, mailbox: Controller, hook: Receiver) -> None:
    form = await begun(page, "email", "Mail")
    port = str(mailbox.port)
    for name, text in (
        ("host", "127.0.0.1"),
        ("port", port),
        ("from", "spout@example.org"),
        ("to", "me@example.org"),
    ):
        await form.locator(f"[data-name='email.{name}']").fill(text)
    await form.locator("[data-name='email.security']").select_option("none")
    await press(form, "Send a test").click()
    await expect(form.locator("output.result")).to_contain_text("Arrived", timeout=SOON)
    await press(form, "Add").click()
    await expect(endpoint(page, "Mail")).to_contain_text("me@example.org by 127.0.0.1", timeout=SOON)
    form = await begun(page, "apprise", "Tablet")
    await form.locator("[data-name=url]").fill(f"ntfy://127.0.0.1:{hook.port}/whales")
    await press(form, "Add").click()
    await page.get_by_label("Send a test: Tablet").click()
    await expect(endpoint(page, "Tablet").locator("output")).to_contain_text("Arrived", timeout=SOON)


async def _mutes(page: Page, spout: OperatedBox) -> None:
    await page.get_by_label("Mute: Tablet").select_option("1800")
    await expect(endpoint(page, "Tablet")).to_contain_text("Muted until", timeout=SOON)
    await whale(spout.stage, 1)
    await go(page, "deliveries")
    await expect(row(page, "muted", "dropped")).to_contain_text("Tablet", timeout=SOON)
    await go(page, "alerts")
    await page.get_by_label("Mute: Tablet").click()  # it reads Unmute now
    await expect(endpoint(page, "Tablet")).not_to_contain_text("Muted", timeout=SOON)


async def _edits_and_turns_off(page: Page) -> None:
    await page.get_by_label("Edit: Mail").click()
    form = page.locator("dialog.editor")
    least = form.locator("[data-name='rules.min_moved_btc']")
    await least.fill("1000")
    await expect(form.locator(".preview")).to_contain_text("In the last 30 days: 0 alerts.", timeout=SOON)
    await least.fill("150")
    await expect(form.locator(".preview")).to_contain_text("In the last 7 days: 1 alert", timeout=SOON)
    await form.locator("summary", has_text="How it reads").click()
    await form.locator("[data-name=template]").fill("$amount, and $$ no more")
    await expect(form.locator(".sample")).to_have_text("likely 200 BTC, and $ no more", timeout=SOON)
    await press(form, "Save").click()
    await expect(form).to_be_hidden(timeout=SOON)
    await page.get_by_label("Turn off: Mail").click()
    await expect(endpoint(page, "Mail").locator(".now")).to_have_text("Off", timeout=SOON)
    await page.get_by_label("Turn on: Mail").click()
    await expect(endpoint(page, "Mail").locator(".now")).not_to_have_text("Off", timeout=SOON)


async def _renews_the_secret_and_deletes(page: Page) -> None:
    await page.reload()
    await expect(endpoint(page, HOOK)).to_be_visible(timeout=SOON)
    assert await page.locator("main img").count() == 0
    await twice(page.get_by_label(f"New secret: {HOOK}"))
    await expect(page.locator(".once code")).to_contain_text("whsec_", timeout=SOON)
    for name in (HOOK, "Tablet"):
        await twice(page.get_by_label(f"Delete: {name}"))
        await expect(endpoint(page, name)).to_have_count(0, timeout=SOON)


async def test_labels_a_key_a_backup_and_a_password(browser: Browser, tmp_path: Path) -> None:
    async with an_operated_box(tmp_path, password=None) as spout:
        tab = await visited(browser, spout, section="labels")
        other = await visited(browser, spout)
        await _labels(tab.page)
        await _makes_and_revokes_a_key(tab.page)
        await _backs_up(tab.page)
        await _sets_a_password_and_changes_it(tab, other)
        await tab.page.goto(f"{spout.address}/settings#changes")
        changes = tab.page.locator("#changes")
        for words in (
            "label .*Grandma",
            "API key .grafana. revoked",
            "backup spout",
            "password changed",
        ):
            await expect(changes).to_contain_text(re.compile(words), timeout=SOON)


async def test_many_labels_come_in_pages_and_are_found_by_name(browser: Browser, tmp_path: Path) -> None:
    async with an_operated_box(tmp_path, password=None) as spout:
        tab = await visited(browser, spout, width=390, section="labels")
        page, labels = tab.page, tab.page.locator("#labels")
        rows = [f"{address_of(Script(f'0014{number:040x}'))},Name {number:03d}" for number in range(120)]
        await labels.locator("summary", has_text="Import").click()
        await labels.locator("input[type=file]").set_input_files(
            {"name": "l.csv", "mimeType": "text/csv", "buffer": "\n".join(["address,entity", *rows]).encode()}
        )
        await press(page, "Import").click()
        count, shown = labels.locator(".find output"), labels.locator(".plainlist b")
        await expect(count).to_have_text("1 to 50 of 120 labels", timeout=SOON)
        await page.get_by_label("Next labels").click()
        await expect(count).to_have_text("51 to 100 of 120 labels", timeout=SOON)
        await page.get_by_label("Next labels").click()
        await expect(count).to_have_text("101 to 120 of 120 labels", timeout=SOON)
        await expect(shown.first).to_have_text("Name 100")
        await page.get_by_label("Labels before these").click()
        await expect(shown.first).to_have_text("Name 050", timeout=SOON)
        await page.get_by_label("Find a label").fill("name 11")
        await expect(count).to_have_text("10 labels found", timeout=SOON)
        await expect(page.get_by_label("Next labels")).to_be_hidden()


async def test_all_that_is_wrong_with_a_label_stands_beside_its_fields(
    browser: Browser, tmp_path: Path
) -> None:
    async with an_operated_box(tmp_path, password=None) as spout:
        tab = await visited(browser, spout, section="labels")
        await press(tab.page, "Add the label").click()
        for name in ("address", "entity"):
            field = tab.page.locator("#labels .field", has=tab.page.locator(f"[data-name={name}]"))
            await expect(field.locator(".wrong")).to_have_text("Is missing.", timeout=SOON)


async def test_an_hour_without_how_often_is_refused_beside_its_field(
    browser: Browser, tmp_path: Path
) -> None:
    async with an_operated_box(tmp_path, password=None) as spout:
        tab = await visited(browser, spout)
        form = await begun(tab.page, "webhook", "Hook")
        await form.evaluate("d => d.querySelectorAll('details').forEach((one) => (one.open = true))")
        await form.locator("[data-name='url']").fill("https://example.org/a")
        await form.locator("[data-name='watch.report.at']").fill("08:00")
        await form.locator("[data-name='watch.net_flow']").fill("500")
        await press(form, "Add").click()
        every = form.locator(".field", has=tab.page.locator("[data-name='watch.report.every']"))
        flow = form.locator(".field", has=tab.page.locator("[data-name='watch.net_flow']"))
        await expect(every.locator(".wrong")).to_have_text("Is missing.", timeout=SOON)
        await expect(flow.locator(".wrong")).to_have_text("Hours must be one of 1, 6, 24.", timeout=SOON)


async def _labels(page: Page) -> None:
    labels = page.locator("#labels")
    address, whose = labels.locator("[data-name=address]"), labels.locator("[data-name=entity]")
    await address.fill("bc1qnot")
    await whose.fill(GRANDMA)
    await press(page, "Add the label").click()
    wrong = labels.locator(".field", has=page.locator("[data-name=address]")).locator(".wrong")
    await expect(wrong).to_contain_text("Not a segwit address", timeout=SOON)
    await expect(address).to_have_value("bc1qnot")
    await address.fill("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
    await press(page, "Add the label").click()
    await expect(labels.locator("li", has_text=GRANDMA)).to_contain_text("private", timeout=SOON)
    await labels.locator("summary", has_text="Import").click()
    line = b"address,entity\n1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2,Binance\n"
    await labels.locator("input[type=file]").set_input_files(
        {"name": "mine.csv", "mimeType": "text/csv", "buffer": line}
    )
    await press(page, "Import").click()
    await expect(labels.locator("li", has_text="Binance")).to_be_visible(timeout=SOON)
    await twice(page.get_by_label("Remove the label of bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"))
    await expect(labels.locator("li", has_text=GRANDMA)).to_have_count(0, timeout=SOON)


async def _makes_and_revokes_a_key(page: Page) -> None:
    await go(page, "access")
    await page.locator("#access [data-name=name]").fill("grafana")
    await press(page, "Make a key").click()
    await expect(page.locator("#access .once code")).to_contain_text("spout_", timeout=SOON)
    await twice(page.get_by_label("Revoke grafana"))
    await expect(page.locator("li[data-name=grafana]")).to_contain_text("revoked", timeout=SOON)


async def _backs_up(page: Page) -> None:
    await go(page, "backup")
    await press(page, "Make a backup now").click()
    await expect(page.locator("#backup li code")).to_contain_text("/backups/spout-", timeout=SOON)


async def _sets_a_password_and_changes_it(tab: Tab, other: Tab) -> None:
    """Both tabs are logged out by it, and the old one is asked for."""
    page = tab.page
    await go(page, "access")
    await _types(page, new="first of all", same="first of all")
    await press(page, "Set a password").click()
    await _logs_in(tab, "first of all")
    await other.page.goto(f"{other.address}/settings")
    await expect(other.page.locator("#password")).to_be_visible(timeout=SOON)
    await _types(page, old="a guess", new="second to none", same="second to none")
    await press(page, "Change the password").click()
    field = page.locator(".field", has=page.locator("[data-name=old]"))
    await expect(field.locator(".wrong")).to_contain_text("not the password", timeout=SOON)
    await page.locator("[data-name=old]").fill("first of all")
    await press(page, "Change the password").click()
    await _logs_in(tab, "second to none")


async def _types(page: Page, **texts: str) -> None:
    for name, text in texts.items():
        await page.locator(f"#access [data-name={name}]").fill(text)


async def _logs_in(tab: Tab, password: str) -> None:
    field = tab.page.locator("form #password")
    await expect(field).to_be_visible(timeout=SOON)
    await field.fill(password)
    await tab.page.locator("form button").click()
    await tab.ready()
    await tab.page.goto(f"{tab.address}/settings#access")
    await expect(tab.page.locator("#access [data-name=old]")).to_be_visible(timeout=SOON)


async def test_a_name_of_one_long_word_makes_no_page_and_no_toast_wider_than_a_phone(
    browser: Browser, tmp_path: Path
) -> None:
    name = "W" * 80
    async with an_operated_box(tmp_path, password=None) as spout:
        with receiving() as hook:
            await spout.stage.add(hook.url(), name=name)
        page = (await visited(browser, spout, width=390)).page
        await page.get_by_label(f"Turn off: {name}").click()
        await go(page, "labels")
        await page.locator("#labels [data-name=address]").fill(address_of(Script(f"0014{1:040x}")))
        await page.locator("#labels [data-name=entity]").fill(name)
        await press(page, "Add the label").click()
        await expect(page.locator("#labels .plainlist b")).to_have_text(name, timeout=SOON)
        for section in ("alerts", "deliveries", "labels"):
            await go(page, section)
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390, section
        dismiss = page.locator(".toast").get_by_label("Dismiss").first
        await expect(dismiss).to_be_in_viewport(ratio=1, timeout=SOON)
