"""Who may do what through the API."""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    READ = "read"
    ADMIN = "admin"

    def allows(self, wanted: "Scope") -> bool:
        """`admin` may do all that `read` may."""
        return self is Scope.ADMIN or wanted is Scope.READ


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key that is known; the key itself is kept nowhere, only its hash."""

    id: str
    name: str
    scope: Scope
