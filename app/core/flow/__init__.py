"""Classification of transactions by labels into flow, moved value, flags and evidence."""

from app.core.flow.bip329 import WalletLabels
from app.core.flow.classifier import classify, is_whale
from app.core.flow.entities import Entities
from app.core.flow.label_file import MOST_FILE_BYTES, MOST_FILE_LINES, read_label_file
from app.core.flow.labels import (
    KINDS,
    OWN_BASIS,
    Label,
    a_label,
    brief,
    parse_labels,
    parse_table,
    script_or_text,
    write_labels,
)
from app.core.flow.peel import Hop, PeelMemory, hop_of, remainder_index

__all__ = [
    "KINDS",
    "MOST_FILE_BYTES",
    "MOST_FILE_LINES",
    "OWN_BASIS",
    "Entities",
    "Hop",
    "Label",
    "PeelMemory",
    "WalletLabels",
    "a_label",
    "brief",
    "classify",
    "hop_of",
    "is_whale",
    "parse_labels",
    "parse_table",
    "read_label_file",
    "remainder_index",
    "script_or_text",
    "write_labels",
]
