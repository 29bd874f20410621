"""The origin of a request, by headers that a foreign page cannot forge. Pure.

`hosts` are the names that the browser may have requested: `Host`, and what a trusted proxy forwarded.
`Sec-Fetch-Site` decides if present, because the browser compared both ends itself; a proxy that drops the
port from `Host` does not affect it. Over plain http on a LAN no browser sends it: then `Origin` and `hosts`
are compared.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from app.settings import is_loopback

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via")
_ASKED_FROM = ("Origin", "Referer")


def same_origin(origin: str, hosts: Iterable[str]) -> bool:
    """Whether a page of `origin` came from one of the requested `hosts`; schemes are not compared.

    Behind a proxy that ends TLS an https page sends requests over http, so only host and port must match.
    """
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    default = _DEFAULT_PORTS.get(parts.scheme)
    if default is None or not parts.netloc:
        return False
    asked_from = parts.netloc.lower().removesuffix(default)
    return any(host and asked_from == host.lower().removesuffix(default) for host in hosts)


def asked_by_our_own_page(headers: Mapping[str, str], hosts: Iterable[str]) -> bool:
    """Whether a browser says so: by `Sec-Fetch-Site`, or in its absence by our `Origin`."""
    site = headers.get("Sec-Fetch-Site", "none")
    if site != "none":
        return site == "same-origin"
    origin = headers.get("Origin")
    return origin is not None and same_origin(origin, hosts)


def asked_by_foreign_page(headers: Mapping[str, str], hosts: Iterable[str]) -> bool:
    """Whether a browser reports a foreign page as origin; programs send no such header and do not count."""
    site = headers.get("Sec-Fetch-Site", "none")
    if site != "none":
        return site != "same-origin"
    origin = headers.get("Origin")
    return origin is not None and not same_origin(origin, hosts)


def lost_its_port(origin: str | None, hosts: Iterable[str]) -> bool:
    """Whether `origin` is one of the `hosts` except for a port that the host lacks.

    This is the case behind nginx with `Host $host` on another port. It may also be another app on the same
    machine: sufficient only together with something that no foreign page can read.
    """
    asked_from = (origin or "").partition("://")[2]
    name = host_name(asked_from)
    return bool(name) and any(host.lower() in {name, f"[{name}]"} for host in hosts)


def asked_on_this_machine(headers: Mapping[str, str], peer: str, version: str = "HTTP/1.1") -> bool:
    """Whether only this machine can have sent the request: peer and `Host` are loopback, without a proxy.

    `Host` is checked because a foreign page may resolve its own name to 127.0.0.1 (DNS rebinding).
    A plain proxy does not name its client and requests our loopback address. It is detected by HTTP/1.0,
    which no browser uses and nginx does by default; and by pages of ours that have another name in the
    browser.
    """
    if version == "HTTP/1.0" or was_forwarded(headers):
        return False
    if not followed_a_link(headers) and any(_is_elsewhere(headers.get(name, "")) for name in _ASKED_FROM):
        return False
    return is_loopback(peer) and is_loopback(host_name(headers.get("Host", "")))


def was_forwarded(headers: Mapping[str, str]) -> bool:
    """Whether a proxy says that it has passed the request on."""
    return any(name in headers for name in _FORWARDED)


def followed_a_link(headers: Mapping[str, str]) -> bool:
    """Whether a browser reports that the user followed a link from a foreign page: not a foreign call."""
    return headers.get("Sec-Fetch-Mode") == "navigate" and "Origin" not in headers


def _is_elsewhere(url: str) -> bool:
    name = host_name(url.partition("://")[2].partition("/")[0])
    return bool(name) and not is_loopback(name)


def host_name(host: str) -> str:
    """`[::1]:8411` -> `::1`; "" if invalid."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def what_to_pass_on(origin: str | None, hosts: Iterable[str]) -> str:
    """Return a hint for the proxy's operator when a page of ours looks like a foreign one."""
    host = next(iter(hosts), "") or "none"
    return (
        f"The browser came from {origin or 'a page that does not say where it is'}, and Spout was asked as "
        f"{host}. If a proxy stands between them, let it pass on the Host with its port (nginx: "
        "proxy_set_header Host $http_host), or name it in SPOUT_TRUSTED_PROXIES and let it send "
        "X-Forwarded-Host."
    )
