"""What every route of the API has in common: who asks, how much, JSON in and out, errors in one shape."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, ClassVar

import structlog
from tornado.web import HTTPError, RequestHandler

from app.api.guard import Caller, identify
from app.api.parts import Parts
from app.api.problems import Problem, error_body, to_json
from app.core.access import Scope

_log = structlog.get_logger(__name__)
_CODES = {400: "bad_request", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


class JsonHandler(RequestHandler):
    """Answers in JSON, errors too; asks nobody who they are."""

    def initialize(self, parts: Parts) -> None:
        self.parts = parts
        self.told: dict[str, str] = {}

    def set_default_headers(self) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> str | None:
        return None

    def answer(self, body: dict[str, Any], status: int = 200) -> None:
        """Send `body`; in a demo it says so."""
        self.set_status(status)
        self.finish(to_json({**body, "demo": True} if self.parts.demo else body))

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: ANN401 - Tornado's shape
        kind: tuple[type[BaseException], BaseException, TracebackType] | None = kwargs.get("exc_info")
        error = kind[1] if kind else None
        code, message = _CODES.get(status_code, "error"), HTTPStatus(status_code).phrase
        for name, value in self.told.items():
            self.set_header(name, value)
        if isinstance(error, Problem):
            code, message = error.code, error.message
            for name, value in error.headers.items():
                self.set_header(name, value)
        elif status_code == 405:
            self._tell_methods()
            message = f"{self.request.method} is not possible here"
        elif isinstance(error, HTTPError) and error.log_message and status_code < 500:
            message = "The request cannot be read"
        elif status_code >= 500:
            code, message = "internal_error", "Something went wrong in Spout; the log says what"
        self.finish(to_json(error_body(code, message, demo=self.parts.demo)))

    def _tell_methods(self) -> None:
        has = [
            method
            for method in self.SUPPORTED_METHODS
            if getattr(type(self), method.lower()) is not getattr(RequestHandler, method.lower())
        ]
        self.set_header("Allow", ", ".join(has))

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if isinstance(value, HTTPError) and value.status_code < 500:
            return
        if isinstance(value, Problem):
            _log.debug("refused", code=value.code, path=self.request.path)
            return
        super().log_exception(typ, value, tb)

    def on_finish(self) -> None:
        self.parts.metrics.answered(
            type(self).__name__, self.request.method or "?", self.get_status(), self.request.request_time()
        )


class ApiHandler(JsonHandler):
    """Asks who it is, counts it, and lets only the scope its method needs go on."""

    SCOPES: ClassVar[Mapping[str, Scope]] = {
        "GET": Scope.READ,
        "HEAD": Scope.READ,
        "POST": Scope.ADMIN,
        "PUT": Scope.ADMIN,
        "PATCH": Scope.ADMIN,
        "DELETE": Scope.ADMIN,
    }
    caller: Caller

    async def prepare(self) -> None:
        wanted = self.SCOPES.get(self.request.method or "")
        if wanted is None or not self._has_method():
            raise HTTPError(405)
        self.caller = await self.recognise_caller()
        allowance = self.parts.limiter.take(self.caller.quota, self.caller.name, self.parts.clock.monotonic())
        if allowance.wait_seconds:
            raise Problem(
                429,
                "too_many_requests",
                f"More than {allowance.quota.amount} requests in {allowance.quota.window_seconds} s",
                allowance.headers,
            )
        self.told = allowance.headers
        for name, value in self.told.items():
            self.set_header(name, value)
        if not self.caller.scope.allows(wanted):
            raise Problem(403, "forbidden", f"This needs a key of scope {wanted.value}")

    async def recognise_caller(self) -> Caller:
        """Raises Problem if nobody is recognised."""
        return await identify(self.request, self.parts)

    def json_body(self) -> dict[str, Any]:
        """Return the request's body, which must be one JSON object.

        Raises:
            Problem: 400 if it is not.
        """
        try:
            body = json.loads(self.request.body or b"{}")
        except (ValueError, RecursionError) as error:
            raise Problem(400, "bad_json", "The body is not JSON") from error
        if not isinstance(body, dict):
            raise Problem(400, "bad_json", "The body must be a JSON object")
        return body

    def query(self) -> dict[str, str]:
        """Return the query's parameters, each given once.

        Raises:
            Problem: 400 if one is given twice.
        """
        told = {}
        for name, values in self.request.query_arguments.items():
            if len(values) > 1:
                raise Problem(400, "bad_parameter", f"{name} is given more than once")
            try:
                told[name] = values[0].decode()
            except UnicodeDecodeError as error:
                raise Problem(400, "bad_parameter", f"{name} is not UTF-8") from error
        return told

    def _has_method(self) -> bool:
        method = (self.request.method or "").lower()
        return getattr(type(self), method) is not getattr(RequestHandler, method)


class NotFoundHandler(JsonHandler):
    """Whatever the API does not have."""

    def prepare(self) -> None:
        raise Problem(404, "not_found", "There is nothing here; /api/v1/openapi.json lists what there is")
