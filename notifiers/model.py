"""An endpoint as the senders need it, with its secrets; and what is sent to it."""

import re
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from app.api.models import EndpointKind, Reach, Security
from notifiers.catalogue import shows_host, written_host
from notifiers.redaction import MASK, EndpointRedactor
from notifiers.signing import SigningSecret

_SHORTEST_PART: Final = 6
_MIXED: Final = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z]).{4,}")
"""What is shorter is no word if it mixes letters and digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailTarget:
    host: str
    port: int
    security: Security
    sender: str
    to: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramTarget:
    token: str = field(repr=False)
    chat_id: str
    api_url: str | None = None

    @property
    def is_group(self) -> bool:
        """Groups and channels have a pace of their own."""
        return self.chat_id.startswith(("-", "@"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where one endpoint sends to. `url` may hold secrets: it is shown without them."""

    id: str
    name: str
    kind: EndpointKind
    reach: Reach
    url: str | None = field(default=None, repr=False)
    email: EmailTarget | None = None
    telegram: TelegramTarget | None = None
    signing: tuple[SigningSecret, ...] = ()

    def redactor(self) -> EndpointRedactor:
        return EndpointRedactor(self.secrets())

    def is_same_place(self, other: "Target") -> bool:
        """Whether the other one is the same place, reached in the same way, whatever it is called."""
        where = ("kind", "reach", "url", "email", "telegram")
        return all(getattr(self, name) == getattr(other, name) for name in where)

    def secrets(self) -> tuple[str, ...]:
        """All that must not be seen outside: keys, passwords, tokens, and what of a URL may be one."""
        found = [secret.text for secret in self.signing]
        found += [secret.text.removeprefix("whsec_") for secret in self.signing]
        if self.email and self.email.password:
            found.append(self.email.password)
        if self.telegram:
            found += [self.telegram.token, self.telegram.token.partition(":")[2]]
        if self.telegram and self.telegram.api_url:
            found += secrets_of(self.telegram.api_url)
        if self.url:
            found += secrets_of(self.url)
        return tuple(secret for secret in found if secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`body`: the event as JSON, for webhooks; `title` and `text` for people, `html` for who reads it."""

    id: str
    body: bytes
    title: str
    text: str
    html: str | None = None
    edits: int | None = None
    """The message it takes the place of."""
    silent: bool = False
    """It makes no sound on the phone, where the service can do that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOutcome:
    """Of one attempt; redacted. `status_code` is HTTP's, or None."""

    delivered: bool
    ms: float
    status_code: int | None = None
    error: str | None = None
    answer: str | None = None
    retry_after_s: float | None = None
    permanent: bool = False
    """It will be refused again as it is: a 4xx of HTTP, a 5xx of SMTP."""
    final: bool = False
    """Nothing of another attempt could be different: this delivery fails at once."""
    gone: bool = False
    """The receiver says that it is no longer there (410): the endpoint is disabled."""
    migrated_to: str | None = None
    message_id: int | None = None
    """Of a message that can be edited."""
    hosts: tuple[str, ...] = ()


def masked_url(url: str) -> str:
    """Scheme, host and port: paths, queries and users of such URLs are secrets more often than not.

    So is what stands in the place of the host where it is none (a token of Pushover, a topic of ntfy.sh).
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "***"
    shown = f"[{host}]" if ":" in host else host
    if not shows_host(url):
        shown, port = MASK, None
    rest = "/***" if parts.path.strip("/") or parts.query or parts.fragment else ""
    return (
        f"{parts.scheme}://{'***@' if '@' in parts.netloc else ''}{shown}{f':{port}' if port else ''}{rest}"
    )


def secrets_of(url: str) -> list[str]:
    """Whatever of a URL may be a secret: user, password, each part of the path, each value of the query.

    A part of a path that is a short word (`/hook`) is none; user, password and query may be ever so short. Of
    a query without `=` all of it counts, and what stands in the place of the host where it is no host.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return [url]
    texts: list[Any] = [parts.username, parts.password]
    for part in re.split("[&;]", parts.query):
        name, is_set, value = part.partition("=")
        texts.append(value if is_set else name)
    if not shows_host(url):
        texts.append(written_host(url))
    ways = [*parts.path.split("/"), parts.fragment]
    if parts.path.strip("/"):
        ways.append(parts.path)
    texts += [way for way in ways if len(way) >= _SHORTEST_PART or _MIXED.fullmatch(way)]
    named = [text for text in texts if text]
    return list(dict.fromkeys([*named, *(unquote(text) for text in named)]))
