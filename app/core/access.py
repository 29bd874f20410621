"""API keys and the scopes that say what each may do."""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    READ = "read"
    ADMIN = "admin"

    def allows(self, wanted: "Scope") -> bool:
        """Return whether this scope includes `wanted`: `admin` includes `read`."""
        return self is Scope.ADMIN or wanted is Scope.READ


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An issued API key; only its hash is stored, never the key itself."""

    id: str
    name: str
    scope: Scope
