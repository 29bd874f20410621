"""`make gallery`: the five pictures of the listing, 1440x900, from the demo as anybody can start it.

Starts `spout run` with the bundled recording in a folder of its own, waits until whales wait and some have
confirmed, and takes docs/gallery/1.png to 5.png. Needs the tests' browser (`make test` fetches it).
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "gallery"
SIZE = {"width": 1440, "height": 900}
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
PORT = 18411
WANTED = {"pending": 4, "confirmed": 5}
PATIENCE_SECONDS = 300.0
SHOTS = (
    ("/", "light", False),
    ("/", "light", True),
    ("/", "dark", False),
    ("/wall", "dark", False),
    ("/system", "light", False),
)
"""Of each picture: the page, the light, and whether a whale is opened."""


def main() -> int:
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as room:
        own = {"SPOUT_SOURCE": "demo", "SPOUT_DATA_DIR": room, "SPOUT_PORT": str(PORT)}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SPOUT_")}
        with subprocess.Popen(
            [sys.executable, "-m", "app", "run"], cwd=ROOT, env={**environment, **own}
        ) as spout:
            try:
                wait_for_whales()
                take()
            finally:
                spout.terminate()
    return 0


def wait_for_whales() -> None:
    """Wait until the demo has something to show.

    Raises:
        TimeoutError: if it has not in time.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(count(status) < wanted for status, wanted in WANTED.items()):
        if time.monotonic() > deadline:
            raise TimeoutError("the demo had too few whales in time")
        time.sleep(0.5)


def count(status: str) -> int:
    """Return how many predictions have this status; 0 while nothing answers."""
    query = {"status": status, "limit": "1"}
    try:
        answer = httpx.get(f"http://127.0.0.1:{PORT}/api/v1/predictions", params=query, trust_env=False)
    except httpx.TransportError:
        return 0
    return int(answer.json()["total_count"]) if answer.is_success else 0


def take() -> None:
    with sync_playwright() as play:
        own = CHROMIUM if CHROMIUM.exists() else None
        browser = play.chromium.launch(executable_path=own, args=ARGUMENTS)
        for number, (path, light, is_open) in enumerate(SHOTS, start=1):
            context = browser.new_context(viewport=SIZE, color_scheme=light, reduced_motion="reduce")
            page = context.new_page()
            page.goto(f"http://127.0.0.1:{PORT}{path}")
            page.wait_for_selector("html[data-ready=yes]", state="attached", timeout=30_000)
            page.wait_for_timeout(2_000)  # until the charts are drawn
            wait_for_whales()
            if is_open:
                open_whale(page)
            page.screenshot(path=TARGET / f"{number}.png")
            print(f"{(TARGET / f'{number}.png').relative_to(ROOT)}  {path} {light}")
            context.close()
        browser.close()


def open_whale(page: Page) -> None:
    page.locator("#confirmed .row:not(.head)", has_text="on time").first.click()
    page.locator("#drawer-title").wait_for()
    page.wait_for_timeout(1_000)


if __name__ == "__main__":
    sys.exit(main())
