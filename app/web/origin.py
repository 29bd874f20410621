"""Where a request comes from, by what a browser cannot be made to lie about. Pure."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from app.settings import is_loopback

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via")


def same_origin(origin: str, host: str) -> bool:
    """True if a page of `origin` came from the `Host` it now asks; schemes are not compared.

    A proxy that ends TLS makes an https page ask over http, so only host and port must agree.
    """
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    default = _DEFAULT_PORTS.get(parts.scheme)
    if default is None or not parts.netloc or not host:
        return False
    return parts.netloc.lower().removesuffix(default) == host.lower().removesuffix(default)


def asked_by_our_own_page(headers: Mapping[str, str]) -> bool:
    """True only if a browser says so: `Origin` is ours, or, without one, `Sec-Fetch-Site` is same-origin."""
    origin = headers.get("Origin")
    if origin is not None:
        return same_origin(origin, headers.get("Host", ""))
    return headers.get("Sec-Fetch-Site") == "same-origin"


def asked_by_foreign_page(headers: Mapping[str, str]) -> bool:
    """True if a browser says that a page from elsewhere asks; programs say nothing and are not meant."""
    origin = headers.get("Origin")
    if origin is not None and not same_origin(origin, headers.get("Host", "")):
        return True
    return headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}


def asked_on_this_machine(headers: Mapping[str, str], peer: str) -> bool:
    """True if nothing but this machine can have asked: peer and `Host` are loopback, no proxy between.

    The `Host` is looked at because a foreign page may point its own name at 127.0.0.1 (DNS rebinding).
    """
    if any(name in headers for name in _FORWARDED):
        return False
    return is_loopback(peer) and is_loopback(host_name(headers.get("Host", "")))


def host_name(host: str) -> str:
    """`[::1]:8411` -> `::1`; "" if it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
