"""Classification of transactions by labels into flow, moved value, flags and evidence."""

from app.core.flow.bip329 import WalletLabels, looks_like_wallet_labels, parse_wallet_labels
from app.core.flow.classifier import classify, is_whale
from app.core.flow.entities import Entities
from app.core.flow.labels import (
    KINDS,
    OWN_BASIS,
    Label,
    a_label,
    brief,
    export_labels,
    parse_labels,
    parse_table,
    script_or_text,
)
from app.core.flow.peel import Hop, PeelMemory, hop_of, remainder_index

__all__ = [
    "KINDS",
    "OWN_BASIS",
    "Entities",
    "Hop",
    "Label",
    "PeelMemory",
    "WalletLabels",
    "a_label",
    "brief",
    "classify",
    "export_labels",
    "hop_of",
    "is_whale",
    "looks_like_wallet_labels",
    "parse_labels",
    "parse_table",
    "parse_wallet_labels",
    "remainder_index",
    "script_or_text",
]
