"""Who may speak for others: a proxy that is named. Peers are told apart by their loopback addresses."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app.api.limits import STRANGER
from app.web.proxies import RESOLVE_SECONDS, RESOLVE_SOON_SECONDS, TrustedProxies
from tests.api.conftest import Composition, OpenServer
from tests.api.test_auth import PASSWORD
from tests.api.test_pages import HTML, with_pages
from tests.fakes import FakeClock

PROXY, NEIGHBOUR = "127.0.0.2", "127.0.0.3"
HOST = "spout.home.example"


@pytest.fixture
async def behind(open_server: OpenServer) -> Composition:
    """A Spout whose login a proxy takes over, as in a container network."""
    return await with_pages(
        open_server, SPOUT_HOST="0.0.0.0", SPOUT_TRUST_PROXY_AUTH="true", SPOUT_TRUSTED_PROXIES=PROXY
    )


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


async def client(stack: AsyncExitStack, composition: Composition, peer: str) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(local_address=peer)
    address = f"http://127.0.0.1:{composition.server.port}"
    opened = await stack.enter_async_context(
        httpx.AsyncClient(base_url=address, transport=transport, headers={"Host": HOST})
    )

    async def forget(_: httpx.Response) -> None:
        opened.cookies.clear()  # each test says which cookie it sends

    opened.event_hooks = {"response": [forget]}
    return opened


def requests_of(composition: Composition, stranger: str) -> int:
    """How many requests the limiter has counted for this address."""
    left = composition.limiter.look(STRANGER, stranger, composition.clock.monotonic())
    return STRANGER.amount - left.remaining


def cookie_and_token(page: httpx.Response) -> tuple[dict[str, str], dict[str, str]]:
    found = re.search(r'<meta name="spout-page" content="([^"]+)">', page.text)
    assert found is not None
    cookie = page.headers["Set-Cookie"].partition(";")[0]
    return {"Cookie": cookie}, {"X-Spout-Page": found[1]}


async def test_a_neighbour_of_the_proxy_gets_no_page_and_no_session(
    behind: Composition, stack: AsyncExitStack
) -> None:
    neighbour = await client(stack, behind, NEIGHBOUR)

    answer = await neighbour.get("/", headers=HTML)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "only_through_the_proxy")
    assert "Set-Cookie" not in answer.headers


async def test_a_session_of_the_proxys_means_nothing_in_a_neighbours_hand(
    behind: Composition, stack: AsyncExitStack
) -> None:
    proxy, neighbour = await client(stack, behind, PROXY), await client(stack, behind, NEIGHBOUR)
    cookie, token = cookie_and_token(await proxy.get("/", headers=HTML))
    reported = {**cookie, **token, "Origin": f"http://{HOST}"}
    body = {"address": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "entity": "x"}

    statuses = [
        (await one.post("/api/v1/labels", json=body, headers=reported)).status_code
        for one in (neighbour, proxy)
    ]

    assert statuses == [401, 503]  # recognised: only the database is not open in this test


async def test_a_cookie_without_the_pages_token_counts_for_nothing_on_the_api(
    behind: Composition, stack: AsyncExitStack
) -> None:
    proxy = await client(stack, behind, PROXY)
    cookie, token = cookie_and_token(await proxy.get("/", headers=HTML))

    statuses = [
        (await proxy.get("/api/v1/health", headers=reported)).status_code
        for reported in (cookie, token, cookie | {"X-Spout-Page": "guess"}, cookie | token)
    ]

    assert statuses == [401, 401, 401, 200]


@pytest.mark.parametrize(("protocols", "opens"), [([], False), (["token"], True)])
async def test_the_pages_feed_asks_for_the_token_too(
    behind: Composition,
    stack: AsyncExitStack,
    protocols: list[str],
    opens: bool,  # noqa: FBT001
) -> None:
    proxy = await client(stack, behind, PROXY)
    cookie, token = cookie_and_token(await proxy.get("/", headers=HTML))
    offered = [f"spout.page.{token['X-Spout-Page']}"] if protocols else None

    async def knock() -> None:
        address = f"ws://127.0.0.1:{behind.server.port}/api/v1/live"
        socket = await stack.enter_async_context(
            connect(
                address,
                origin=f"http://127.0.0.1:{behind.server.port}",
                additional_headers=cookie,
                subprotocols=offered,
                proxy=None,
                local_addr=(PROXY, 0),
            )
        )
        await socket.send("hello")
        assert await socket.recv() == "hello"

    if opens:
        await knock()
    else:
        with pytest.raises(InvalidStatus, match="401"):
            await knock()


async def test_a_page_lets_its_session_go_on(behind: Composition, stack: AsyncExitStack) -> None:
    proxy = await client(stack, behind, PROXY)
    cookie, token = cookie_and_token(await proxy.get("/", headers=HTML))
    await behind.clock.advance(3_000)
    renewed = await proxy.head("/", headers=cookie)
    await behind.clock.advance(3_000)
    later = {"Cookie": renewed.headers["Set-Cookie"].partition(";")[0]}

    old = await proxy.get("/api/v1/health", headers=cookie | token)
    new = await proxy.get("/api/v1/health", headers=later | token)

    assert (old.status_code, new.status_code) == (401, 200)


@pytest.mark.parametrize(
    ("forwarded", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("203.0.113.9, 192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, 127.0.0.2", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("nonsense", "127.0.0.2"),
        ("192.0.2.7, nonsense", "127.0.0.2"),
    ],
)
async def test_the_rightmost_address_that_is_no_trusted_proxy_counts(
    open_server: OpenServer, stack: AsyncExitStack, forwarded: str, counted: str
) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD, SPOUT_TRUSTED_PROXIES=f"{PROXY} 127.0.0.4/31")
    proxy = await client(stack, composition, PROXY)
    await proxy.get("/api/v1/health", headers={"X-API-Key": "guess", "X-Forwarded-For": forwarded})

    assert requests_of(composition, counted) == 1


async def test_a_stranger_says_nothing_of_others(open_server: OpenServer, stack: AsyncExitStack) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD, SPOUT_TRUSTED_PROXIES=PROXY)
    stranger = await client(stack, composition, NEIGHBOUR)
    await stranger.get("/api/v1/health", headers={"X-API-Key": "guess", "X-Forwarded-For": "192.0.2.7"})

    assert requests_of(composition, NEIGHBOUR) == 1


async def test_a_host_name_is_looked_up() -> None:
    proxies = TrustedProxies(["localhost"], FakeClock())
    before = proxies.holds("127.0.0.1")
    await proxies.resolve()

    assert (before, proxies.holds("127.0.0.1")) == (False, True)


async def test_a_name_is_looked_up_again_when_its_container_was_made_anew() -> None:
    clock, address = FakeClock(), "192.0.2.1"

    async def look_up(_name: str) -> frozenset[str]:
        return frozenset({address})

    proxies = TrustedProxies(["proxy"], clock, look_up)
    looking = asyncio.create_task(proxies.keep_resolved())
    await clock.advance(0)
    address = "192.0.2.2"
    before = [proxies.holds(one) for one in ("192.0.2.1", "192.0.2.2")]
    await clock.advance(RESOLVE_SOON_SECONDS)
    await clock.advance(RESOLVE_SECONDS)
    after = [proxies.holds(one) for one in ("192.0.2.1", "192.0.2.2")]
    looking.cancel()

    assert (before, after) == ([True, False], [False, True])
