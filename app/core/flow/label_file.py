"""Reads a file of labels, CSV or a wallet's export (BIP-329), within the limits that hold on every way in."""

from typing import Final

from app.core.flow.bip329 import WalletLabels, looks_like_wallet_labels, parse_wallet_labels
from app.core.flow.labels import KnownNames, parse_labels
from app.errors import LabelError

MOST_FILE_BYTES: Final = 5_000_000
MOST_FILE_LINES: Final = 100_000
"""A CSV's header is one of them."""


def read_label_file(
    content: bytes, *, today: str, known: KnownNames | None = None, private: bool | None = None
) -> WalletLabels:
    """Return the labels of a file of either format, all or none. Takes a second for a long one.

    `today` (ISO date) dates labels without a date. `private`: None where nobody said; a wallet's labels are
    private then, those of a CSV are not.

    Raises:
        LabelError: if it is too long or no text, else naming the first line that cannot be read.
    """
    if len(content) > MOST_FILE_BYTES:
        raise LabelError(f"larger than {MOST_FILE_BYTES // 1_000_000} MB: split it")
    if len(content.splitlines()) > MOST_FILE_LINES:
        raise LabelError(f"more than {MOST_FILE_LINES:,} lines: split it")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LabelError("not text in UTF-8: save it as CSV or JSON lines, UTF-8") from error
    if looks_like_wallet_labels(text):
        return parse_wallet_labels(text, today=today, known=known, private=private is not False)
    return WalletLabels(
        labels=parse_labels(text, today=today, known=known, private=bool(private)),
        others=0,
    )
