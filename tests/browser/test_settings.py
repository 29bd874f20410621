"""The Settings page as a new user meets it: the real program, a real receiver, our own Bot API server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.backend.process import BackendProcess
from tests.backend.transactions import a_payment
from tests.browser.conftest import IN_A_BROWSER, Tab, findings, watched
from tests.browser.operated import PASSWORD, an_operated_box
from tests.browser.test_layout import WATCH_SHIFT
from tests.journey.spout import SpoutProcess
from tests.notifiers.receivers import Receiver, Say, receiving

pytestmark = [*IN_A_BROWSER, pytest.mark.timeout(240), pytest.mark.slow]
SOON = 20_000
SECTIONS = ("alerts", "deliveries", "general", "labels", "access", "backup", "changes")
TOKEN = "123456789:AAabcdefghijklmnopqrstuvwxyz123456789"
GOOD_BOT = b'{"ok": true, "result": {"message_id": 7}}'

A_LIST_OF_ONE_BUTTON = """
(async () => {
  const ours = document.querySelector("script[type=module][src]").src;
  const { redraw } = await import(new URL("said.js", ours));
  const host = Object.assign(document.createElement("div"), { id: "pressed" });
  host.style = "position:fixed;top:0;left:0;z-index:99";
  document.body.prepend(host);
  let [last, presses] = [0, 0];
  const button = () => {
    const made = document.createElement("button");
    made.textContent = `drawn ${last}, pressed ${presses}`;
    made.onclick = () => { presses += 1; drawn(last); };
    return made;
  };
  window.drawn = (number) => { last = number; redraw(host, [last, presses], () => [button()]); };
  drawn(1);
})()
"""


@pytest.fixture(scope="module")
def backend() -> Iterator[BackendProcess]:
    with BackendProcess() as running:
        yield running


@pytest.fixture(scope="module")
def spout(backend: BackendProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpoutProcess]:
    settings = {"SPOUT_MEMPOOL_URL": backend.url, "SPOUT_ALLOWED_TARGETS": "127.0.0.1"}
    with SpoutProcess(tmp_path_factory.mktemp("spout"), **settings) as running:
        running.wait_for_pages()
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as listening:
        yield listening


async def opened(browser: Browser, spout: SpoutProcess, section: str = "alerts", width: int = 1440) -> Tab:
    context = await browser.new_context(viewport={"width": width, "height": 860}, reduced_motion="reduce")
    await context.add_init_script(WATCH_SHIFT)
    tab = watched(await context.new_page(), f"http://127.0.0.1:{spout.port}")
    await tab.open(f"/settings#{section}")
    return tab


async def begun(page: Page, kind: str, name: str) -> Locator:
    """The form of a new endpoint, with its name and where it lies."""
    await page.locator(f"[data-kind={kind}]").click()
    form = page.locator("dialog.editor")
    await form.locator("[data-name=name]").fill(name)
    await form.locator("[data-name=reach]").select_option("lan")
    return form


def press(within: Page | Locator, name: str) -> Locator:
    return within.get_by_role("button", name=name, exact=True)


async def test_a_webhook_is_added_tested_seen_broken_and_sent_again(
    browser: Browser, backend: BackendProcess, spout: SpoutProcess, receiver: Receiver
) -> None:
    """Of the real program; tests/browser/test_settings_journey.py has the rest, at both sizes."""
    tab, name = await opened(browser, spout, width=390), "Kitchen"
    page = tab.page
    form = await begun(page, "webhook", name)
    await form.locator("[data-name=url]").fill(receiver.url())
    await press(form, "Send a test").click()
    await expect(form.locator("output.result")).to_contain_text("(200)", timeout=SOON)
    await press(form, "Add").click()
    await expect(page.locator(".once code")).to_contain_text("whsec_", timeout=SOON)
    await press(page, "I have it").click()

    receiver.script = [Say(500, b"the bridge is down")]
    await page.get_by_label(f"Send a test: {name}").click()
    endpoint = page.locator(".endpoint", has_text=name)
    await expect(endpoint.locator("output")).to_contain_text("Did not arrive (500)", timeout=SOON)
    backend.add(a_payment(801 * 10**8, change=0))
    await page.locator(".sections a[href='#deliveries']").click()
    await page.locator("#deliveries select").first.select_option(label=name)
    failed = page.locator("tr[data-status=failed]", has_text="the bridge is down")
    await expect(failed).to_be_visible(timeout=SOON)
    arrived = page.locator("tr[data-status=delivered]", has_text="new whale")
    await expect(arrived).to_be_visible(timeout=SOON)
    await failed.get_by_role("button").click()

    await expect(page.locator("tr[data-status=delivered]", has_text="test")).to_be_visible(timeout=SOON)
    assert [json.loads(got.body)["type"] for got in receiver.got].count("test") == 3
    assert tab.complaints == []
    assert tab.hosts == {f"127.0.0.1:{spout.port}"}


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("section", ["alerts", "access"])
async def test_nothing_moves_while_a_section_fills(
    browser: Browser, spout: SpoutProcess, section: str, width: int
) -> None:
    page = (await opened(browser, spout, section, width)).page
    await expect(page.locator(f"#{section} [data-loaded=yes]").first).to_be_visible(timeout=SOON)
    await page.wait_for_timeout(300)

    assert await page.evaluate("window.shift") < 0.05


async def test_each_wrong_field_says_so_beside_it_at_once_and_keeps_what_was_typed(
    browser: Browser, spout: SpoutProcess, receiver: Receiver
) -> None:
    page = (await opened(browser, spout)).page
    form = await begun(page, "webhook", "Wrong")
    await form.locator("[data-name=url]").fill(receiver.url())
    amount = form.locator("[data-name='rules.min_moved_btc']")
    await amount.fill("many")
    await form.locator("summary", has_text="When it may ring").click()
    await form.locator("[data-name=budget_per_hour]").fill("-4")
    await form.locator("summary", has_text="How it reads").click()
    await form.locator("[data-name=template]").fill("$foo")
    await press(form, "Add").click()

    for name, words in (
        ("rules.min_moved_btc", "Must be an amount of BTC from 0 to 21000000, with at most 8 decimals."),
        ("budget_per_hour", "Must be at least 1."),
        ("template", "Names $foo, which is unknown (did you mean $flow?)."),
    ):
        beside = form.locator(".field", has=page.locator(f"[data-name='{name}']")).locator(".wrong")
        await expect(beside).to_have_text(words)
    await expect(form.locator("footer .wrong")).to_have_text("3 fields above cannot be taken as they stand.")
    await expect(amount).to_be_focused()
    await expect(amount).to_have_value("many")
    await expect(form.locator("[data-name=url]")).to_have_value(receiver.url())


async def test_the_keyboard_alone_opens_a_form_and_escape_does_not_throw_it_away(
    browser: Browser, spout: SpoutProcess
) -> None:
    page = (await opened(browser, spout)).page
    await page.locator("[data-kind=webhook]").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.type("By hand")
    await page.keyboard.press("Escape")
    form = page.locator("dialog.editor")
    await expect(form).to_be_visible()
    await expect(form.locator("[data-name=name]")).to_have_value("By hand")
    await page.keyboard.press("Enter")

    await expect(form).to_be_hidden()
    await expect(page.locator("[data-kind=webhook]")).to_be_focused()


async def test_a_setting_is_in_force_at_once_and_goes_back(browser: Browser, spout: SpoutProcess) -> None:
    page = (await opened(browser, spout, "general")).page
    row = page.locator(".setting", has_text="History is kept for")
    await row.locator("input").fill("30")
    await row.get_by_role("button", name="Save").click()
    await expect(row).to_contain_text("set here", timeout=SOON)
    await row.get_by_role("button", name="Back to 90").click()

    await expect(row.locator("input")).to_have_value("90", timeout=SOON)
    await page.locator(".sections a[href='#changes']").click()
    await expect(page.locator("#changes li").first).to_contain_text("back to the environment's", timeout=SOON)


async def test_a_whales_card_says_who_was_told_and_follows_it(
    browser: Browser, backend: BackendProcess, spout: SpoutProcess, receiver: Receiver
) -> None:
    page = (await opened(browser, spout)).page
    form = await begun(page, "webhook", "Card")
    await form.locator("[data-name=url]").fill(receiver.url())
    await form.locator("[data-name='rules.min_moved_btc']").fill("100000")
    await press(form, "Add").click()
    await expect(form).to_be_hidden(timeout=SOON)
    backend.add(a_payment(377 * 10**8, change=0))
    await page.goto(f"http://127.0.0.1:{spout.port}/")
    await page.locator("#pending .row", has_text="377.00").click()
    card = page.locator("#drawer .whale-alerts")
    await card.locator("summary").first.click()
    line = card.locator("li", has_text="Card")
    await expect(line).to_contain_text("rule", timeout=SOON)
    await line.get_by_role("button").click()

    await expect(line.get_by_role("button")).to_have_attribute("aria-pressed", "true", timeout=SOON)
    await card.locator("summary", has_text="This flow is wrong").click()
    await card.locator("[data-name=entity]").fill("Grandma")
    await press(card, "Add the label").click()
    await expect(page.locator(".toast", has_text="what was scored already stays")).to_be_visible(timeout=SOON)
    assert [one["entity"] for one in spout.get("/api/v1/labels")["labels"]] == ["Grandma"]


async def test_axe_finds_nothing_serious_and_nothing_is_too_wide(
    browser: Browser, spout: SpoutProcess, axe: str
) -> None:
    page = (await opened(browser, spout)).page
    found: dict[str, list[str]] = {}
    for width, light in ((1440, "light"), (360, "dark")):
        await page.set_viewport_size({"width": width, "height": 860})
        await page.emulate_media(color_scheme="dark" if light == "dark" else "light")
        for section in SECTIONS:
            await page.locator(f".sections a[href='#{section}']").click()
            found[f"{section} {width} {light}"] = await findings(page, axe)
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, section
        await page.locator(".sections a[href='#alerts']").click()
        await page.locator("[data-kind=email]").click()
        for summary in await page.locator("dialog.editor summary").all():
            await summary.click()
        found[f"form {width} {light}"] = await findings(page, axe)
        await page.keyboard.press("Escape")

    assert not any(found.values()), {name: one for name, one in found.items() if one}


async def test_every_page_of_the_navigation_is_in_sight_on_a_phone_and_a_tablet(
    browser: Browser, spout: SpoutProcess
) -> None:
    page = (await opened(browser, spout, width=360)).page
    beyond = {}
    for width in (360, 821):
        await page.set_viewport_size({"width": width, "height": 860})
        inside = await page.locator("nav").evaluate("nav => nav.scrollWidth - nav.clientWidth")
        beyond[width] = (inside, await page.evaluate("document.documentElement.scrollWidth - innerWidth"))

    assert beyond == {360: (0, 0), 821: (0, 0)}


async def test_an_old_tab_is_asked_for_the_password_and_then_does_what_it_was_told(
    browser: Browser, tmp_path: Path
) -> None:
    async with an_operated_box(tmp_path) as box:
        page = await browser.new_page()
        await page.goto(f"{box.address}/settings#access")
        await page.locator("#password").fill(PASSWORD)
        await page.locator("button").click()
        await page.wait_for_selector("html[data-ready=yes]", timeout=SOON, state="attached")
        await page.goto(f"{box.address}/settings#access")
        await box.clock.advance(11 * 60)
        await page.locator("#access [data-name=name]").fill("grafana")
        await press(page, "Make a key").click()
        await page.locator("#again").fill("another one")
        await press(page, "Go on").click()
        await expect(page.locator("#again-wrong")).to_have_text("That is not the password", timeout=SOON)
        await page.locator("#again").fill(PASSWORD)
        await press(page, "Go on").click()

        await expect(page.locator(".plainlist li[data-name=grafana]")).to_be_visible(timeout=SOON)


async def test_a_press_counts_though_its_list_is_drawn_anew_meanwhile(
    browser: Browser, spout: SpoutProcess
) -> None:
    """A list changes by itself, a finger takes a tenth of a second, and a click needs both its ends."""
    page = (await opened(browser, spout)).page
    await page.evaluate(A_LIST_OF_ONE_BUTTON)
    await page.locator("#pressed button").hover()
    await page.mouse.down()
    meanwhile = await page.evaluate("drawn(2), document.querySelector('#pressed').textContent")
    await page.mouse.up()

    await expect(page.locator("#pressed")).to_have_text("drawn 2, pressed 1", timeout=SOON)
    assert meanwhile == "drawn 1, pressed 0"
