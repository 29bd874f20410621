"""Cut the bundled demo out of the recordings: `python -m tests.backend.make_demo`.

Keeps what Spout reads: mempool deltas, blocks, fees and the queue of the mixed scenario's first minutes,
and the answers about its whales. The recordings were made for this project on a regtest chain of its own.
"""

import gzip
import json
from pathlib import Path
from typing import Any

from tests.backend.answers import DerivedRest
from tests.backend.derive import derived_lines
from tests.backend.truth import RECORDINGS, Truth, lines

OUT = Path(__file__).parents[2] / "app" / "data"
SECONDS = 268.0
KEPT = (
    "blocks",
    "block",
    "mempool-transactions",
    "fees",
    "mempool-blocks",
    "mempoolInfo",
    "loadingIndicators",
)
IDLE = ("scriptsig_asm", "scriptpubkey_asm", "inner_redeemscript_asm", "inner_witnessscript_asm", "extras")
EXCHANGES = {"exch": "Example Exchange", "bob": "Sample Exchange"}
WHALE_SATS = 100 * 100_000_000


def main() -> None:
    recording = RECORDINGS / "mixed.ws.jsonl.gz"
    frames = [line for line in lines(recording) if line["dir"] != "out"]
    start = frames[0]["t"]
    kept = [_cut(line) for line in frames if line["t"] - start <= SECONDS]
    _write(OUT / "demo.ws.jsonl.gz", [line for line in kept if line["frame"]])
    truth = Truth.load(RECORDINGS)
    answers = [
        _bare(line)
        for line in derived_lines(DerivedRest(truth, recording), recording)
        if line["t"] - start <= SECONDS and _wanted(line)
    ]
    _write(OUT / "demo.rest.jsonl.gz", answers)
    _write_labels(truth)


def _write_labels(truth: Truth) -> None:
    """Two of the driver's wallets play exchanges, so that the demo shows every kind of flow."""
    addresses = {
        (EXCHANGES[out["wallet"]], out["addr"])
        for sent in truth.sent.values()
        for out in sent.outputs
        if out.get("wallet") in EXCHANGES and sent.group == "mixed"
    }
    coins = {(txid, vout) for sent in truth.group("mixed") for txid, vout, _ in sent.inputs}
    addresses |= {
        (EXCHANGES[out["wallet"]], out["addr"])
        for sent in truth.sent.values()
        for vout, out in enumerate(sent.outputs)
        if out.get("wallet") in EXCHANGES and (sent.txid, vout) in coins
    }
    rows = [f"{address},{entity},exchange" for entity, address in sorted(addresses)]
    path = OUT / "demo.labels.csv"
    path.write_text("\n".join(["address,entity,kind", *rows]) + "\n", encoding="utf-8")
    print(f"{path.name}: {len(rows)} labels")


def _cut(line: dict[str, Any]) -> dict[str, Any]:
    if line["dir"] == "meta":
        return line
    return {**line, "frame": _bare({name: line["frame"][name] for name in KEPT if name in line["frame"]})}


def _bare(part: Any) -> Any:
    """Leave out what nobody reads."""
    if isinstance(part, dict):
        return {name: _bare(value) for name, value in part.items() if name not in IDLE}
    return [_bare(one) for one in part] if isinstance(part, list) else part


def _wanted(line: dict[str, Any]) -> bool:
    path = line["path"].removeprefix("/api/v1/")
    if path.startswith("tx/") and isinstance(line["body"], dict) and "vout" in line["body"]:
        return sum(out["value"] for out in line["body"]["vout"]) > WHALE_SATS
    return not path.startswith(("mempool/txids", "blocks", "block-height")) or path.startswith("blocks/tip")


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with gzip.GzipFile(path, "wb", compresslevel=9, mtime=0) as stream:
        for row in rows:
            stream.write(json.dumps(row, separators=(",", ":")).encode() + b"\n")
    print(f"{path.name}: {len(rows)} lines, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
