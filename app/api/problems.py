"""Errors of the API: `{"error": {"code", "message", "correlation_id"}}` and the matching status."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from tornado.web import HTTPError

from app.errors import Fault
from app.web import refusal_body


class Problem(HTTPError):  # noqa: N818 - the word for it (RFC 9457)
    """An error response, raised anywhere below a handler; the handler's `write_error` sends it."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: dict[str, str] | None = None,
        *,
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__(status, reason=HTTPStatus(status).phrase)
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.faults = tuple(faults)


def bad_parameter(name: str, words: str) -> Problem:
    return Problem(400, "bad_parameter", f"{name} {words}", faults=[Fault(name, words)])


def starting(what: str) -> Problem:
    return Problem(
        503, "starting", f"{what} is still being opened; ask again in a moment", {"Retry-After": "1"}
    )


def error_body(code: str, message: str, *, demo: bool, faults: Sequence[Fault] = ()) -> dict[str, Any]:
    """Return the body of every error, on HTTP and on the stream."""
    body = refusal_body(code, message)
    if faults:
        body["faults"] = [{"name": one.name, "words": one.words} for one in faults]
    if demo:
        body["demo"] = True
    return body


def to_json(body: Any) -> str:  # noqa: ANN401 - any JSON
    """Encode compactly; NaN and Infinity, which JSON does not have, are refused.

    Raises:
        ValueError: for a number that is not finite.
    """
    return json.dumps(body, separators=(",", ":"), allow_nan=False)
