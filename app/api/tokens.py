"""Short-lived tokens: JWTs for the stream, issued for an API key.

PyJWT is imported with the first of them, on another thread: most boxes never see one, and it brings 9 MB.
"""

import asyncio
import importlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

from app.clock import Clock
from app.core.access import ApiKey, Scope
from app.errors import AuthError
from app.keyring import Keyring

LIFETIME = timedelta(minutes=10)
_ISSUER = "spout"
_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class Token:
    """The claims of a valid token: its key, scope and expiry."""

    key_id: str
    scope: Scope
    expires_at: datetime


class Tokens:
    def __init__(self, keyring: Keyring, clock: Clock) -> None:
        self._key = keyring.derive("jwt")
        self._clock = clock
        self._jwt: ModuleType | None = None

    async def mint(self, key: ApiKey) -> tuple[str, Token]:
        """Return a token of scope read, whatever the key's scope: a token is more exposed than a key."""
        now = self._clock.now().replace(microsecond=0)
        token = Token(key.id, Scope.READ, now + LIFETIME)
        claims = {
            "iss": _ISSUER,
            "sub": key.id,
            "scope": token.scope.value,
            "iat": int(now.timestamp()),
            "exp": int(token.expires_at.timestamp()),
        }
        jwt = await self._library()
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM), token

    async def read(self, text: str) -> Token:
        """Return a token's claims.

        Raises:
            AuthError: if it is not ours, was modified, or has expired.
        """
        jwt = await self._library()
        try:
            claims: dict[str, Any] = jwt.decode(
                text,
                self._key,
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                # Expiry is checked against our own clock, which a test can control.
                options={"require": ["exp", "sub", "iss"], "verify_exp": False, "verify_iat": False},
            )
            token = Token(
                str(claims["sub"]), Scope(claims["scope"]), datetime.fromtimestamp(int(claims["exp"]), UTC)
            )
        except (jwt.InvalidTokenError, ValueError, KeyError, TypeError) as error:
            raise AuthError("the token is not valid") from error
        if token.expires_at <= self._clock.now():
            raise AuthError("the token has expired")
        return token

    async def _library(self) -> ModuleType:
        if self._jwt is None:
            loop = asyncio.get_running_loop()
            self._jwt = await loop.run_in_executor(None, importlib.import_module, "jwt")
        return self._jwt
