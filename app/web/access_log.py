"""One line a request, for whoever asks for debug; what failed inside is told always."""

import logging

from tornado.web import RequestHandler

_LOG = logging.getLogger("app.http")


def log_request(handler: RequestHandler) -> None:
    """Without the query: a client may have put into it what should not be kept."""
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
