"""Panel's pages as one Tornado application. Importing this imports Panel: do it off the event loop."""

from functools import partial
from typing import Any

from bokeh.server.tornado import BokehTornado
from bokeh.server.urls import per_app_patterns
from bokeh.util.token import generate_jwt_token, generate_session_id
from panel.io.server import DocHandler, WSHandler
from tornado.ioloop import IOLoop
from tornado.web import GZipContentEncoding

from app.web.access_log import log_request
from app.web.bundle import PagesBundle, WrittenPage
from app.web.gate import Gate
from app.web.headers import PageHeaders
from app.web.origin import same_origin

_LARGEST_MESSAGE_BYTES = 1024 * 1024


def is_beside_api(spec: tuple[Any, ...]) -> bool:
    return str(spec[0]).lstrip("^").startswith("/api/")


class PageHandler(DocHandler):
    """A page that is written at once; its Bokeh session is made when its socket opens, after the tables.

    Panel's own handler makes the session first: a fifth of a second during which nothing else answers,
    also for whoever never opens the socket. An application that does not write its page is left to it.
    """

    async def get(self, *args: str, **kwargs: str) -> None:
        page = self.application_context.application
        if not isinstance(page, WrittenPage):
            await super().get(*args, **kwargs)  # type: ignore[misc]  # Tornado allows one that waits for nothing
            return
        # The token is good for some minutes only, so the page must not come out of a cache.
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.write(page.html(self._token()))

    def _token(self) -> str:
        bokeh = self.application
        keys: Any = {"secret_key": bokeh.secret_key, "signed": bokeh.sign_sessions}
        return generate_jwt_token(
            generate_session_id(**keys),
            expiration=bokeh.session_token_expiration,
            extra_payload={"headers": {}, "cookies": {}, "arguments": {}},
            **keys,
        )


class OwnOriginBokehSocket(WSHandler):
    """Bokeh's own list of origins knows no IPv6 and is overruled by a variable of the environment."""

    def check_origin(self, origin: str) -> bool:
        return same_origin(origin, self.request.host)


def pages_application(bundle: PagesBundle, gate: Gate, key: bytes) -> BokehTornado:
    """Build and start it on the running loop; `key` signs Bokeh's session tokens."""
    # Pages only: nobody embeds us elsewhere, so autoload.js and metadata are not served.
    per_app_patterns[:] = [(r"/ws", OwnOriginBokehSocket), (r"/?", PageHandler)]
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
