"""What the API refuses with: `{"error": {"code", "message"}}` and the right status."""

import json
from http import HTTPStatus
from typing import Any

from tornado.web import HTTPError


class Problem(HTTPError):  # noqa: N818 - the word for it (RFC 9457)
    """Raised anywhere below a handler; the handler's `write_error` turns it into the answer."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, reason=HTTPStatus(status).phrase)
        self.code = code
        self.message = message
        self.headers = headers or {}


def bad_parameter(name: str, words: str) -> Problem:
    return Problem(400, "bad_parameter", f"{name} {words}")


def starting(what: str) -> Problem:
    return Problem(
        503, "starting", f"{what} is still being opened; ask again in a moment", {"Retry-After": "1"}
    )


def error_body(code: str, message: str, *, demo: bool) -> dict[str, Any]:
    """The one shape of every refusal, on HTTP and on the stream."""
    body: dict[str, Any] = {"error": {"code": code, "message": message}}
    if demo:
        body["demo"] = True
    return body


def to_json(body: Any) -> str:  # noqa: ANN401 - any JSON
    """Compact, and never the NaN or Infinity that JSON does not have.

    Raises:
        ValueError: for a number that is not finite.
    """
    return json.dumps(body, separators=(",", ":"), allow_nan=False)
