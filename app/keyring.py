"""Derives all keys from one secret: for signing sessions and tokens, and for encrypting stored data."""

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from app.errors import SettingsError
from app.settings import Secret

FILE_NAME = "secret"
_MADE_BYTES = 32
_SHORTEST = 32


class Keyring:
    def __init__(self, secret: bytes) -> None:
        self._root = hmac.digest(b"spout", secret, "sha256")

    def derive(self, purpose: str, context: bytes = b"") -> bytes:
        """Return 32 bytes for `purpose`; other purposes and contexts give independent keys.

        Source: RFC 5869 (HKDF-SHA256), one block of output.
        """
        return hkdf_expand_block(self._root, purpose.encode() + b"\x00" + context)


def keep_private(data_dir: Path) -> None:
    """Create the data directory for its owner alone, or close an older one that others may enter.

    One that others use as well (somebody else's, or one like /tmp) is left as it is. Raises OSError.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = data_dir.stat()
    shared = found.st_uid != os.geteuid() or found.st_mode & stat.S_ISVTX
    if found.st_mode & 0o077 and not shared:
        data_dir.chmod(0o700)


def hkdf_expand_block(key: bytes, info: bytes) -> bytes:
    """Return the first 32 bytes of HKDF-Expand with SHA-256 (RFC 5869, 2.3)."""
    return hmac.digest(key, info + b"\x01", hashlib.sha256)


def open_keyring(secret: Secret | None, data_dir: Path) -> Keyring:
    """Take the operator's secret, else the one stored in `data_dir`, else create and store one (0600).

    Raises:
        SettingsError: if it is too short, or cannot be stored.
    """
    if secret is not None:
        text = secret.reveal()
        if len(text) < _SHORTEST:
            raise SettingsError(
                f"SPOUT_SECRET must have at least {_SHORTEST} characters: leave it unset to have one made"
            )
        return Keyring(text.encode())
    try:
        return Keyring(_kept_or_made(data_dir))
    except OSError as error:
        raise SettingsError(
            f"SPOUT_DATA_DIR: cannot keep the secret in {data_dir}: {error.strerror or error}"
        ) from error


def _kept_or_made(data_dir: Path) -> bytes:
    keep_private(data_dir)
    path = data_dir / FILE_NAME
    if not path.exists():
        _make(path)
    kept = path.read_bytes().strip()
    if len(kept) < _SHORTEST:
        raise SettingsError(f"{path} is damaged: remove it to have a new one made (everybody logs in again)")
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return kept


def _make(path: Path) -> None:
    """Write a temporary file, then link: never a partial file, and the first of two starts wins."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(_MADE_BYTES).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        except OSError:
            # For a file system without hard links (exFAT, some network shares).
            draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
