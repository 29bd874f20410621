"""Secrets at rest: AES-256-GCM under a key derived from SPOUT_SECRET, bound to their endpoint.

The library is imported with the first endpoint, by whoever seals or opens: off the loop.
"""

import os
from functools import cached_property
from typing import TYPE_CHECKING, Final

from app.errors import EndpointError
from app.keyring import Keyring

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12


class Seal:
    def __init__(self, keyring: Keyring) -> None:
        self._key = keyring.derive("endpoints")

    def close(self, text: str, owner: str) -> bytes:
        """Return `text` encrypted; it opens again only for the same `owner`."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), owner.encode())

    def open(self, sealed: bytes, owner: str) -> str:
        """Return the text.

        Raises:
            EndpointError: if it was sealed under another secret or for somebody else, or is damaged.
        """
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - few have an endpoint, and it brings 7 MB

        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, rest, owner.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise EndpointError(
                "its secret cannot be read: SPOUT_SECRET is another one than when it was saved"
            ) from error

    @cached_property
    def _cipher(self) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as above

        return AESGCM(self._key)
