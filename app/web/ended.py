"""Sessions that were logged out, until their expiry: kept in a small file beside the data."""

import json
import logging
import os
from datetime import datetime
from pathlib import Path

ENDED_SESSIONS_FILE = "ended_sessions.json"
_MOST = 10_000
_LONGEST_FILE_BYTES = 2 * 1024 * 1024
_LOG = logging.getLogger("app.web")


class EndedSessions:
    """Stores ended sessions; `path` None: in memory only. A session name is useless without its signature."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._ended: dict[str, float] = self._read()

    def __contains__(self, name: str) -> bool:
        return name in self._ended

    def add(self, name: str, until: datetime, now: datetime) -> None:
        """Store it before the response is sent: the logout must survive a crash."""
        self._ended[name] = until.timestamp()
        if len(self._ended) > _MOST:
            # Expired entries are dropped first, then the oldest of the others.
            self._ended = {one: end for one, end in self._ended.items() if end > now.timestamp()}
            while len(self._ended) > _MOST:
                self._ended.pop(next(iter(self._ended)))
        self._write()

    def _read(self) -> dict[str, float]:
        if self._path is None:
            return {}
        try:
            with self._path.open("rb") as file:
                given = json.loads(file.read(_LONGEST_FILE_BYTES))
            return {str(name): float(until) for name, until in given.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
            _LOG.warning("ended sessions cannot be read", extra={"reason": str(error)})
            return {}

    def _write(self) -> None:
        if self._path is None:
            return
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w") as file:
                json.dump(self._ended, file, separators=(",", ":"))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            # It stays ended in this process; a full disk must not prevent a logout.
            _LOG.warning("a logout could not be kept", extra={"reason": str(error)})
            draft.unlink(missing_ok=True)
