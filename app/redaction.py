"""Removes secrets and terminal control sequences from text for people."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

HIDDEN: Final = "***"
SHORTEST: Final = 6
"""A shorter secret could also be a common word."""


class _Shape(NamedTuple):
    """What a secret looks like; it holds one of `needles`, lower case, which is far cheaper to look for."""

    needles: tuple[str, ...]
    pattern: re.Pattern[str]
    instead: str


_SHAPES: Final = (
    _Shape(("://",), re.compile(r"(?<=://)[^/\s]+@"), f"{HIDDEN}@"),
    _Shape(("://",), re.compile(r"(?<=://)[^\s/\"'@:]*:[^\s\"'<>@]*/[^\s\"'<>]*@"), f"{HIDDEN}@"),
    _Shape(
        ("authorization",),
        re.compile(r"(?i)(authorization[\"']?\s*[:=]\s*[\"']?)(?:(?:basic|bearer)\s+)?[^\s\"',}]+"),
        rf"\1{HIDDEN}",
    ),
    _Shape(
        ("basic", "bearer"),
        re.compile(r"(?i)\b(basic|bearer)\s+[A-Za-z0-9+/=_.~-]{12,}"),
        rf"\1 {HIDDEN}",
    ),
    _Shape(
        ("passw", "passphrase", "secret", "token", "api_key", "api-key", "apikey"),
        re.compile(
            r"(?i)((?:password|passwd|passphrase|secret|token|api[_-]?key)\\*[\"']?\s*[=:]\s*(\\*[\"']))"
            r"(?:(?!\2)(?:\\.|[^\\\n]))+(?=\2)"
        ),
        rf"\1{HIDDEN}",
    ),
    _Shape(
        ("cookie",), re.compile(r"(?i)(?<![/.\w])((?:set-)?cookie:\s*)[^=\n\"']+=[^\n\"']*"), rf"\1{HIDDEN}"
    ),
    _Shape(("api-key",), re.compile(r"(?i)(api-key:\s*)[^\s\"',}]+"), rf"\1{HIDDEN}"),
    _Shape(
        ("=",),
        re.compile(
            r"(?i)((?:password|passwd|passphrase|secret|token|api_?key|cookie)[\"']?=[\"']?)[^\s\"',}&]+"
        ),
        rf"\1{HIDDEN}",
    ),
    _Shape(("spout_",), re.compile(r"spout_[A-Za-z0-9_-]{20,}"), HIDDEN),
    _Shape(("whsec_",), re.compile(r"whsec_[A-Za-z0-9+/=_-]{8,}"), HIDDEN),
    _Shape(("eyj",), re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"), HIDDEN),
    _Shape(
        ("hooks", "services"),
        re.compile(r"(?i)((?:/webhooks/\d+|/services/T\w+/B\w+|/hooks)/)[\w-]{16,}"),
        rf"\1{HIDDEN}",
    ),
    _Shape(
        ("://",),
        re.compile(
            r"(?i)\b((?:bark|gotify|hassio|matrix|mmost|nctalk|ntfy|signal)s?|discord|pover|slack|zulip)"
            r"(://)[^\s\"'<>]+"
        ),
        rf"\1\2{HIDDEN}",
    ),
    _Shape(("tk_",), re.compile(r"(?<![A-Za-z0-9])tk_[A-Za-z0-9]{20,}"), HIDDEN),
    _Shape((":", "%3a"), re.compile(r"(?<!\d)\d{6,}(?::|%3[Aa])[A-Za-z0-9_-]{30,}"), HIDDEN),
)
"""Credentials in URLs (a password may hold an @ or a /), in headers, and under a name, as Python or JSON
writes them, however often quoted; our keys, webhooks', JWTs, Telegram's; Discord's, Slack's and Mattermost's
webhooks, of which the path is the secret; Apprise's URLs, where any part may be one; ntfy's tokens."""
_SECRET_NAMES: Final = re.compile(
    r"(?i)password|passwd|passphrase|secret|token|api_?key|authorization|cookie"
)
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_DEEPEST: Final = 6


class Redactor:
    """Hides strings that look like a secret, and the known secrets anywhere."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({one for one in secrets if len(one) >= SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        # Beyond ASCII a pattern finds letters that `lower` leaves apart: then every one of them is tried.
        lower = text.lower() if text.isascii() else None
        for shape in _SHAPES:
            if lower is None or _holds_one(lower, shape.needles):
                text = shape.pattern.sub(shape.instead, text)
        return text

    def value(self, value: Any, name: str = "", depth: int = 0) -> Any:  # noqa: ANN401 - whatever is logged
        """Return the value without secrets and control characters, at any depth."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth >= _DEEPEST or (isinstance(value, str | bytes) and value and _is_secret(name)):
            return HIDDEN
        if isinstance(value, Mapping):
            return {key: self.value(one, str(key), depth + 1) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(one, name, depth + 1) for one in value]
        return self(printable(str(value)))


def _holds_one(text: str, needles: tuple[str, ...]) -> bool:
    for needle in needles:  # noqa: SIM110 - `any` of a generator takes four times as long
        if needle in text:
            return True
    return False


@lru_cache(maxsize=256)
def _is_secret(name: str) -> bool:
    return _SECRET_NAMES.search(name) is not None


def printable(text: str) -> str:
    r"""Return `text` with control characters as `\x1b`: remote text must not control the terminal."""
    if text.isprintable():
        return text
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


_PLACES: Final = re.compile(
    r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+"  # a URL
    r"|\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b|\[[0-9a-f:.]{3,}(?:%\w+)?\](?::\d+)?"  # an address
    r"|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:local|lan|home|internal|onion|localdomain)\b(?::\d+)?",
    re.IGNORECASE,
)


def without_places(text: str, hosts: Iterable[str] = ()) -> str:
    """Return `text` without URLs, addresses of machines, and the names of these hosts.

    A host whose name is one word ("mempool") is a place only with its port behind it.
    """
    found = _PLACES.sub(HIDDEN, text)
    for host in sorted({one for one in hosts if one}, key=len, reverse=True):
        port = r"(?::\d+)?" if "." in host else r":\d+"
        found = re.sub(rf"(?i)(?<![\w.-]){re.escape(host)}{port}(?![\w-])", HIDDEN, found)
    return found


def csv_cell(text: str) -> str:
    """Return a cell that a spreadsheet does not evaluate (OWASP, CSV injection)."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
