"""The image by itself: nothing around it, hardly any memory, nothing to write to but its data."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM, until
from tests.journey.waiting import until as until_true
from tests.packages.podman import IMAGE, Container, podman

HEALTHZ_SECONDS = 5.0

pytestmark = pytest.mark.timeout(960)


def test_it_answers_within_five_seconds_and_runs_as_nobody(alone: Container) -> None:
    seconds = alone.start()

    assert seconds < HEALTHZ_SECONDS
    assert alone.run("id", "-u") == "1000"
    status = alone.run("sh", "-c", "cat /proc/1/status /proc/self/status")
    assert {line.split()[1] for line in status.splitlines() if line.startswith("CapEff")} == {
        "0000000000000000"
    }


def test_it_starts_without_a_network_and_without_neighbours(volume: str) -> None:
    with Container("spout-cut-off", volume=volume, network="none", SPOUT_SOURCE="mempool") as cut_off:
        podman("run", "--detach", "--name", cut_off.name, *without_port(cut_off), IMAGE)

        until_true(lambda: is_alive(cut_off), "it answers within", seconds=30)

        assert cut_off.lives


def is_alive(container: Container) -> bool:
    words = podman("exec", container.name, "sh", "-c", "spout is-alive && echo yes", check=False)
    return words == "yes"


def without_port(container: Container) -> list[str]:
    settings = [part for name, value in container.settings.items() for part in ("--env", f"{name}={value}")]
    return [one for one in container.hardened if not one.startswith("--publish")] + settings


def test_a_killed_container_keeps_its_data_and_starts_again(alone: Container) -> None:
    alone.start()
    alone.wait(pages=True)
    alone.run("spout", "keys", "create", "kept", "--scope", "read")
    alone.run("spout", "settings", "set", "SPOUT_RETENTION_DAYS", "77")

    alone.kill()
    alone.start_again()

    alone.wait(pages=True)
    assert "kept" in alone.run("spout", "keys", "list")
    assert "77" in alone.run("spout", "settings", "list")
    assert "Traceback" not in alone.logs()


def test_its_check_of_health_says_when_it_does_not_answer(alone: Container) -> None:
    alone.start()
    alone.run("spout", "is-alive")

    elsewhere = podman(
        "exec", "--env", "SPOUT_PORT=1", alone.name, "sh", "-c", "spout is-alive 2>&1 || echo refused"
    )

    assert "/healthz does not answer" in elsewhere
    assert elsewhere.endswith("refused")


async def test_every_page_is_whole_in_a_browser(alone: Container) -> None:
    alone.start()
    alone.wait(pages=True)
    failed, called = list[str](), set[str]()
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = await browser.new_page()
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.on("response", lambda answer: failed.append(answer.url) if answer.status in {404, 500} else None)
        page.on("request", lambda request: called.add(request.url.split("/")[2]))
        await page.goto(alone.url)
        await page.fill("#password", "open sesame")
        await page.click("button")
        for path in ("/", "/system", "/wall"):
            await page.goto(f"{alone.url}{path}")
            await connected(page)
        await browser.close()

    assert failed == []
    assert called == {f"127.0.0.1:{alone.port}"}


async def connected(page: Page) -> None:
    await until(page, "document.documentElement.dataset.session === 'yes'")


def test_it_has_no_compiler_and_no_package_that_nothing_imports() -> None:
    tools = "command -v cc gcc g++ ld make cargo git || true"
    script = (Path(__file__).parent / "inside.py").read_text("utf-8")

    assert podman("run", "--rm", "--entrypoint", "sh", IMAGE, "-c", tools) == ""
    assert podman("run", "--rm", "-i", "--entrypoint", "python3", IMAGE, "-", stdin=script).split() == []


def test_its_labels_and_its_user_are_what_a_store_reads() -> None:
    config = json.loads(podman("image", "inspect", IMAGE))[0]

    assert config["User"] == "1000:1000"
    assert config["Config"]["Volumes"] == {"/data": {}}
    assert config["Config"]["ExposedPorts"] == {"8411/tcp": {}}
    assert config["Healthcheck"]["Test"] == ["CMD", "spout", "is-alive"]
