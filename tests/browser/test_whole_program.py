"""What a person sees of the whole program: a real browser, Spout and the replaying backend as processes."""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.backend.process import BackendProcess
from tests.backend.transactions import a_payment, a_whale, address_of, bumped
from tests.browser.conftest import IN_A_BROWSER, Tab, watched
from tests.journey.spout import ROOT, SpoutProcess
from tests.journey.waiting import until

pytestmark = [*IN_A_BROWSER, pytest.mark.timeout(240), pytest.mark.slow]
SOON = 20_000
LATER = 60_000


@pytest.fixture(scope="module")
def backend() -> Iterator[BackendProcess]:
    with BackendProcess() as running:
        yield running


@pytest.fixture(scope="module")
def spout(backend: BackendProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpoutProcess]:
    with SpoutProcess(tmp_path_factory.mktemp("spout"), SPOUT_MEMPOOL_URL=backend.url) as running:
        running.wait_for_pages()
        yield running


async def opened(browser: Browser, spout: SpoutProcess) -> Tab:
    tab = watched(await browser.new_page(), f"http://127.0.0.1:{spout.port}")
    await tab.open()
    await tab.page.evaluate("window.sameVisit = true")
    return tab


async def test_a_whale_comes_up_is_bumped_and_moves_to_confirmed(
    browser: Browser, backend: BackendProcess, spout: SpoutProcess
) -> None:
    whale = a_whale()
    tab = await opened(browser, spout)
    page = tab.page
    pending = page.locator("#pending .rows .row")
    started = time.monotonic()
    backend.add(whale)
    await expect(pending.first).to_be_visible(timeout=SOON)
    print(f"\nfrom `added` to the page: {time.monotonic() - started:.2f} s")

    heavier = bumped(whale, 5_000)
    backend.replace(whale, heavier)
    await expect(pending.first).to_contain_text("bumped 1", timeout=SOON)

    started = time.monotonic()
    backend.mine([heavier])
    await expect(page.locator("#confirmed .rows .row").first).to_be_visible(timeout=SOON)
    await expect(pending).to_have_count(0, timeout=SOON)
    print(f"from the block to Confirmed: {time.monotonic() - started:.2f} s")

    assert tab.hosts == {f"127.0.0.1:{spout.port}"}
    assert tab.complaints == []
    await page.close()


async def test_a_dropped_and_a_reorged_whale_are_told_not_vanished(
    browser: Browser, backend: BackendProcess, spout: SpoutProcess
) -> None:
    dropped, undone = a_payment(301 * 10**8, change=0), a_payment(302 * 10**8, change=0)
    page = (await opened(browser, spout)).page
    backend.add(dropped, undone)
    await expect(page.locator("#pending .row", has_text="301.00")).to_be_visible(timeout=SOON)
    backend.mine([undone])
    await expect(page.locator("#confirmed .row", has_text="302.00")).to_be_visible(timeout=SOON)

    backend.drop(dropped)
    backend.reorg(1, [[], []])

    await expect(page.locator("#confirmed .row", has_text="301.00")).to_contain_text(
        "no longer", timeout=SOON
    )
    await expect(page.locator("#pending .row", has_text="302.00")).to_contain_text("reorged", timeout=LATER)
    await page.close()


async def test_a_lost_backend_is_said_and_its_return_too_without_a_reload(
    browser: Browser, backend: BackendProcess, spout: SpoutProcess
) -> None:
    page = (await opened(browser, spout)).page
    backend.call("refuse")
    await expect(page.locator("#banners")).not_to_be_empty(timeout=LATER)

    backend.call("listen")
    await expect(page.locator("#banners")).to_be_empty(timeout=LATER)

    assert await page.evaluate("window.sameVisit === true")
    await page.close()


async def test_the_killed_program_comes_back_on_the_open_page(
    browser: Browser, backend: BackendProcess, spout: SpoutProcess
) -> None:
    page = (await opened(browser, spout)).page
    spout.kill()
    await expect(page.locator("#line-lost")).to_be_visible(timeout=LATER)
    after = a_payment(303 * 10**8, change=0)
    await asyncio.to_thread(spout.start)
    backend.add(after)

    await expect(page.locator("#pending .row", has_text="303.00")).to_be_visible(timeout=LATER)
    await expect(page.locator("#line-lost")).to_be_hidden(timeout=SOON)
    await page.close()


async def test_the_degradations_are_told_step_by_step_and_kept_over_a_restart(
    browser: Browser, backend: BackendProcess, spout: SpoutProcess
) -> None:
    page = (await opened(browser, spout)).page
    banners = page.locator("#banners")
    backend.call("refuse")
    await expect(banners).to_contain_text("Mempool predictions unavailable", timeout=LATER)
    backend.call("listen")
    await expect(banners).to_be_empty(timeout=LATER)
    await asyncio.to_thread(spout.restart)
    await page.goto(f"http://127.0.0.1:{spout.port}/system")

    lost = page.locator("#changes li", has_text="What can be seen live →")
    await expect(lost.first).to_be_visible(timeout=LATER)
    await page.close()


async def test_a_label_of_the_operator_is_text_and_never_markup(
    browser: Browser, backend: BackendProcess, spout: SpoutProcess
) -> None:
    tab = await opened(browser, spout)
    page = tab.page
    name = "<img src=x onerror=document.title='taken'>"
    await asyncio.to_thread(label, spout, address_of("mallory"), name)
    backend.add(a_payment(304 * 10**8, change=0, payee="mallory"))
    row = page.locator("#pending .row", has_text="304.00")
    await expect(row).to_contain_text(name, timeout=SOON)
    await row.click()
    await expect(page.locator("#drawer header")).to_contain_text(name, timeout=SOON)

    assert await page.locator("main img, dialog img").count() == 0
    assert await page.title() == "Live · Spout"
    assert tab.complaints == []
    await page.close()


def label(spout: SpoutProcess, address: str, name: str) -> None:
    command = [sys.executable, "-m", "app", "labels", "add", address, name]
    subprocess.run(command, cwd=ROOT, env=spout.environment, check=True, timeout=60)
    until(lambda: re.search(r"labels read.*own.*1", spout.log.read_text()), "the label is in force")


async def test_logging_out_elsewhere_shows_the_way_in_on_the_open_page(
    browser: Browser, backend: BackendProcess, tmp_path: Path
) -> None:
    spout = SpoutProcess(tmp_path, SPOUT_MEMPOOL_URL=backend.url, SPOUT_PASSWORD="a whale of a word")
    spout.start(ready=False)
    try:
        spout.wait_for_pages()
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(f"http://127.0.0.1:{spout.port}/")
        await page.locator("#password").fill("a whale of a word")
        await page.locator("button").click()
        await page.wait_for_selector("html[data-ready=yes]", timeout=SOON, state="attached")
        await context.request.post(
            f"http://127.0.0.1:{spout.port}/logout", headers={"Origin": f"http://127.0.0.1:{spout.port}"}
        )

        await expect(page.locator("#password")).to_be_visible(timeout=SOON)
        await context.close()
    finally:
        spout.kill()
