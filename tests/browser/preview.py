"""A small server for the pages alone: `python -m tests.browser.preview [PORT]` shows a living sea.

It mounts the pages as the appliance does: headers, nonce, Host check.
"""

import asyncio
import random
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from bokeh.server.tornado import BokehTornado
from bokeh.server.urls import per_app_patterns
from panel.io.server import WSHandler
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets
from tornado.web import GZipContentEncoding, OutputTransform, RequestHandler

from app.core.classification import Flow
from app.web.bokeh_app import PageHandler
from dashboard.pages import PageOptions, Pages, build
from tests.browser.scenes import EXCHANGES, harbour
from tests.browser.sea import Sea, a_whale, blocks


class SameHost(WSHandler):  # type: ignore[misc]
    def check_origin(self, origin: str) -> bool:
        return urlsplit(origin).netloc.lower() == self.request.host.lower()


class Headers(OutputTransform):
    """The policy the appliance sends; a nonce for the page's scripts, and for that page only."""

    def __init__(self, request: HTTPServerRequest) -> None:
        super().__init__(request)
        self.nonce = secrets.token_urlsafe(16)

    def transform_first_chunk(
        self,
        status_code: int,
        headers: HTTPHeaders,
        chunk: bytes,
        finishing: bool,  # noqa: FBT001
    ) -> tuple[int, HTTPHeaders, bytes]:
        headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'self' 'nonce-{self.nonce}'; style-src 'self' 'unsafe-inline'; "
            "img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; object-src 'none'; "
            "form-action 'self'; frame-ancestors 'self'"
        )
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        if headers.get("Content-Type", "").startswith("text/html") and finishing:
            chunk = chunk.replace(b"<script", f'<script nonce="{self.nonce}"'.encode())
            headers["Content-Length"] = str(len(chunk))
        return status_code, headers, chunk


class Healthz(RequestHandler):
    def get(self) -> None:
        self.write({"status": "ok", "pages": "ready"})


@asynccontextmanager
async def served(
    sea: Sea, port: int = 0, unused_seconds: float = 15, token_seconds: int = 300, **options: Any
) -> AsyncIterator[tuple[str, Pages]]:
    """Serve the pages over `sea` on a loopback port; yields the address."""
    pages = build(
        sea.live,
        sea.past,
        PageOptions(**{"version": "test", "explorer_url": "http://umbrel.local:3006"} | options),
    )
    per_app_patterns[:] = [(r"/ws", SameHost), (r"/?", PageHandler)]
    app = BokehTornado(
        pages.applications,
        extra_patterns=[(r"/healthz", Healthz), *pages.handlers],
        transforms=[Headers, GZipContentEncoding],
        include_headers=["User-Agent"],
        include_cookies=[],
        session_token_expiration=token_seconds,
        unused_session_lifetime_milliseconds=round(unused_seconds * 1000),
        check_unused_sessions_milliseconds=round(unused_seconds * 500),
    )
    app.initialize(IOLoop.current())
    app.start()
    pages.open()
    sockets = bind_sockets(port, "127.0.0.1")
    server = HTTPServer(app)
    server.add_sockets(sockets)
    try:
        yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}", pages
    finally:
        server.stop()
        pages.close()
        app.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await server.close_all_connections()


async def swim(sea: Sea) -> None:
    """Let the sea live: whales come, are bumped, confirm with a block every half minute."""
    chance = random.Random()
    number = 0
    while True:
        await asyncio.sleep(chance.uniform(0.5, 4))
        sea.now = datetime.now(UTC)
        number += 1
        roll = chance.random()
        pending = sea.snapshot.pending
        if roll < 0.5 or not pending:
            flow = chance.choice(list(Flow))
            sea.appear(
                a_whale(
                    f"live{number}{chance.random()}",
                    round(100 + chance.expovariate(1 / 300), 2),
                    sea.now,
                    flow=flow,
                    source=chance.choice(EXCHANGES) if flow not in {Flow.INFLOW, Flow.UNKNOWN} else None,
                    target=chance.choice(EXCHANGES) if flow not in {Flow.OUTFLOW, Flow.UNKNOWN} else None,
                    rate=round(chance.lognormvariate(1.1, 0.6), 2),
                    ahead=chance.choice((1, 1, 2, 3, 6)),
                )
            )
        elif roll < 0.8:
            sea.show(queue=blocks(chance.uniform(0.8, 1.3)))
        elif roll < 0.9:
            sea.bump(chance.choice(pending), rate=20, ahead=1)
        else:
            sea.block(*chance.sample(pending, min(len(pending), 3)))


async def main(port: int) -> None:
    sea = Sea(demo="--demo" in sys.argv)
    harbour(sea)
    async with served(sea, port) as (address, _):
        print(address)
        await swim(sea)


if __name__ == "__main__":
    asyncio.run(main(int(next((one for one in sys.argv[1:] if one.isdigit()), "8412"))))
