"""The kinds of text a setting may hold; each refuses what it is not, in words that never repeat a secret."""

import re
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

_LABEL = "[A-Za-z0-9_~-]{1,63}"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9]+)?")

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
_CURRENCY = re.compile(r"[A-Z]{3}")


class SettingKind:
    """What pydantic makes by calling it with the text that was given."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> "CoreSchema":  # noqa: ANN401 - pydantic's own
        from pydantic_core.core_schema import no_info_plain_validator_function  # noqa: PLC0415 - whoever calls has it

        return no_info_plain_validator_function(cls)


SHORTEST_PASSWORD = 8
"""Characters of a new one; one that is kept or stands in the environment counts as it is."""
LONGEST_PASSWORD = 1_024
"""Characters of the operator's: what the login takes."""
PASSWORD_FILE = "password.argon2"  # noqa: S105 - the name of a file
"""In the data directory: the hash of a password that was set by `spout password` or on the page."""


class Secret(SettingKind):
    """Text that must not be seen: printed, logged or compared by accident it shows nothing."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"


class HttpUrl(SettingKind, str):
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


class TcpUrl(SettingKind, str):
    """`tcp://host:port`."""

    __slots__ = ()
    schemes: ClassVar[tuple[str, ...]] = ("tcp",)
    words: ClassVar[str] = "must be an address like tcp://host:port"
    with_credentials: ClassVar[bool] = False

    def __new__(cls, text: str) -> Self:
        parts = _split(text, cls.schemes, cls.words)
        named = "@" in parts.netloc and not cls.with_credentials
        if parts.port is None or named or parts.query or parts.fragment:
            raise ValueError(cls.words)
        if parts.path.strip("/"):
            raise ValueError(f"{cls.words}, with nothing after the port")
        return super().__new__(cls, text.rstrip("/"))

    def __repr__(self) -> str:
        parts = urlsplit(self)
        return f"{type(self).__name__}({parts._replace(netloc=parts.netloc.rpartition('@')[2]).geturl()!r})"

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


class ProxyUrl(TcpUrl):
    """`socks5://host:port`, also with user and password; `socks5h` leaves looking names up to the proxy."""

    __slots__ = ()
    schemes = ("socks5", "socks5h")
    words = "must be an address like socks5://host:port"
    with_credentials = True


class MqttUrl(TcpUrl):
    """`mqtt://host:1883`, or `mqtts://host:8883` for TLS; also with user and password."""

    __slots__ = ()
    schemes = ("mqtt", "mqtts")
    words = "must be an address like mqtt://user:password@host:1883, or mqtts://host:8883 for TLS"
    with_credentials = True


class HostList(SettingKind, str):
    """Addresses, networks (`10.21.0.0/16`) and host names, parted by commas or spaces."""

    __slots__ = ()

    def __new__(cls, text: str) -> "HostList":
        for entry in text.replace(",", " ").split():
            _check_host(entry)
        return super().__new__(cls, text)

    @property
    def entries(self) -> tuple[str, ...]:
        return tuple(self.replace(",", " ").split())


class TimeZone(SettingKind, str):
    """An IANA name, as `zoneinfo` knows it."""

    __slots__ = ()

    def __new__(cls, text: str) -> "TimeZone":
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - only where one is named

        try:
            ZoneInfo(text)
        except (OSError, ValueError, LookupError) as error:
            raise ValueError("must be an IANA time zone like Europe/Berlin, or UTC") from error
        return super().__new__(cls, text)


class Currency(SettingKind, str):
    """`off`, or three letters (ISO 4217)."""

    __slots__ = ()

    def __new__(cls, text: str) -> "Currency":
        if text.lower() == "off":
            return super().__new__(cls, "off")
        if not _CURRENCY.fullmatch(text.upper()):
            raise ValueError("must be off, or a currency of three letters like EUR")
        return super().__new__(cls, text.upper())

    @property
    def code(self) -> str | None:
        """None: off."""
        return None if self == "off" else str(self)


def _check_host(entry: str) -> None:
    try:
        network = ip_network(entry, strict=False)
    except ValueError as error:
        if "/" not in entry and _NAME.fullmatch(entry) and not entry.replace(".", "").isdigit():
            return
        raise ValueError(
            f"must be addresses, networks or hosts, such as 10.21.0.2, 10.21.0.0/16 or caddy, not {entry!r}"
        ) from error
    if network.prefixlen == 0:
        raise ValueError(f"must not name everybody ({entry})")


def is_loopback(host: str) -> bool:
    """True for an address, or localhost, that no other machine can reach; a name is not looked up."""
    bare = host.strip("[]").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return False


def plain_address(text: str) -> str:
    """`::ffff:10.0.0.2` is `10.0.0.2`; what is no address stays as it is."""
    try:
        address = ip_address(text)
    except ValueError:
        return text
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


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
