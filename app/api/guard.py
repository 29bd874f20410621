"""Who asks the API, and may they: a key, a token, a session of the pages, or somebody on this machine."""

from dataclasses import dataclass
from datetime import datetime

from tornado.httputil import HTTPServerRequest

from app.api.limits import KEY, PAGE, STRANGER, Quota
from app.api.parts import Keys, Parts
from app.api.problems import Problem
from app.api.tokens import Tokens
from app.core.access import Scope
from app.errors import AuthError
from app.web.origin import asked_by_foreign_page, asked_by_our_own_page
from app.web.sessions import Session

_LONGEST_CREDENTIAL = 4_096
_READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who was recognised. `key_id` for keys and tokens, `session` for the pages; neither: this machine."""

    name: str
    scope: Scope
    quota: Quota
    key_id: str | None = None
    session: Session | None = None
    expires_at: datetime | None = None


def credential(request: HTTPServerRequest) -> str | None:
    """The key or token in `X-API-Key` or `Authorization: Bearer`; None if there is none.

    Raises:
        AuthError: if there is one and it cannot be read.
    """
    told = request.headers.get_list("X-API-Key")
    for header in request.headers.get_list("Authorization"):
        kind, _, value = header.strip().partition(" ")
        if kind.lower() != "bearer":
            raise AuthError("Authorization must be: Bearer, a space, the key or token")
        told.append(value)
    if not told:
        return None
    if len(set(told)) > 1:
        raise AuthError("more than one key or token was sent")
    return told[0].strip()


async def recognise(text: str, keys: Keys, tokens: Tokens) -> Caller:
    """Return whose key or token this is.

    Raises:
        AuthError: if it is nobody's, expired or revoked.
    """
    if not text or len(text) > _LONGEST_CREDENTIAL or not text.isascii() or not text.isprintable():
        raise AuthError("the key or token is not valid")
    if text.count(".") == 2:
        token = tokens.read(text)
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
    return Caller(name=f"key:{key.id}", scope=key.scope, quota=KEY, key_id=key.id)


def without_credential(request: HTTPServerRequest, parts: Parts) -> Caller | None:
    """The pages by their session, or whoever is on this machine where the door is open; else None."""
    session = parts.gate.session(request)
    reads = request.method in _READING
    ours = asked_by_our_own_page(request.headers)
    if session is not None and (ours or (reads and not asked_by_foreign_page(request.headers))):
        return Caller(
            name=f"session:{session.id}",
            scope=Scope.ADMIN,
            quota=PAGE,
            session=session,
            expires_at=session.expires_at,
        )
    if parts.gate.is_open_to(request):
        return Caller(name="this machine", scope=Scope.READ, quota=PAGE)
    return None


async def identify(request: HTTPServerRequest, parts: Parts) -> Caller:
    """Return who asks.

    Raises:
        Problem: 401 if nobody is recognised, 429 if an address fails too often.
    """
    address = request.remote_ip or "?"
    now = parts.clock.monotonic()
    try:
        return await _whoever(request, parts, parts.limiter.look(STRANGER, address, now).wait_seconds)
    except AuthError as error:
        allowance = parts.limiter.take(STRANGER, address, now)
        if allowance.wait_seconds:
            raise Problem(429, "too_many_requests", str(error), allowance.headers) from error
        raise Problem(
            401, "unauthorized", str(error), {**allowance.headers, "WWW-Authenticate": 'Bearer realm="spout"'}
        ) from error


async def _whoever(request: HTTPServerRequest, parts: Parts, wait_seconds: int) -> Caller:
    text = credential(request)
    if text is not None:
        if wait_seconds:
            raise AuthError("too many wrong keys from this address")
        return await recognise(text, parts.open_keys(), parts.tokens)
    caller = without_credential(request, parts)
    if caller is None:
        raise AuthError("send an API key in X-API-Key or Authorization: Bearer (spout keys create)")
    return caller
