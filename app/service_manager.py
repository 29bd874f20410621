"""Notifications to systemd (sd_notify(3)): ready, alive, stopping; without a library.

Only where `NOTIFY_SOCKET` names a socket; elsewhere nothing is sent. `WATCHDOG_USEC` asks for a sign of life
within that time. It comes from the event loop: one that hangs sends none, and systemd starts Spout again.
"""

import os
import socket
from collections.abc import Mapping
from datetime import timedelta
from typing import Self

from app.clock import Clock

_ABSTRACT = "@"
"""How the variable writes the leading NUL of a socket that has no file."""
_SIGNS_PER_LIMIT = 3


class ServiceManager:
    def __init__(self, address: str | None, watchdog: timedelta | None, clock: Clock) -> None:
        """Take the socket's address, and within what time a sign of life is expected; None for none."""
        self._address = address
        self._watchdog = watchdog
        self._clock = clock

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], clock: Clock) -> Self:
        """Read the variables; a value that cannot be read counts as unset, as in sd_watchdog_enabled(3)."""
        address = environ.get("NOTIFY_SOCKET", "")
        microseconds, process = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
        is_ours = process in ("", str(os.getpid()))
        watched = microseconds.isdecimal() and int(microseconds) > 0 and is_ours
        return cls(
            address if address.startswith(("/", _ABSTRACT)) else None,
            timedelta(microseconds=int(microseconds)) if watched else None,
            clock,
        )

    def ready(self, url: str) -> None:
        """Report that the port is open: what depends on Spout may start."""
        self._send(f"READY=1\nSTATUS=The dashboard is at {url}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    async def keep_alive(self) -> None:
        """Send signs of life until cancelled; return at once if nobody expects any."""
        if self._address is None or self._watchdog is None:
            return
        while True:
            self._send("WATCHDOG=1")
            await self._clock.sleep(self._watchdog.total_seconds() / _SIGNS_PER_LIMIT)

    def _send(self, state: str) -> None:
        """Send one datagram; a manager that does not listen is no reason to stop."""
        if self._address is None:
            return
        name = self._address.replace(_ABSTRACT, "\0", 1) if self._address[0] == _ABSTRACT else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.settimeout(0)
            try:
                line.sendto(state.encode(), name)
            except OSError:
                return
