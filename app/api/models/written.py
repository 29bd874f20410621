"""How it is written where an endpoint sends to: a URL, a bot's token, a chat, a mail address. Pure.

Each raises ValueError in words that follow the name of what was given.
"""

import re
from typing import Final
from urllib.parse import urlsplit

_TOKEN: Final = re.compile(r"[0-9]+:[A-Za-z0-9_-]{32,}")
_SIGNING: Final = re.compile(r"whsec_[A-Za-z0-9+/]+={0,2}")
_CHAT: Final = re.compile(r"-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,}")
_ADDRESS: Final = re.compile(r"[^\s@<>,;\"]+@[^\s@<>,;\"]+")


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
    if not _ADDRESS.fullmatch(bare_address(text)) or not text.isprintable():
        raise ValueError("must be one address, like me@example.org")
    return text


def bare_address(text: str) -> str:
    """Return `me@host` of `Me <me@host>`."""
    return text.rpartition("<")[2].rstrip("> ").strip() if "<" in text else text.strip()
