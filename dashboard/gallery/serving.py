"""Serves pages on a port of this machine as the appliance mounts them: headers, nonce, Host check."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.routing import AnyMatches, PathMatches, Rule, RuleRouter
from tornado.web import Application

from app.clock import SystemClock
from app.keyring import Keyring
from app.settings import read_settings
from app.web import Gate, HealthzHandler, LoginRequiredWebSocket, Sessions
from dashboard.build import PageOptions, Pages, build_pages
from dashboard.gallery.page import gallery
from dashboard.gallery.sample import NoHistory, sample_live, sample_renderer, sample_whale
from dashboard.pages import Page

_SECRET = b"of nobody: there is no login on this machine alone"


class _Ready:
    ready = True


def gallery_pages() -> Pages:
    options = PageOptions(
        version="gallery",
        door=LoginRequiredWebSocket,
        pages=(Page(path="/", name="Components", compose=gallery),),
        channels={"gallery": sample_renderer},
        whale=sample_whale,
    )
    return build_pages(sample_live(), NoHistory(), options)


@asynccontextmanager
async def serving(
    pages: Pages,
    port: int = 0,
    *,
    ahead: bool = False,
    **bokeh: Any,  # noqa: ANN401 - Bokeh's own
) -> AsyncIterator[str]:
    """Yield the address; `port` 0 for any that is free. `ahead`: once all pages are composed."""
    bokeh_app = importlib.import_module("app.web.bokeh_app")  # whoever imports the pages has Panel
    settings = read_settings({"SPOUT_DATA_DIR": "/nowhere"})
    clock = SystemClock()
    gate = Gate(settings, Sessions(Keyring(_SECRET), None, clock.now), clock)
    app = bokeh_app.pages_application(pages, gate, _SECRET, **bokeh)
    beside = [spec for spec in pages.handlers if bokeh_app.is_beside_api(spec)]
    own = Application([(r"/healthz", HealthzHandler, {"door": _Ready()}), *beside], gate=gate)
    router = RuleRouter([Rule(PathMatches(r"/(?:healthz|api/.*)"), own), Rule(AnyMatches(), app)])
    pages.open(ahead=False)
    if ahead:
        await pages.compose_all()
    sockets = bind_sockets(port, "127.0.0.1")
    server = HTTPServer(router)
    server.add_sockets(sockets)
    try:
        yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    finally:
        server.stop()
        pages.close()
        stop = getattr(app, "stop_async", None)  # Bokeh 3.10's, whose `stop` refuses a loop that runs
        await stop() if stop else app.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await server.close_all_connections()
