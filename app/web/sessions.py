"""The operator's session: a signed cookie that survives a restart, ends by itself, and can be ended."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.keyring import Keyring
from app.setting_types import Secret

COOKIE = "spout_session"
"""Cookies do not tell ports apart, and a node's apps share one host: the name must be ours alone."""
_MOST_ENDED = 10_000


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    expires_at: datetime


class Sessions:
    """Signs with a key derived from the secret and the password: a new password ends every session.

    A session that was logged out is remembered until the process ends; after that its cookie,
    which the browser has dropped, would count again until it expires.
    """

    def __init__(self, keyring: Keyring, password: Secret | None, now: Callable[[], datetime]) -> None:
        proof = hashlib.sha256(password.reveal().encode()).digest() if password else b""
        self._key = keyring.derive("session", proof)
        self._now = now
        self._ended: dict[str, datetime] = {}
        self._watchers: dict[str, set[Callable[[], None]]] = {}

    def begin(self, lifetime: timedelta) -> tuple[Session, str]:
        """Return a new session and its cookie."""
        session = Session(secrets.token_urlsafe(16), self._now().replace(microsecond=0) + lifetime)
        payload = f"{session.id}.{int(session.expires_at.timestamp())}"
        return session, f"{payload}.{self._signature(payload)}"

    def read(self, cookie: str | None) -> Session | None:
        """Return the session of this cookie; None if it is not ours, expired or ended."""
        if not cookie or len(cookie) > 200 or not cookie.isascii():
            return None
        payload, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(signature, self._signature(payload)):
            return None
        name, _, expiry = payload.partition(".")
        session = Session(name, datetime.fromtimestamp(int(expiry), UTC))
        if name in self._ended or session.expires_at <= self._now():
            return None
        return session

    def end(self, session: Session) -> None:
        """Log out: the cookie counts no more, and whoever watched the session is told."""
        now = self._now()
        self._ended = {name: until for name, until in self._ended.items() if until > now}
        if len(self._ended) >= _MOST_ENDED:
            self._ended.pop(next(iter(self._ended)))
        self._ended[session.id] = session.expires_at
        for tell in tuple(self._watchers.pop(session.id, ())):
            tell()

    def watch(self, session: Session, tell: Callable[[], None]) -> Callable[[], None]:
        """Call `tell` when the session is ended; returns the function that ends the watching."""
        self._watchers.setdefault(session.id, set()).add(tell)
        return lambda: self._forget(session.id, tell)

    def _forget(self, name: str, tell: Callable[[], None]) -> None:
        watchers = self._watchers.get(name)
        if watchers is None:
            return
        watchers.discard(tell)
        if not watchers:
            del self._watchers[name]

    def _signature(self, payload: str) -> str:
        digest = hmac.digest(self._key, payload.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
