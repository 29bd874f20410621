"""Real mainnet transactions and labels that lie beside the repository (shared/mainnet)."""

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

from app.core.models import Transaction
from tests.core.flow.mainnet import transaction_of

MAINNET = Path(__file__).parents[2] / ".." / "shared" / "mainnet"
SETS = ("sob2024_8131tx", "block_739990", "block_361582")


def read(path: str) -> Iterator[tuple[str, Transaction]]:
    """Yield each transaction of a file with its label, "" without one."""
    with gzip.open(MAINNET / path, "rb") as stream:
        for line in stream:
            body = json.loads(line)
            for entry in body["vin"]:
                entry.setdefault("sequence", 0xFFFFFFFF)
            yield body.get("label", ""), transaction_of(body, prevouts=True)


def listed_whales() -> dict[str, dict[str, str]]:
    """Return the rows of whales_50btc.csv over 100 BTC, by txid."""
    with (MAINNET / "esplora_mainnet" / "whales_50btc.csv").open(encoding="utf-8") as stream:
        rows = csv.DictReader(stream)
        return {row["txid"]: row for row in rows if float(row["sum_out_btc"]) > 100}


def whales_found() -> Iterator[tuple[Transaction, dict[str, str]]]:
    """Yield each listed whale as a transaction with its row."""
    rows = listed_whales()
    names = (*SETS, "amiexposed_fixtures")
    for _, tx in (found for name in names for found in read(f"esplora_mainnet/{name}.jsonl.gz")):
        if tx.txid in rows:
            yield tx, rows.pop(tx.txid)
