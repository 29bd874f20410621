"""SPOUT_OUTBOUND_PROXY: the SOCKS proxy that public and onion endpoints are reached through."""

import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from app.errors import SendError, SettingsError


@dataclass(frozen=True, slots=True)
class Proxy:
    """`socks5://[user:password@]host:port`."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None

    @classmethod
    def parse(cls, url: str) -> "Proxy":
        """Raise SettingsError if it is no socks5 address."""
        words = "SPOUT_OUTBOUND_PROXY must be an address like socks5://host:port"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise SettingsError(words) from error
        if parts.scheme not in ("socks5", "socks5h") or not parts.hostname or not port:
            raise SettingsError(words)
        user = unquote(parts.username) if parts.username else None
        return cls(parts.hostname, port, user, unquote(parts.password) if parts.password else None)

    def __repr__(self) -> str:
        return f"Proxy({self.host}:{self.port})"

    def lead(self, connected: socket.socket, host: str, port: int, seconds: float) -> None:
        """Have what is connected to the proxy lead to `host`, which the proxy resolves.

        Raises:
            SendError: if it does not.
        """
        from python_socks import ProxyError, ProxyType  # noqa: PLC0415 - few have a proxy
        from python_socks.sync import Proxy as SocksProxy  # noqa: PLC0415 - imported when it is needed

        # Its own connection would be made out of our sight, and would not end with the attempt.
        line: Any = _Line(connected)
        socks = SocksProxy(
            ProxyType.SOCKS5, self.host, self.port, self.username, self.password, rdns=True, forward=line
        )
        try:
            socks.connect(host, port, timeout=seconds)
        except (ProxyError, OSError) as error:
            raise SendError(str(error)) from error


class _Line:
    """What python-socks takes for a proxy before its own: a connection that is there already."""

    def __init__(self, connected: socket.socket) -> None:
        self._connected = connected

    def connect(self, dest_host: str, dest_port: int, timeout: float) -> socket.socket:  # noqa: ARG002 - its shape
        return self._connected
