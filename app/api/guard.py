"""Authentication of API callers: a key, a token, a session of the pages, or a process on this machine."""

from dataclasses import dataclass
from datetime import datetime

from tornado.httputil import HTTPServerRequest

from app.api.limits import KEY, PAGE, STRANGER, Quota
from app.api.parts import Keys, Parts
from app.api.problems import Problem
from app.api.tokens import Tokens
from app.core.access import Scope
from app.errors import AuthError, StoreError
from app.web import Session, let_in

_LONGEST_CREDENTIAL = 4_096
_READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated caller; `key_id` for keys and tokens, `session` for pages, neither: this machine."""

    name: str
    scope: Scope
    quota: Quota
    key_id: str | None = None
    session: Session | None = None
    expires_at: datetime | None = None
    key_name: str | None = None

    @property
    def who(self) -> str:
        """The caller in the audit log: a key by its name, a session by the beginning of its id."""
        if self.session is not None:
            return f"session:{self.session.id[:8]}"
        return f"key:{self.key_name}" if self.key_name else self.name


def credential(request: HTTPServerRequest) -> str | None:
    """Return the key or token in `X-API-Key` or `Authorization: Bearer`; None if there is none.

    Raises:
        AuthError: if it is malformed.
    """
    given = request.headers.get_list("X-API-Key")
    for header in request.headers.get_list("Authorization"):
        kind, _, value = header.strip().partition(" ")
        if kind.lower() != "bearer":
            raise AuthError("Authorization must be: Bearer, a space, the key or token")
        given.append(value)
    if not given:
        return None
    if len(set(given)) > 1:
        raise AuthError("more than one key or token was sent")
    return given[0].strip()


async def recognise(text: str, keys: Keys, tokens: Tokens) -> Caller:
    """Return the owner of a key or token.

    Raises:
        AuthError: if it is unknown, expired or revoked.
    """
    if not text or len(text) > _LONGEST_CREDENTIAL or not text.isascii() or not text.isprintable():
        raise AuthError("the key or token is not valid")
    if text.count(".") == 2:
        token = await tokens.read(text)
        if await keys.is_revoked(token.key_id):
            raise AuthError("the key of this token was revoked")
        return Caller(
            name=f"key:{token.key_id}",
            scope=token.scope,
            quota=KEY,
            key_id=token.key_id,
            expires_at=token.expires_at,
        )
    key = await keys.find(text)
    if key is None:
        raise AuthError("the key is not known, or was revoked")
    return Caller(name=f"key:{key.id}", scope=key.scope, quota=KEY, key_id=key.id, key_name=key.name)


def without_credential(request: HTTPServerRequest, parts: Parts) -> Caller | None:
    """Return the caller by session, or as this machine if no login is required; else None."""
    gate = parts.gate
    session = gate.session_for_calls(request)
    reads = request.method in _READING
    if session is not None and (gate.is_our_own_page(request) or (reads and not gate.is_foreign(request))):
        return Caller(
            name=f"session:{session.id}",
            scope=Scope.ADMIN,
            quota=PAGE,
            session=session,
            expires_at=session.expires_at,
        )
    if gate.is_open_to(request):
        return Caller(name="this machine", scope=Scope.READ, quota=PAGE)
    return None


async def identify(request: HTTPServerRequest, parts: Parts) -> Caller:
    """Return the caller. Credentials are checked first: failures of others never block a valid key.

    Raises:
        Problem: 401 if authentication fails, 429 after too many failures from this address.
    """
    try:
        caller = await _whoever(request, parts)
    except AuthError as error:
        raise count_failure(request, parts, str(error)) from error
    let_in(request)
    return caller


async def brings_good_key(request: HTTPServerRequest, parts: Parts) -> bool:
    """Whether the request has a valid key or token; not counted, the handler checks it again."""
    try:
        text = credential(request)
        if text is None or parts.keys is None:
            return False
        await recognise(text, parts.keys, parts.tokens)
    except (AuthError, StoreError):
        return False
    let_in(request)
    return True


def count_failure(request: HTTPServerRequest, parts: Parts, words: str) -> Problem:
    """Count a failed authentication of the client's address, and return the refusal."""
    address = parts.gate.visitor(request).address
    allowance = parts.limiter.take(STRANGER, address, parts.clock.monotonic())
    if allowance.wait_seconds:
        return Problem(429, "too_many_requests", words, allowance.headers)
    return Problem(
        401, "unauthorized", words, {**allowance.headers, "WWW-Authenticate": 'Bearer realm="spout"'}
    )


async def _whoever(request: HTTPServerRequest, parts: Parts) -> Caller:
    text = credential(request)
    if text is not None:
        return await recognise(text, parts.open_keys(), parts.tokens)
    caller = without_credential(request, parts)
    if caller is None:
        raise AuthError("send an API key in X-API-Key or Authorization: Bearer (spout keys create)")
    return caller
