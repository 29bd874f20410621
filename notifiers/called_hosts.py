"""Every host that was ever called, each kept once."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from app.store import Connection

_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

CalledHost = tuple[str, str, datetime]
"""Name, what it was called for, since when."""


class CalledHosts:
    """Those of the node's database, and which of them are known to stand there."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()
        self.all: tuple[CalledHost, ...] = ()
        """As `read_hosts` found them last, with those called since."""

    def write(self, connection: Connection, hosts: Iterable[CalledHost]) -> list[CalledHost]:
        """Write those that are not known yet; return them, to be known once that is committed."""
        first = {(host, used_for): at for host, used_for, at in hosts if (host, used_for) not in self._known}
        for (host, used_for), at in first.items():
            connection.execute(
                "INSERT INTO called_hosts SELECT $1, $3, $2 WHERE NOT EXISTS "
                "(SELECT 1 FROM called_hosts WHERE host = $1 AND used_for = $3)",
                [host, at, used_for],
            )
        return [(host, used_for, at) for (host, used_for), at in first.items()]

    def know(self, kept: list[CalledHost]) -> None:
        """Take up what `write` returned, once it is committed."""
        for host, used_for, at in kept:
            self._known.add((host, used_for))
            if all((host, used_for) != (known, of) for known, of, _ in self.all):
                self.all = (*self.all, (host, used_for, at))


def read_hosts(connection: Connection) -> tuple[CalledHost, ...]:
    """Every host that was ever called: its name, what for, and since when."""
    rows = connection.execute(
        "SELECT host, used_for, epoch_us(min(first_at)) FROM called_hosts GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return tuple((host, used_for, _EPOCH + at * _MICROSECOND) for host, used_for, at in rows)
