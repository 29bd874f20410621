"""API keys. A key is 256 random bits, so one SHA-256 suffices as hash: it cannot be guessed."""

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.core.access import ApiKey, Scope
from app.core.contract import iso
from app.errors import StoreError
from app.store.operator.file import OperatorFile

PREFIX: Final = "spout_"
_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedKey:
    """One line of `spout keys list`; times in ISO 8601, UTC."""

    id: str
    name: str
    scope: Scope
    created_at: str
    revoked_at: str | None = None


class KeyStore:
    def __init__(self, file: OperatorFile) -> None:
        self._file = file

    async def create(self, name: str, scope: Scope, at: datetime) -> str:
        """Return the key itself; it is not stored and cannot be shown again.

        Raises:
            StoreError: if a valid key has that name.
        """
        key = PREFIX + secrets.token_urlsafe(_BYTES)
        row = (secrets.token_hex(8), name, scope.value, _hash(key), iso(at))

        def work(connection: sqlite3.Connection) -> None:
            if connection.execute(
                "SELECT 1 FROM keys WHERE name = ? AND revoked_at IS NULL", (name,)
            ).fetchone():
                raise StoreError(f"there is a key named {name!r} already: revoke it, or take another name")
            connection.execute(
                "INSERT INTO keys (id, name, scope, hash, created_at) VALUES (?, ?, ?, ?, ?)", row
            )

        await self._file.run(work)
        return key

    async def find(self, key: str) -> ApiKey | None:
        """Return the valid key with this key's hash."""

        def work(connection: sqlite3.Connection) -> ApiKey | None:
            row = connection.execute(
                "SELECT id, name, scope FROM keys WHERE hash = ? AND revoked_at IS NULL", (_hash(key),)
            ).fetchone()
            return ApiKey(id=row[0], name=row[1], scope=Scope(row[2])) if row else None

        return await self._file.run(work)

    async def is_revoked(self, key_id: str) -> bool:
        """Whether it was revoked, or is unknown."""
        return await self._file.run(
            lambda connection: (
                connection.execute(
                    "SELECT 1 FROM keys WHERE id = ? AND revoked_at IS NULL", (key_id,)
                ).fetchone()
                is None
            )
        )

    async def listed(self) -> tuple[ListedKey, ...]:
        """Return all keys, including revoked ones, oldest first."""
        rows = await self._file.run(
            lambda connection: connection.execute(
                "SELECT id, name, scope, created_at, revoked_at FROM keys ORDER BY created_at, name"
            ).fetchall()
        )
        return tuple(
            ListedKey(id=key_id, name=name, scope=Scope(scope), created_at=created, revoked_at=revoked)
            for key_id, name, scope, created, revoked in rows
        )

    async def revoke(self, name: str, at: datetime) -> bool:
        """Revoke a key, effective from the next request on. False if no valid key has that name."""
        changed = await self._file.run(
            lambda connection: (
                connection.execute(
                    "UPDATE keys SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL", (iso(at), name)
                ).rowcount
            )
        )
        return changed > 0


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
