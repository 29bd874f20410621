"""How it is written where an endpoint sends to: a URL, a bot's token, a chat, a mail address. Pure.

Each raises ValueError in words that follow the name of what was given.
"""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

_TOKEN: Final = re.compile(r"[0-9]+:[A-Za-z0-9_-]{32,}")
_SIGNING: Final = re.compile(r"whsec_[A-Za-z0-9+/]+={0,2}")
_CHAT: Final = re.compile(r"-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,}")
_MAILBOX: Final = re.compile(
    r"(?P<bare>[^\s@<>,;\"]+@[^\s@<>,;\"]+)"
    r"|(?P<name>\"[^\"<>@]*\" *|[^\"<>@,;:]*)<(?P<bracketed>[^\s@<>,;\"]+@[^\s@<>,;\"]+)>"
)
"""One of them: a comma or a semicolon outside of quotes would make two."""
_USER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_HOST: Final = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*"
)


def http_host(url: str) -> str:
    """Return the host of an http(s) URL that alerts can be sent to."""
    words = "must be an address like https://host/path"
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(words)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(words) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(words)
    if parts.username or parts.password:
        raise ValueError("must not hold a user or password: the signature says who it is from")
    return parts.hostname


def bot_token(token: str | None) -> str:
    """Return the token of a Telegram bot; None is none."""
    if token is None or not _TOKEN.fullmatch(token):
        raise ValueError("must be what BotFather gave, like 123456789:AA…")
    return token


def signing_secret(text: str | None) -> str | None:
    """Return the secret of a webhook, as Standard Webhooks writes it; None is none."""
    if text is not None and not _SIGNING.fullmatch(text):
        raise ValueError("must be whsec_ and base64 of 24 to 64 bytes")
    return text


def chat_id(chat: str) -> str:
    if not _CHAT.fullmatch(chat):
        raise ValueError("must be a number, or @ and a channel's name")
    return chat


def mail_address(text: str) -> str:
    """Return `me@host` or `Me <me@host>` as it is."""
    mail_parts(text)
    return text


def mail_parts(text: str) -> tuple[str, str]:
    """Return the name, which may be empty, and the address as a mail server takes it: the host in ASCII.

    Of the host a dot is not asked for (`admin@nas`), and it may be an address (`me@[192.168.1.5]`).
    """
    found = _MAILBOX.fullmatch(text.strip())
    if found is None or not text.isprintable():
        raise ValueError("must be one address, like me@example.org")
    user, _, host = (found["bracketed"] or found["bare"]).rpartition("@")
    if not _USER.fullmatch(user) or len(user) > 64:
        raise ValueError("must have only ASCII letters, digits and signs before the @")
    return (found["name"] or "").strip().strip('"').strip(), f"{user}@{_mail_host(host)}"


def _mail_host(host: str) -> str:
    try:
        if host.startswith("[") and host.endswith("]"):
            ip_address(host[1:-1].removeprefix("IPv6:"))
            return host
        encoded = host.encode("idna")
        same = encoded.decode("idna").lower() == host.lower()
    except ValueError as error:  # UnicodeError is one
        raise ValueError("must have a host after the @, like example.org or nas") from error
    if not same:  # the codec's older rules make straße strasse: another host
        raise ValueError("has a host after the @ that must be written in ASCII, as xn--…")
    if not _HOST.fullmatch(encoded.decode()):
        raise ValueError("must have a host after the @, like example.org or nas")
    return encoded.decode()
