"""Pictures of the pages that look back: with a past, with little of one, and with none."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, expect

from tests.browser.conftest import CHARTS_ARE_THERE, until, watched
from tests.browser.lookback import looking_back
from tests.browser.quarter import a_quarter

PATHS: Final = ("/accuracy", "/history")
PASTS: Final = {"": 600, "-few": 12, "-none": 0}
"""How many whales, by the end of the picture's name."""
FILLED: Final = {"/accuracy": "#root-sentence .lead", "/history": "#root-sentence .lead"}
"""What has words once the figures have come."""
SOON_MS: Final = 60_000
SETTLES_MS: Final = 3_000


async def take_lookback(
    browser: Browser,
    folder: Path,
    wanted: list[str],
    sizes: dict[str, tuple[int, int]],
    lights: tuple[str, ...],
) -> list[str]:
    """Take each page whole; return what the pages complained of."""
    complaints: list[str] = []
    for past, whales in PASTS.items():
        paths = [path for path in PATHS if not wanted or f"{path[1:]}{past}" in wanted]
        if not paths:
            continue
        async with looking_back(a_quarter(datetime.now(UTC), whales=whales) if whales else []) as shown:
            for path in paths:
                for size, (width, height) in sizes.items():
                    for light in lights:
                        context = await browser.new_context(
                            viewport={"width": width, "height": height},
                            color_scheme="dark" if light == "dark" else "light",
                            reduced_motion="reduce",
                        )
                        tab = watched(await context.new_page(), shown.address)
                        page = await tab.open(path)
                        await until(page, CHARTS_ARE_THERE)
                        await expect(page.locator(FILLED[path])).not_to_be_empty(timeout=SOON_MS)
                        await page.wait_for_timeout(SETTLES_MS)
                        name = f"{path[1:]}{past}-{size}-{light}"
                        await page.screenshot(path=folder / f"{name}.png", full_page=True)
                        complaints += [f"{name}: {one}" for one in tab.complaints]
                        await context.close()
                print(f"{path[1:]}{past}", flush=True)
    return complaints
