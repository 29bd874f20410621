"""Base classes of the API's handlers: authentication, rate limits, JSON in and out, one error format."""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, ClassVar, TypeVar

import structlog
from tornado.web import HTTPError, RequestHandler

from app.api.guard import Caller, identify
from app.api.models import NoQuery, Request, Shape, json_object
from app.api.parts import Parts
from app.api.problems import Problem, error_body, to_json
from app.api.query import asked
from app.core.access import Scope
from app.errors import QueryTooLongError, RequestError, StoreError

R = TypeVar("R", bound=Request)
_log = structlog.get_logger(__name__)
_CODES = {400: "bad_request", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


class JsonHandler(RequestHandler):
    """Responds in JSON, also on errors; without authentication."""

    def initialize(self, parts: Parts) -> None:
        self.parts = parts
        self.quota_headers: dict[str, str] = {}

    def set_default_headers(self) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")

    REVALIDATED: ClassVar[bool] = False
    """Whether a client may keep the answer and ask with its ETag whether it has changed."""

    def compute_etag(self) -> str | None:
        """Weak: the body may be sent compressed or not."""
        strong = super().compute_etag() if self.REVALIDATED else None
        return None if strong is None else f"W/{strong}"

    async def head(self, *args: str, **kwargs: str) -> None:
        """Respond as to GET; Tornado omits the body. A path without GET has no HEAD."""
        if not self._has("get"):
            raise HTTPError(405)
        answered = self.get(*args, **kwargs)
        if answered is not None:
            await answered

    def options(self, *_args: str, **_kwargs: str) -> None:
        """Return the allowed methods; grants no cross-origin access."""
        self.set_status(204)
        self.clear_header("Content-Type")
        self._allow_methods()
        self.finish()

    def answer(self, shape: Shape | dict[str, Any], status: int = 200) -> None:
        """Send the response; in demo mode it says so."""
        body = shape.body() if isinstance(shape, Shape) else shape
        self.set_status(status)
        self._send(to_json({**body, "demo": True} if self.parts.demo else body))

    async def answer_from_thread(self, make: Callable[[], Shape | str]) -> None:
        """Send what `make` returns, made and encoded on another thread: a hundred whales take 10 to 20 ms.

        A text is sent as it is.

        `make` must not touch what belongs to the event loop.
        """
        async with self.parts.encoding:
            text = await asyncio.to_thread(self._encoded, make)
        self._send(text)

    def _encoded(self, make: Callable[[], Shape | str]) -> str:
        shape = make()
        if isinstance(shape, str):
            return shape
        # pydantic's own encoder takes half of what a dictionary and then json take.
        return to_json({**shape.body(), "demo": True}) if self.parts.demo else shape.encoded()

    def _send(self, text: str) -> None:
        if self.REVALIDATED and self.request.method in {"GET", "HEAD"}:
            self.set_header("Cache-Control", "private, no-cache")
        self.finish(text)

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: ANN401 - Tornado's shape
        kind: tuple[type[BaseException], BaseException, TracebackType] | None = kwargs.get("exc_info")
        error = kind[1] if kind else None
        code, message = _CODES.get(status_code, "error"), HTTPStatus(status_code).phrase
        asked = self.request.headers.get("Prefer", "").strip().lower() == "faults"  # RFC 7240
        faults = error.faults if asked and isinstance(error, Problem) else ()
        for name, value in self.quota_headers.items():
            self.set_header(name, value)
        if isinstance(error, Problem):
            code, message = error.code, error.message
            for name, value in error.headers.items():
                self.set_header(name, value)
        elif isinstance(error, StoreError):
            code, message = self._refuse_unread(error)
        elif status_code == 405:
            self._allow_methods()
            message = f"{self.request.method} is not possible here"
        elif isinstance(error, HTTPError) and error.log_message and status_code < 500:
            message = "The request cannot be read"
        elif status_code >= 500:
            code, message = "internal_error", "Something went wrong in Spout; the log says what"
        self.finish(to_json(error_body(code, message, demo=self.parts.demo, faults=faults)))

    def _refuse_unread(self, error: StoreError) -> tuple[str, str]:
        """Answer 503: the store cannot be read now, or not so much of it at once."""
        self.set_status(503)
        self.set_header("Retry-After", "5")
        too_long = isinstance(error, QueryTooLongError)
        return ("query_too_long" if too_long else "store_unavailable"), f"The store says: {error}"

    def _allow_methods(self) -> None:
        has = [method for method in self.SUPPORTED_METHODS if self._has(method.lower())]
        self.set_header("Allow", ", ".join(method for method in has if method != "HEAD" or "GET" in has))

    def _has(self, method: str) -> bool:
        return getattr(type(self), method, None) is not getattr(RequestHandler, method, None)

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if isinstance(value, StoreError):
            _log.warning("the store could not be read", reason=str(value), path=self.request.path)
            return
        if isinstance(value, Problem):
            _log.debug("refused", code=value.code, path=self.request.path)
            return
        if isinstance(value, HTTPError) and value.status_code < 500:
            return
        super().log_exception(typ, value, tb)

    def on_finish(self) -> None:
        self.parts.metrics.answered(
            type(self).__name__, self.request.method or "?", self.get_status(), self.request.request_time()
        )


class ApiHandler(JsonHandler):
    """Authenticates the caller, applies the rate limit, and requires the scope of the method."""

    SCOPES: ClassVar[Mapping[str, Scope]] = {
        "GET": Scope.READ,
        "HEAD": Scope.READ,
        "POST": Scope.ADMIN,
        "PUT": Scope.ADMIN,
        "PATCH": Scope.ADMIN,
        "DELETE": Scope.ADMIN,
    }
    QUERIES: ClassVar[frozenset[str]] = frozenset()
    """The methods that read a query; to the others every name in it is unknown."""
    caller: Caller

    async def prepare(self) -> None:
        if self.request.method == "OPTIONS":
            return
        wanted = self.SCOPES.get(self.request.method or "")
        method = "get" if self.request.method == "HEAD" else (self.request.method or "").lower()
        if wanted is None or not self._has(method):
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
        self.quota_headers = allowance.headers
        for name, value in self.quota_headers.items():
            self.set_header(name, value)
        if not self.caller.scope.allows(wanted):
            raise Problem(403, "forbidden", f"This needs a key of scope {wanted.value}")
        if method.upper() not in self.QUERIES:
            self.asked_query(NoQuery)

    async def note(self, what: str) -> None:
        """Keep a change in the audit log; `what` has no secrets."""
        if self.parts.audit is not None:
            await self.parts.audit.note(self.caller.who, what, self.parts.clock.now())

    def require_confirmed(self) -> None:
        """Refuse an open tab whose password was typed more than ten minutes ago.

        Raises:
            Problem: 403, `confirm_password`.
        """
        session = self.caller.session
        if session is None or not self.parts.passwords.exists or self.parts.confirmations.holds(session):
            return
        raise Problem(
            403, "confirm_password", "Type the password again (POST /api/v1/confirm), then repeat this"
        )

    async def recognise_caller(self) -> Caller:
        """Return the caller. Raises Problem if authentication fails."""
        return await identify(self.request, self.parts)

    def json_body(self) -> dict[str, Any]:
        """Return the request's body, which must be one JSON object.

        Raises:
            Problem: 400 if it is not.
        """
        try:
            return json_object(self.request.body or b"{}")
        except RequestError as error:
            raise Problem(400, error.code, f"The body {error}") from error

    def query(self) -> dict[str, str]:
        """Return the query's parameters, each given once.

        Raises:
            Problem: 400 if one is given twice.
        """
        quota_headers = {}
        for name, values in self.request.query_arguments.items():
            if len(values) > 1:
                raise Problem(400, "bad_parameter", f"{name} is given more than once")
            try:
                quota_headers[name] = values[0].decode()
            except UnicodeDecodeError as error:
                raise Problem(400, "bad_parameter", f"{name} is not UTF-8") from error
        return quota_headers

    def asked_query(self, shape: type[R]) -> R:
        """Return the query validated as `shape`; an empty value counts as not given.

        Raises:
            Problem: 400, naming what is unknown or invalid.
        """
        return asked(shape, {name: value or None for name, value in self.query().items()})

    def asked_body(self, shape: type[R]) -> R:
        """Return the body validated as `shape`.

        Raises:
            Problem: 400, naming what is unknown or invalid.
        """
        return asked(shape, self.json_body())


class NotFoundHandler(JsonHandler):
    """For any unknown path of the API."""

    def prepare(self) -> None:
        raise Problem(404, "not_found", "There is nothing here; /api/v1/openapi.json lists what there is")
