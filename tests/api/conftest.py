"""A real server on a free port of the loopback, with in-memory doubles behind it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from app.api.limits import Limiter
from app.api.stream.clients import StreamLimits
from app.bus import Bus
from app.core.access import Scope
from app.core.events import Event
from app.keyring import Keyring
from app.metrics import Metrics
from app.server import Server
from app.settings import read_settings
from app.views import LiveSnapshot, Snapshot
from tests.api.fakes import DictKeys, ListHistory
from tests.fakes import NOON, FakeClock

READ = {"X-API-Key": "reader"}
ADMIN = {"X-API-Key": "chief"}
SECRET = b"a secret of the tests, long enough"


@dataclass(slots=True, kw_only=True)
class Composition:
    """The server under test and what stands behind it."""

    server: Server
    http: httpx.AsyncClient
    clock: FakeClock
    keys: DictKeys
    limiter: Limiter
    history: ListHistory
    live: LiveSnapshot
    bus: Bus[Event]
    stack: AsyncExitStack

    def happen(self, *events: Event) -> None:
        """As the pipeline does: store, then publish, then show."""
        for event in events:
            self.history.events.append(event)
            self.bus.publish(event)
            self.live.show(replace(self.live.snapshot, last_sequence=event.sequence))

    async def socket(self, path: str = "/api/v1/stream", **options: Any) -> ClientConnection:
        address = f"ws://127.0.0.1:{self.server.port}{path}"
        return await self.stack.enter_async_context(connect(address, proxy=None, **options))

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.port}"


OpenServer = Callable[..., Coroutine[Any, Any, Composition]]


@pytest.fixture
async def open_server(tmp_path: Path) -> AsyncIterator[OpenServer]:
    """`await open_server(SPOUT_PASSWORD="…", limits=…, demo=True, attached=False)`."""
    async with AsyncExitStack() as stack:

        async def build(
            *,
            limits: StreamLimits | None = None,
            demo: bool = False,
            attached: bool = True,
            secret: bytes = SECRET,
            **environ: str,
        ) -> Composition:
            settings = read_settings({"SPOUT_PORT": "0", "SPOUT_DATA_DIR": str(tmp_path), **environ})
            clock, bus, history = FakeClock(), Bus[Event](), ListHistory()
            limiter = Limiter()
            keys = DictKeys(reader=Scope.READ, chief=Scope.ADMIN)
            live = LiveSnapshot(Snapshot(version=0, made_at=NOON, started_at=NOON, demo=demo))
            server = Server(settings, Keyring(secret), clock)
            server.listen()
            stack.push_async_callback(server.close)
            await server.mount_api(
                live=live, bus=bus, metrics=Metrics(), stream_limits=limits, limiter=limiter
            )
            if attached:
                server.attach(history, keys)
            http = await stack.enter_async_context(
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=30.0)
            )
            return Composition(
                server=server,
                http=http,
                clock=clock,
                keys=keys,
                limiter=limiter,
                history=history,
                live=live,
                bus=bus,
                stack=stack,
            )

        yield build


@pytest.fixture
async def composition(open_server: OpenServer) -> Composition:
    """With a password, so that keys are asked for."""
    return await open_server(SPOUT_PASSWORD="open sesame")


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Give the loop turns until the condition holds; fails when it does not in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition is the server's, it has no event
            await asyncio.sleep(0)
