"""The access log: one line per request at level debug; server errors at every level."""

import logging

from tornado.web import RequestHandler

_LOG = logging.getLogger("app.http")


def log_request(handler: RequestHandler) -> None:
    """Log a request without its query string: a client may have put secrets into it."""
    status = handler.get_status()
    _LOG.log(
        logging.ERROR if status >= 500 and status != 503 else logging.DEBUG,
        "answered",
        extra={
            "method": handler.request.method,
            "path": handler.request.path,
            "status": status,
            "ms": round(handler.request.request_time() * 1000, 1),
        },
    )
