"""Real transactions that lie beside the repository, in Esplora's shape."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.core.models import Input, Output, Transaction
from app.core.units import Outpoint, Sats, Script, Txid, VBytes

REALTX = Path(__file__).parents[3] / ".." / "shared" / "realtx"


def read(name: str, *, prevouts: bool = True) -> Iterator[tuple[Transaction, int | None]]:
    """Yield each transaction with its block's height; without `prevouts` as a backend announces it."""
    with gzip.open(REALTX / f"{name}.jsonl.gz", "rb") as stream:
        for line in stream:
            body = json.loads(line)
            yield transaction_of(body, prevouts=prevouts), body["status"].get("block_height")


def transaction_of(body: dict[str, Any], *, prevouts: bool) -> Transaction:
    return Transaction(
        txid=Txid(body["txid"]),
        inputs=tuple(_input(entry, prevouts=prevouts) for entry in body["vin"]),
        outputs=tuple(
            Output(value=Sats(entry["value"]), script=Script(entry["scriptpubkey"])) for entry in body["vout"]
        ),
        fee=body.get("fee") or None,
        vsize=VBytes(body["weight"] / 4) if body.get("weight") else None,
    )


def _input(entry: dict[str, Any], *, prevouts: bool) -> Input:
    prevout = (entry.get("prevout") or {}) if prevouts else {}
    return Input(
        outpoint=Outpoint(Txid(entry["txid"]), entry["vout"]),
        sequence=entry["sequence"],
        script=prevout.get("scriptpubkey"),
        value=prevout.get("value"),
        scriptsig=entry.get("scriptsig", ""),
        witness=tuple(entry.get("witness", ())),
    )
