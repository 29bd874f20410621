"""The inputs of what users of neighbouring tools reported, as they lie beside the repository."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.core.models import Transaction
from app.source.backend import decode

INPUTS = Path(__file__).parents[3] / "shared/reports/inputs"
BESIDE = [
    pytest.mark.shared,
    pytest.mark.skipif(not INPUTS.is_dir(), reason="needs the reports that lie beside the repository"),
]
"""The marks of a module that reads them."""


def an_input(name: str) -> dict[str, Any]:
    reported: dict[str, Any] = json.loads((INPUTS / f"{name}.json").read_text("utf-8"))
    return reported


def a_transaction_of(name: str, key: str = "tx") -> Transaction:
    """Return the transaction under `key`, read as the backend writes it."""
    return decode.transaction(msgspec.json.encode(an_input(name)[key]["esplora"]))[0]
