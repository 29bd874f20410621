"""The kinds of text a setting may hold; each refuses what it is not, in words that never repeat a secret."""

import re
from typing import ClassVar, Self
from urllib.parse import SplitResult, urlsplit

_HOST = re.compile(r"[A-Za-z0-9._~-]+|[0-9A-Fa-f:.]+(%[A-Za-z0-9]+)?")


class Secret:
    """Text that must not be seen: printed, logged or compared by accident it shows nothing."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"


class HttpUrl(str):
    """An http(s) address without query or fragment, no slash at its end."""

    __slots__ = ()

    def __new__(cls, text: str) -> "HttpUrl":
        words = "must be an address like http://host:port"
        parts = _split(text, ("http", "https"), words)
        if parts.query or parts.fragment:
            raise ValueError(f"{words}, with nothing after a ? or #")
        return super().__new__(cls, text.rstrip("/"))

    @property
    def has_credentials(self) -> bool:
        return "@" in urlsplit(self).netloc

    @property
    def masked(self) -> str:
        """For logs and pages: without user and password."""
        parts = urlsplit(self)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def __repr__(self) -> str:
        return f"HttpUrl({self.masked!r})"


class TcpUrl(str):
    """`tcp://host:port`."""

    __slots__ = ()
    schemes: ClassVar[tuple[str, ...]] = ("tcp",)
    words: ClassVar[str] = "must be an address like tcp://host:port"

    def __new__(cls, text: str) -> Self:
        parts = _split(text, cls.schemes, cls.words)
        if parts.port is None or "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError(cls.words)
        if parts.path.strip("/"):
            raise ValueError(f"{cls.words}, with nothing after the port")
        return super().__new__(cls, text.rstrip("/"))

    @property
    def host(self) -> str:
        return urlsplit(self).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self).port or 0


class ElectrumUrl(TcpUrl):
    """`tcp://host:port`, or `ssl://host:port` (also `tls://`) for a server that speaks TLS."""

    __slots__ = ()
    schemes = ("tcp", "ssl", "tls")
    words = "must be an address like tcp://host:50001, or ssl://host:50002 for TLS"


def _split(text: str, schemes: tuple[str, ...], words: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(words) from error
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(words)
    if parts.scheme not in schemes or not _HOST.fullmatch(parts.hostname or "") or port == 0:
        raise ValueError(words)
    return parts
