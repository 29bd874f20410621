"""The Umbrel package on a box of the test's own: the real parts behind Umbrel's names."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from playwright.async_api import Page

from tests.browser.conftest import a_browser, until, watched
from tests.journey.waiting import until as until_true
from tests.node.node import FEE
from tests.packages.box import APP_ID, NETWORK, RECEIVER, Box, box, compose
from tests.packages.podman import IMAGE, podman

pytestmark = [pytest.mark.node, pytest.mark.timeout(400)]
Json = dict[str, Any]
COOKIE = "UMBREL_PROXY_TOKEN"
MOST_OF_THE_TRIES = 70


@pytest.fixture(scope="module")
def umbrel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with box(tmp_path_factory.mktemp("umbrel")) as running:
        yield running


@pytest.fixture(scope="module")
def key(umbrel: Box) -> str:
    """An API key; by then the app sees all its neighbours."""
    made = umbrel.spout("keys", "create", "tester", "--scope", "admin").split()[0]
    until_true(lambda: level(umbrel, made) == "live", "the app sees its neighbours", seconds=120)
    return made


def ask(box: Box, path: str, key: str | None = None, **options: Any) -> httpx.Response:
    """Ask as a program outside of the box does: through the proxy, without its login."""
    headers = {"X-API-Key": key} if key else {}
    method = options.pop("method", "GET")
    return httpx.request(method, f"{box.url}{path}", headers=headers, timeout=20, trust_env=False, **options)


def level(box: Box, key: str) -> str | None:
    try:
        answer = ask(box, "/api/v1/health", key)
    except httpx.TransportError:
        return None
    return answer.json().get("rung") if answer.status_code == httpx.codes.OK else None


def in_the_network(script: str, *settings: str) -> str:
    """Run a script in a second container of the app's network, and return what it printed."""
    given = [part for one in (f"TARGET={APP_ID}_web_1", *settings) for part in ("--env", one)]
    run = ("run", "--rm", "-i", "--no-healthcheck", f"--network={NETWORK}", *given, "--entrypoint", "python3")
    return podman(*run, IMAGE, "-", stdin=script, seconds=200)


def test_without_the_box_s_login_there_is_no_page_and_with_a_key_there_is_the_api(
    umbrel: Box, key: str
) -> None:
    assert ask(umbrel, "/").status_code == httpx.codes.FOUND
    assert ask(umbrel, "/api/v1/widgets/market").status_code == httpx.codes.FOUND
    assert ask(umbrel, "/api/v1/live").status_code == httpx.codes.FOUND
    assert ask(umbrel, "/api/v1/predictions").status_code == httpx.codes.UNAUTHORIZED
    assert ask(umbrel, "/api/v1/predictions", key).status_code == httpx.codes.OK


async def test_the_dashboard_lives_behind_the_box_s_login(umbrel: Box) -> None:
    async with a_browser() as browser:
        context = await browser.new_context()
        await context.add_cookies([{"name": COOKIE, "value": umbrel.token, "url": umbrel.url}])
        page: Page = await context.new_page()
        tab = watched(page, umbrel.url)
        await page.goto(umbrel.url)
        await until(page, "document.documentElement.dataset.session === 'yes'")

        assert await page.query_selector("#password") is None
        assert tab.complaints == []
        assert tab.hosts == {f"127.0.0.1:{umbrel.port}"}


def test_a_whale_appears_and_its_alert_goes_out(umbrel: Box, key: str) -> None:
    endpoint = {"name": "mine", "kind": "webhook", "url": f"http://{RECEIVER}:9000/hook", "reach": "lan"}
    made = ask(umbrel, "/api/v1/endpoints", key, method="POST", json=endpoint)
    assert made.status_code == httpx.codes.CREATED, made.text

    txid = umbrel.node.send(umbrel.node.whale())
    until_true(
        lambda: ask(umbrel, f"/api/v1/predictions/{txid}", key).status_code == httpx.codes.OK,
        "it is seen",
        seconds=60,
    )
    alerted = until_true(lambda: alert_of(umbrel, txid), "the alert is received", seconds=60)

    assert alerted["type"] == "whale.detected"
    assert alerted["data"]["gross_sat"] > 100 * 10**8


def alert_of(box: Box, txid: str) -> Json | None:
    bodies = [json.loads(got.body) for got in tuple(box.receiver.got) if got.path == "/hook"]
    return next((one for one in bodies if one["data"].get("txid") == txid), None)


@pytest.mark.usefixtures("key")
def test_another_container_gets_no_page_no_socket_and_no_session() -> None:
    script = (Path(__file__).parent / "intruder.py").read_text("utf-8")

    answers = json.loads(in_the_network(script, f"PROXY={APP_ID}_app_proxy_1"))

    assert len(answers) > MOST_OF_THE_TRIES
    assert [what for what, status, cookie, _ in answers if cookie] == []
    # A login that is not needed leads back to the page, which is refused: a redirect without a session.
    assert [what for what, status, _, _ in answers if status < httpx.codes.MULTIPLE_CHOICES] == []


def test_a_widget_answers_the_box_and_has_nothing_of_the_operator_s_own(umbrel: Box, key: str) -> None:
    """umbrelOS asks the container itself, without a login; so may any other container."""
    address = umbrel.node.address()
    umbrel.spout("labels", "add", address, "My cold storage")
    coins = umbrel.node.coins()[:3]
    paid = sum((coin.amount for coin in coins), Decimal(0)) - FEE
    txid = umbrel.node.send(umbrel.node.sign(coins, {address: paid}))
    until_true(lambda: ask(umbrel, f"/api/v1/predictions/{txid}", key).is_success, "it is seen", seconds=60)
    manifest = yaml.safe_load((umbrel.room / APP_ID / "umbrel-app.yml").read_text("utf-8"))

    for widget in manifest["widgets"]:
        path = widget["endpoint"].split("/", 1)[1]
        answer = httpx.get(f"http://{umbrel.address}:8411/{path}", timeout=20, trust_env=False)
        assert answer.status_code == httpx.codes.OK, answer.text
        shown = answer.json()
        assert shown["type"] == widget["type"]
        assert re.fullmatch(r"\d+(ms|s|m)", shown["refresh"])
        assert sorted(set(widget["example"]) - set(shown)) == []
        assert "cold storage" not in answer.text
        assert address not in answer.text


def test_a_recreated_app_goes_on_with_its_data(umbrel: Box, key: str) -> None:
    """As an update does: the container is removed, another one takes the data."""
    before = ask(umbrel, "/api/v1/predictions", key).json()["total_count"]
    assert before > 0

    podman("rm", "--force", "--time", "20", f"{APP_ID}_web_1")
    compose(umbrel, "up", "--detach")

    def counted() -> bool:
        try:
            answer = ask(umbrel, "/api/v1/predictions", key)
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK and answer.json()["total_count"] >= before

    until_true(counted, "it has its predictions and takes the key", seconds=60)
