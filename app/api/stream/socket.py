"""`WS /api/v1/stream`: authenticate, subscribe, receive events in order; docs/api.md."""

import asyncio
from typing import Any

import structlog
from tornado.httputil import HTTPServerRequest
from tornado.web import Application
from tornado.websocket import WebSocketClosedError

from app.api.guard import Caller, count_failure, credential, identify, recognise, without_credential
from app.api.models import Authenticated, StreamMessage, Subscribed, json_object
from app.api.parts import Parts
from app.api.problems import Problem, error_body, to_json
from app.api.query import asked
from app.api.stream.clients import Streams
from app.api.stream.fanout import Reader, SlowReaderError, is_ahead
from app.api.stream.filter import EventFilter, event_filter
from app.errors import AuthError, RequestError, SpoutError, StoreError
from app.web import Door, OwnOriginWebSocket, let_in

_log = structlog.get_logger(__name__)

BAD_MESSAGE = 4400
UNAUTHORIZED = 4401
TOO_SLOW = 4408
TOO_MANY = 4429
INTERNAL = 1011
STARTING = 1013
GOING_AWAY = 1001

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
        self._reader: Reader | None = None
        self._watching: asyncio.Task[None] | None = None
        self._entered = False
        super().__init__(application, request, **kwargs)

    def initialize(self, parts: Parts, streams: Streams) -> None:
        self.parts = parts
        self._streams = streams

    async def open(self, *_args: str, **_kwargs: str) -> None:
        self._entered = True
        self.set_nodelay(True)
        self._streams.enter(self)
        self.parts.metrics.stream_opened()
        here = None if self._brings_credential() else without_credential(self.request, self.parts)
        # A client on this machine may still send a key, and is admitted only after that was checked.
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
            await self._receive(message)
        except Problem as problem:
            self._refuse_for(problem)
        except StoreError as error:
            self._refuse_unread(error)

    def on_close(self) -> None:
        self._stop_sending()
        if self._watching is not None:
            self._watching.cancel()
        if self._entered:
            self._entered = False
            self._streams.leave(self)
            self.parts.metrics.stream_gone()

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """After this no event is sent."""
        self._stop_sending()
        super().close(code, reason)

    def goodbye(self) -> None:
        self.close(GOING_AWAY, "Spout is stopping")

    def make_room(self) -> None:
        """Close: this connection has waited longest, and others need the room."""
        self._refuse(TOO_MANY, "too_many_strangers", "Too many wait without having shown a key")

    async def _receive(self, message: str | bytes) -> None:
        given = _object(message)
        message_read = asked(StreamMessage, given)
        secret = message_read.key if message_read.token is None else message_read.token
        if secret is not None:
            self._welcome(await self._recognise(secret))
        elif self.caller is None and self._guest is not None:
            self._welcome(self._guest)
        if self.caller is None:
            raise Problem(401, "unauthorized", "The first message must carry a token or key")
        allowance = self.parts.limiter.take(self.caller.quota, self.caller.name, self.parts.clock.monotonic())
        if allowance.wait_seconds:
            raise Problem(429, "too_many_requests", "Too many messages")
        if "subscribe" in given or "after" in given:
            await self._subscribe(event_filter(given.get("subscribe", {})), message_read.after)

    async def _recognise(self, secret: object) -> Caller:
        text = secret if isinstance(secret, str) else ""
        try:
            return await recognise(text, self.parts.open_keys(), self.parts.tokens)
        except AuthError as error:
            raise count_failure(self.request, self.parts, str(error)) from error

    def _brings_credential(self) -> bool:
        try:
            return credential(self.request) is not None
        except AuthError:
            return True

    def _welcome(self, caller: Caller) -> None:
        if self.caller is None or caller.name != self.caller.name:
            refused = self._streams.seat(self, caller.name)
            if refused is not None:
                raise Problem(429, "too_many_streams", refused)
            let_in(self.request)
        self.caller = caller
        if self._watching is not None:
            self._watching.cancel()
        self._watching = asyncio.create_task(self._watch(caller))
        self._say(Authenticated(scope=caller.scope, expires_at=caller.expires_at).body())

    async def _subscribe(self, wanted: EventFilter, after: int | None) -> None:
        history = self.parts.open_history()
        self._stop_sending()
        start = self.parts.live.snapshot.last_sequence
        reset = after is not None and await is_ahead(history, after)
        after = None if reset else after
        if self.ws_connection is None:
            return  # it left meanwhile
        self._say(Subscribed(filter=wanted.in_force, after=after, last_sequence=start, reset=reset).body())
        self._reader = Reader(
            link=self, wants=wanted.passes, history=history, sequence=start if after is None else after
        )
        self._streams.listen(self._reader, replayed=after is not None)

    def _stop_sending(self) -> None:
        if self._reader is not None:
            self._streams.mute(self._reader)
            self._reader = None

    def send(self, frames: bytes) -> "asyncio.Future[None] | None":
        """Give frames to the kernel, the rest to Tornado's buffer; see `Link`."""
        connection = self.ws_connection
        if connection is None or connection.is_closing() or connection.stream is None:
            raise WebSocketClosedError
        stream = connection.stream
        sent = 0
        if not stream.writing():
            try:
                sent = stream.write_to_fd(memoryview(frames))
            except OSError:
                sent = 0  # Tornado meets it again, and waits or closes
        return None if sent == len(frames) else stream.write(memoryview(frames)[sent:])

    def end_stream(self, error: SpoutError) -> None:
        """Close with a reason; see `Link`."""
        if isinstance(error, SlowReaderError):
            self._refuse(
                TOO_SLOW, "too_slow", "You read too slowly; come back with after = your last sequence"
            )
        elif isinstance(error, StoreError):
            self._refuse_unread(error)
        else:
            self._refuse(INTERNAL, "internal_error", str(error))

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
        """Disconnect clients whose token, key or session is no longer valid."""
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
        if caller.session is None and caller.expires_at and caller.expires_at <= self.parts.clock.now():
            return "the token has expired"
        if caller.session is not None and self.parts.gate.sessions.seconds_left(caller.session) <= 0:
            return "logged out"
        if caller.session is None and caller.key_id is None and self.parts.gate.door is not Door.OPEN:
            return "a password was set"
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
        """Send a control message; a closed connection is ignored."""
        given = {**body, "demo": True} if self.parts.demo else body
        try:
            sent = self.write_message(to_json(given))
        except WebSocketClosedError:
            return
        sent.add_done_callback(_look_at)


def _look_at(sent: "asyncio.Future[None]") -> None:
    """Retrieve the exception of a write to a closed connection, so that asyncio does not log it."""
    if not sent.cancelled():
        sent.exception()


def _object(message: str | bytes) -> dict[str, Any]:
    words = "A message must be a JSON object with token, subscribe or after"
    if isinstance(message, bytes):
        raise Problem(400, "bad_json", words)
    try:
        return json_object(message)
    except RequestError as error:
        wrong = "" if str(error).startswith("must") else f"; this one {error}"
        raise Problem(400, error.code, f"{words}{wrong}") from error
