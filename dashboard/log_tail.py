"""The last lines of the log, for the System page. Hang it on the root logger."""

import logging
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

from app.redaction import Redactor, printable

KEPT_LINES = 200
LONGEST_LINE = 400
_OWN_FIELDS = frozenset({"event", "level", "logger", "timestamp", "exc_info", "stack_info"})


@dataclass(frozen=True, slots=True)
class LogLine:
    at: datetime
    level: str
    """info, warning, error, critical."""
    words: str


class LogTail(logging.Handler):
    """Keeps what is at least of `level`; a structured event is written with its fields behind it."""

    def __init__(self, level: int = logging.INFO, redactor: Redactor | None = None) -> None:
        super().__init__(level)
        self._hides = redactor or Redactor()
        self._lines: deque[LogLine] = deque(maxlen=KEPT_LINES)
        self.written = 0

    def emit(self, record: logging.LogRecord) -> None:
        words = self._hides(printable(_words(record)))[:LONGEST_LINE]
        self._lines.append(
            LogLine(datetime.fromtimestamp(record.created, UTC), record.levelname.lower(), words)
        )
        self.written += 1

    def lines(self) -> list[LogLine]:
        """Newest first."""
        return list(reversed(self._lines))


def _words(record: logging.LogRecord) -> str:
    if not isinstance(record.msg, dict):
        return record.getMessage()
    fields = " ".join(f"{name}={value}" for name, value in record.msg.items() if name not in _OWN_FIELDS)
    return f"{record.msg.get('event', '')} {fields}".strip()
