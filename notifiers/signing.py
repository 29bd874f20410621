"""Standard Webhooks 1.0.0: what is signed, and how.

Source: https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md, "Signature scheme".
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.errors import EndpointError

PREFIX: Final = "whsec_"
LARGEST_BODY: Final = 20 * 1024
"""Bytes; the specification asks to stay under 20 kB."""
_SHORTEST, _LONGEST = 24, 64
_MADE_BYTES = 32


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """The text `whsec_…` and, while an older one still signs beside it, until when it does."""

    text: str
    until: datetime | None = None

    def __repr__(self) -> str:
        return "SigningSecret(***)"


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(_MADE_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """Return the bytes of `whsec_` + base64.

    Raises:
        EndpointError: if it is not base64 of 24 to 64 bytes after the prefix.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        raise EndpointError("a webhook's secret must be whsec_ and the base64 of 24 to 64 bytes")
    return key


def headers(message_id: str, at: datetime, body: bytes, signing: Sequence[SigningSecret]) -> dict[str, str]:
    """Return the three headers of one attempt; the stamp is the attempt's own, the id stays.

    One signature a secret that still signs at `at`, the newest first.
    """
    stamp = str(int(at.timestamp()))
    content = b".".join((message_id.encode(), stamp.encode(), body))
    in_force = [secret for secret in signing if secret.until is None or at < secret.until]
    signatures = [_signature(key_of(secret.text), content) for secret in in_force]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(signatures),
    }


def _signature(key: bytes, content: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
