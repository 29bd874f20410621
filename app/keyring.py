"""One secret, many keys: what signs sessions and tokens and what seals things at rest are derived from it."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from app.errors import SettingsError
from app.setting_types import Secret

FILE_NAME = "secret"
_MADE_BYTES = 32
_SHORTEST = 32


class Keyring:
    def __init__(self, secret: bytes) -> None:
        self._root = hmac.digest(b"spout", secret, "sha256")

    def derive(self, purpose: str, context: bytes = b"") -> bytes:
        """Return 32 bytes for `purpose`; other purposes and contexts give unrelated ones.

        Source: RFC 5869 (HKDF-SHA256), one block of output.
        """
        return hkdf_expand_block(self._root, purpose.encode() + b"\x00" + context)


def hkdf_expand_block(key: bytes, info: bytes) -> bytes:
    """The first 32 bytes of HKDF-Expand with SHA-256 (RFC 5869, 2.3)."""
    return hmac.digest(key, info + b"\x01", hashlib.sha256)


def open_keyring(secret: Secret | None, data_dir: Path) -> Keyring:
    """Take the operator's secret, else the one kept in `data_dir`, else make one and keep it (0600).

    Raises:
        SettingsError: if it is too short, or cannot be kept.
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
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
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
    """Write beside, then link: never half a file, and the first of two that start at once wins."""
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
            # A file system without hard links (exFAT, some network shares).
            draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
