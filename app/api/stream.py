"""`WS /api/v1/stream`: prove who you are, say what you want to hear, hear it in order; docs/api.md."""

import asyncio
import json
from contextlib import aclosing
from typing import Any

import structlog
from tornado.httputil import HTTPServerRequest
from tornado.web import Application
from tornado.websocket import WebSocketClosedError

from app.api.guard import Caller, credential, identify, recognise, without_credential
from app.api.limits import STRANGER
from app.api.parts import Parts
from app.api.problems import Problem, error_body, to_json
from app.api.query import refuse_unknown
from app.api.stream_filter import EventFilter, event_filter
from app.api.streams import Streams
from app.api.telling import SlowReaderError, is_ahead, tell
from app.core.contract import iso
from app.errors import AuthError, StoreError
from app.web.sockets import OwnOriginWebSocket

_log = structlog.get_logger(__name__)

BAD_MESSAGE = 4400
UNAUTHORIZED = 4401
TOO_SLOW = 4408
TOO_MANY = 4429
INTERNAL = 1011
STARTING = 1013
GOING_AWAY = 1001

_FIELDS = ("token", "key", "subscribe", "after")
_LONGEST_REASON_BYTES = 120
_CODES = {401: UNAUTHORIZED, 403: UNAUTHORIZED, 429: TOO_MANY, 503: STARTING}


class StreamHandler(OwnOriginWebSocket):
    def __init__(
        self,
        application: Application,
        request: HTTPServerRequest,
        **kwargs: Any,  # noqa: ANN401 - Tornado's shape
    ) -> None:
        self.caller: Caller | None = None
        self._guest: Caller | None = None
        self._telling: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._entered = False
        super().__init__(application, request, **kwargs)

    def initialize(self, parts: Parts, streams: Streams) -> None:
        self.parts = parts
        self._streams = streams

    def write_error(self, status_code: int, **_kwargs: object) -> None:  # noqa: ARG002 - Tornado calls it so
        self.set_header("Content-Type", "application/json")
        self.finish(to_json(error_body("error", self._reason, demo=self.parts.demo)))

    async def open(self, *_args: str, **_kwargs: str) -> None:
        self._entered = True
        full = self._streams.full
        self._streams.enter(self)
        self.parts.metrics.stream_opened()
        if full:
            self._refuse(TOO_MANY, "too_many_streams", "Spout has as many streams open as it may")
            return
        here = None if self._brings_credential() else without_credential(self.request, self.parts)
        # Who is on this machine may still bring a key, and is not welcomed before it is looked at.
        self._guest = here if here is not None and here.session is None else None
        self._watching = asyncio.create_task(self._await_credential())
        try:
            if self._guest is None and (here is not None or self._brings_credential()):
                self._welcome(await identify(self.request, self.parts))
        except Problem as problem:
            self._refuse_for(problem)
        except StoreError as error:
            self._refuse_unread(error)

    async def on_message(self, message: str | bytes) -> None:
        if self.close_code is not None or not self._entered:
            return
        try:
            await self._hear(message)
        except Problem as problem:
            self._refuse_for(problem)
        except StoreError as error:
            self._refuse_unread(error)

    def on_close(self) -> None:
        for task in (self._telling, self._watching):
            if task is not None:
                task.cancel()
        if self._entered:
            self._entered = False
            self._streams.leave(self, self.caller.name if self.caller else None)
            self.parts.metrics.stream_gone()

    def goodbye(self) -> None:
        self.close(GOING_AWAY, "Spout is stopping")

    async def _hear(self, message: str | bytes) -> None:
        asked = _object(message)
        refuse_unknown(asked, _FIELDS)
        secret = asked.get("token", asked.get("key"))
        if secret is not None:
            self._welcome(await self._recognise(secret))
        elif self.caller is None and self._guest is not None:
            self._welcome(self._guest)
        if self.caller is None:
            raise Problem(401, "unauthorized", "The first message must carry a token or key")
        allowance = self.parts.limiter.take(self.caller.quota, self.caller.name, self.parts.clock.monotonic())
        if allowance.wait_seconds:
            raise Problem(429, "too_many_requests", "Too many messages")
        if "subscribe" in asked or "after" in asked:
            await self._subscribe(event_filter(asked.get("subscribe", {})), _sequence(asked.get("after")))

    async def _recognise(self, secret: object) -> Caller:
        address, now = self.request.remote_ip or "?", self.parts.clock.monotonic()
        if self.parts.limiter.look(STRANGER, address, now).wait_seconds:
            raise Problem(429, "too_many_requests", "Too many wrong keys from this address")
        try:
            return await recognise(
                secret if isinstance(secret, str) else "", self.parts.open_keys(), self.parts.tokens
            )
        except AuthError as error:
            self.parts.limiter.take(STRANGER, address, now)
            raise Problem(401, "unauthorized", str(error)) from error

    def _brings_credential(self) -> bool:
        try:
            return credential(self.request) is not None
        except AuthError:
            return True

    def _welcome(self, caller: Caller) -> None:
        if self.caller is None or caller.name != self.caller.name:
            if not self._streams.seat(caller.name):
                raise Problem(429, "too_many_streams", "This key has as many streams open as it may")
            if self.caller is not None:
                self._streams.unseat(self.caller.name)
        self.caller = caller
        if self._watching is not None:
            self._watching.cancel()
        self._watching = asyncio.create_task(self._watch(caller))
        self._say(
            {"type": "authenticated", "scope": caller.scope.value, "expires_at": iso(caller.expires_at)}
        )

    async def _subscribe(self, wanted: EventFilter, after: int | None) -> None:
        history = self.parts.open_history()
        if self._telling is not None:
            self._telling.cancel()
        start = self.parts.live.snapshot.last_sequence
        reset = after is not None and await is_ahead(history, after)
        after = None if reset else after
        self._say(
            {
                "type": "subscribed",
                "filter": wanted.in_force,
                "after": after,
                "last_sequence": start,
                "reset": reset,
            }
        )
        self._telling = asyncio.create_task(self._tell(wanted, after, start))

    async def _tell(self, wanted: EventFilter, after: int | None, start: int) -> None:
        limits = self._streams.limits
        events = tell(self.parts.bus, self.parts.open_history(), after, start, limits.queue)
        try:
            async with aclosing(events):
                async for event in events:
                    if wanted.passes(event):
                        await self._write(self._streams.text(event), limits.stall_seconds)
        except SlowReaderError:
            self._refuse(
                TOO_SLOW, "too_slow", "You read too slowly; come back with after = your last sequence"
            )
        except StoreError as error:
            self._refuse_unread(error)
        except WebSocketClosedError:
            return

    async def _write(self, text: str, patience_seconds: float) -> None:
        """Send, and wait until the reader's side has taken it.

        Raises:
            SlowReaderError: if it has not in time.
            WebSocketClosedError: if the reader is gone.
        """
        sent = self.write_message(text)
        sent.add_done_callback(_look_at)
        # Not wait_for: it cancels what it waits for, and Tornado complains of a cancelled write.
        done, _ = await asyncio.wait({sent}, timeout=patience_seconds)
        if not done:
            raise SlowReaderError("the reader takes nothing")
        sent.result()

    async def _await_credential(self) -> None:
        limits = self._streams.limits
        if self._guest is None:
            await self.parts.clock.sleep(limits.auth_seconds)
            self._refuse(UNAUTHORIZED, "unauthorized", "No token or key came in time")
            return
        await self.parts.clock.sleep(limits.guest_seconds)
        try:
            self._welcome(self._guest)
        except Problem as problem:
            self._refuse_for(problem)

    async def _watch(self, caller: Caller) -> None:
        """Let nobody stay whose token, key or session is no longer good."""
        while (reason := await self._no_longer_good(caller)) is None:
            await self.parts.clock.sleep(self._until_next_check(caller))
        self._refuse(UNAUTHORIZED, "unauthorized", reason)

    def _until_next_check(self, caller: Caller) -> float:
        check = self._streams.limits.check_seconds
        if caller.expires_at is None:
            return check
        left = (caller.expires_at - self.parts.clock.now()).total_seconds()
        return max(0.0, min(check, left))

    async def _no_longer_good(self, caller: Caller) -> str | None:
        if caller.expires_at is not None and caller.expires_at <= self.parts.clock.now():
            return "the token has expired" if caller.session is None else "the session has expired"
        if caller.session is not None and self.parts.gate.session(self.request) is None:
            return "logged out"
        if caller.key_id is None or self.parts.keys is None:
            return None
        try:
            revoked = await self.parts.keys.is_revoked(caller.key_id)
        except StoreError as error:
            _log.warning("key_not_checked", reason=str(error))
            return None
        return "the key was revoked" if revoked else None

    def _refuse_for(self, problem: Problem) -> None:
        self._refuse(_CODES.get(problem.status_code, BAD_MESSAGE), problem.code, problem.message)

    def _refuse_unread(self, error: StoreError) -> None:
        _log.warning("stream_ended", reason=str(error))
        self._refuse(INTERNAL, "internal_error", "The database cannot be read now")

    def _refuse(self, close_code: int, code: str, words: str) -> None:
        self.parts.metrics.stream_closed(code)
        self._say(error_body(code, words, demo=self.parts.demo))
        self.close(close_code, words.encode()[:_LONGEST_REASON_BYTES].decode(errors="ignore"))

    def _say(self, body: dict[str, Any]) -> None:
        """Small words between the events; a client that is gone no longer hears them."""
        told = {**body, "demo": True} if self.parts.demo else body
        try:
            sent = self.write_message(to_json(told))
        except WebSocketClosedError:
            return
        sent.add_done_callback(_look_at)


def _look_at(sent: "asyncio.Future[None]") -> None:
    """A client that went meanwhile is no error that anybody must hear of."""
    if not sent.cancelled():
        sent.exception()


def _object(message: str | bytes) -> dict[str, Any]:
    words = "A message must be a JSON object with token, subscribe or after"
    if isinstance(message, bytes):
        raise Problem(400, "bad_json", words)
    try:
        asked = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "bad_json", words) from error
    if not isinstance(asked, dict):
        raise Problem(400, "bad_json", words)
    return asked


def _sequence(told: object) -> int | None:
    if told is None:
        return None
    if isinstance(told, bool) or not isinstance(told, int) or not 0 <= told < 2**63:
        raise Problem(
            400, "bad_parameter", "after must be the sequence of an event, or 0 for all that is stored"
        )
    return told
