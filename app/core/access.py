"""API keys and the scopes that say what each may do."""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    READ = "read"
    ADMIN = "admin"

    def allows(self, wanted: "Scope") -> bool:
        """Return whether this scope includes `wanted`: `admin` includes `read`."""
        return self is Scope.ADMIN or wanted is Scope.READ


LONGEST_KEY_NAME = 60
KEY_NAME_WORDS = f"must have 1 to {LONGEST_KEY_NAME} characters that can be shown, and not dots alone"


def is_key_name(name: str) -> bool:
    """Whether a key may be named so. A browser takes dots alone for a way up, and could not revoke it."""
    fits = 0 < len(name) <= LONGEST_KEY_NAME and name == name.strip()
    return fits and name.isprintable() and name.strip(".") != ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An issued API key; only its hash is stored, never the key itself."""

    id: str
    name: str
    scope: Scope
