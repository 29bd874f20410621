"""Secrets at rest: AES-256-GCM under a key derived from SPOUT_SECRET, bound to their endpoint."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import EndpointError
from app.keyring import Keyring

_NONCE_BYTES: Final = 12


class Seal:
    def __init__(self, keyring: Keyring) -> None:
        self._cipher = AESGCM(keyring.derive("endpoints"))

    def close(self, text: str, owner: str) -> bytes:
        """Return `text` encrypted; it opens again only for the same `owner`."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), owner.encode())

    def open(self, sealed: bytes, owner: str) -> str:
        """Return the text.

        Raises:
            EndpointError: if it was sealed under another secret or for somebody else, or is damaged.
        """
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, rest, owner.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise EndpointError(
                "its secret cannot be read: SPOUT_SECRET is another one than when it was saved"
            ) from error
