"""Panel's pages as one Tornado application. Importing this imports Panel: do it off the event loop."""

from functools import partial
from typing import Any

from bokeh.server.tornado import BokehTornado
from bokeh.server.urls import per_app_patterns
from panel.io.server import WSHandler
from tornado.ioloop import IOLoop
from tornado.web import GZipContentEncoding

from app.web.access_log import log_request
from app.web.bundle import PagesBundle
from app.web.gate import Gate
from app.web.headers import PageHeaders
from app.web.origin import same_origin

_LARGEST_MESSAGE_BYTES = 1024 * 1024


def is_beside_api(spec: tuple[Any, ...]) -> bool:
    return str(spec[0]).lstrip("^").startswith("/api/")


class OwnOriginBokehSocket(WSHandler):
    """Bokeh's own list of origins knows no IPv6 and is overruled by a variable of the environment."""

    def check_origin(self, origin: str) -> bool:
        return same_origin(origin, self.request.host)


def pages_application(bundle: PagesBundle, gate: Gate, key: bytes) -> BokehTornado:
    """Build and start it on the running loop; `key` signs Bokeh's session tokens."""
    # Pages only: nobody embeds us elsewhere, so autoload.js and metadata are not served.
    per_app_patterns[:] = [(r"/ws", OwnOriginBokehSocket), (r"/?", per_app_patterns[-1][1])]
    application = BokehTornado(
        dict(bundle.applications),
        extra_patterns=[spec for spec in bundle.handlers if not is_beside_api(spec)],
        use_index=False,
        ico_path="none",
        sign_sessions=True,
        secret_key=key.hex().encode(),
        include_headers=["User-Agent"],
        include_cookies=[],
        websocket_max_message_size_bytes=_LARGEST_MESSAGE_BYTES,
        transforms=[partial(PageHeaders, gate=gate), GZipContentEncoding],
        log_function=log_request,
    )
    application.initialize(IOLoop.current())
    application.start()
    return application
