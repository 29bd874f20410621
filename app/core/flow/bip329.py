"""Wallet labels in the export format of BIP-329: one JSON object a line.

Source: BIP-329, "Wallet Labels Export Format".
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.core.flow.labels import KnownNames, Label, a_label
from app.errors import LabelError

TYPES: Final = frozenset(("tx", "addr", "pubkey", "input", "output", "xpub"))
_LONGEST: Final = 80
"""A wallet's label may be longer than a name here: it is cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletLabels:
    """`others`: lines about transactions, keys and coins, or without a label; they name no address."""

    labels: tuple[Label, ...]
    others: int


def parse_wallet_labels(
    text: str,
    *,
    today: str,
    known: KnownNames | None = None,
    private: bool = True,
) -> WalletLabels:
    """Parse a wallet's export. Nothing is accepted if one line is invalid; the last label of an address wins.

    Raises:
        LabelError: with the number of the line.
    """
    found: dict[str, Label] = {}
    others = 0
    # Not splitlines(): JSON may hold U+2028 and its like as they are, which end no line.
    for line, row in enumerate(io.StringIO(text.removeprefix("\ufeff"), newline=None), 1):
        if not row.strip():
            continue
        try:
            said = _object(row)
            name = _name(said.get("label"))
            if said["type"] != "addr" or not name:
                others += 1
                continue
            label = a_label(said["ref"], name, created_at=today, private=private, known=known)
        except LabelError as error:
            raise LabelError(f"line {line}: {error}") from error
        found[label.script] = label
    return WalletLabels(labels=tuple(found.values()), others=others)


def looks_like_wallet_labels(text: str) -> bool:
    """Return whether it begins as JSON lines do; a CSV begins with its header."""
    return text.removeprefix("\ufeff").lstrip().startswith("{")


def _object(row: str) -> Mapping[str, Any]:
    try:
        said = json.loads(row)
    except (ValueError, RecursionError) as error:
        raise LabelError("is no JSON object: one a line (BIP-329)") from error
    if not isinstance(said, dict) or not isinstance(said.get("ref"), str):
        raise LabelError("must be an object with type, ref and label (BIP-329)")
    if not isinstance(said.get("type"), str) or said["type"] not in TYPES:
        raise LabelError(f"type must be one of {', '.join(sorted(TYPES))} (BIP-329)")
    return said


def _name(label: object) -> str:
    if label is None:
        return ""
    if not isinstance(label, str):
        raise LabelError("label must be text")
    shown = "".join(letter if letter.isprintable() else " " for letter in label)
    return " ".join(shown.split())[:_LONGEST].strip()
