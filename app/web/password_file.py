"""The hash of the operator's password, if `spout password` or the page has set one."""

import os
from pathlib import Path

from app.errors import SettingsError

_LONGEST_BYTES = 1_000


class PasswordFile:
    """Holds one line, an argon2id hash. A password in the environment takes precedence over it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> str | None:
        """Return the hash; None if no password was set here.

        Raises:
            SettingsError: if it is there and cannot be read: nobody is let in without it.
        """
        try:
            with self._path.open(encoding="ascii") as file:
                kept = file.read(_LONGEST_BYTES).strip()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise SettingsError(f"{self._path} cannot be read: set it anew with `spout password`") from error
        if not kept.startswith("$argon2"):
            raise SettingsError(f"{self._path} is damaged: set it anew with `spout password`")
        return kept

    def write(self, kept: str) -> None:
        """Replace it as a whole, durably.

        Raises:
            SettingsError: if the disk refuses; the old one stays.
        """
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(kept + "\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise SettingsError(f"the password could not be kept: {error.strerror or error}") from error

    def stamp(self) -> tuple[int, int] | None:
        """Return a value that changes when it is replaced."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino
