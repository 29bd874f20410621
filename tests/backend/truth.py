"""What the driver of the recordings really did, and every transaction body the recordings hold."""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.backend import rawtx

RECORDINGS = Path(__file__).parents[2] / ".." / "shared" / "recordings"
_ACCEPTED_EVICTED = (b"A".hex(), b"R".hex())
_V331_SHIFT = 736.7  # `t` of mixed.v331.ws counts from its own zero


@dataclass(frozen=True, slots=True)
class Sent:
    """One transaction of the driver; `fate` in the words of truth_final, amounts in satoshi."""

    txid: str
    group: str
    kind: str
    t: float
    fate: str
    replaced_by: str | None
    nonchange_sat: int
    total_out_sat: int
    fee_sat: int
    vsize: int
    weight: int
    inputs: tuple[tuple[str, int, int], ...]
    outputs: tuple[dict[str, Any], ...]
    only_in_block: bool
    height: int | None


@dataclass(slots=True)
class Truth:
    """The events of one run in order; `raw` and `frames` hold bodies by txid, `extended` blocks by hash.

    `accepted` and `evicted` are the node's own moments (ZMQ), where it was listened to; `waiting_before` are
    txids the first recorded list names and the driver never sent in this run.
    """

    folder: Path
    events: list[dict[str, Any]]
    sent: dict[str, Sent]
    raw: dict[str, rawtx.RawTransaction] = field(default_factory=dict)
    frames: dict[str, dict[str, Any]] = field(default_factory=dict)
    extended: dict[str, dict[str, Any]] = field(default_factory=dict)
    outputs: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    removed: list[tuple[float, str]] = field(default_factory=list)
    accepted: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    evicted: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    waiting_before: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, folder: Path = RECORDINGS) -> Self:
        """Read one run: the folder of the recordings, or its `extra`."""
        final = json.loads(gzip.decompress((folder / "truth_final.json.gz").read_bytes()))
        events = list(lines(folder / "truth.jsonl.gz"))
        sent = {e["txid"]: _sent(e, final.get(e["txid"], {})) for e in events if e["event"] == "tx"}
        truth = cls(folder, events, sent)
        for path in sorted(folder.glob("*.zmq.jsonl.gz")):
            truth._read_zmq(path)
        for path in sorted(folder.glob("*.ws.jsonl.gz")):
            truth._read_frames(path)
        truth._read_rest()
        truth.removed.sort()
        return truth

    def group(self, name: str) -> list[Sent]:
        """Return the group's transactions, in the order they were sent."""
        return [sent for sent in self.sent.values() if sent.group == name]

    def groups(self) -> list[str]:
        return list(dict.fromkeys(sent.group for sent in self.sent.values()))

    def recordings(self) -> list[Path]:
        """Return the recordings of a full client (not the `tracktxs` ones)."""
        return [p for p in sorted(self.folder.glob("*.ws.jsonl.gz")) if ".tracktxs." not in p.name]

    def _read_zmq(self, path: Path) -> None:
        known: set[str] = set()
        for line in lines(path):
            topic, body = line.get("topic"), line.get("body", "")
            if topic == "rawtx" and body not in known:
                known.add(body)
                raw = rawtx.decode(bytes.fromhex(body))
                self.raw[raw.txid] = raw
            elif topic == "sequence" and body[64:66] in _ACCEPTED_EVICTED:
                moments = self.accepted if body[64:66] == _ACCEPTED_EVICTED[0] else self.evicted
                moments[body[:64]].append(line["t"])

    def _read_frames(self, path: Path) -> None:
        shift = shift_of(path)
        for line in lines(path):
            frame = line["frame"]
            if line["dir"] != "in" or not isinstance(frame, dict):
                continue
            delta = frame.get("mempool-transactions") or {}
            for tx in [*delta.get("added", ()), *(pair["by"] for pair in delta.get("replaced", ()))]:
                self._keep(tx)
            self.removed += [(line["t"] + shift, txid) for txid in delta.get("removed", ())]
            for block in [*frame.get("blocks", ()), *([frame["block"]] if "block" in frame else [])]:
                self.extended.setdefault(block["id"], block)

    def _read_rest(self) -> None:
        listed = False
        for line in lines(self.folder / "rest.jsonl.gz"):
            body = line["body"]
            if line["path"] == "/api/v1/mempool/txids" and not listed:
                listed = True
                self.waiting_before = [txid for txid in body if txid not in self.sent]
            if line["path"] == "/api/v1/blocks" and isinstance(body, list):
                for block in body:
                    self.extended.setdefault(block["id"], block)
            if isinstance(body, dict) and "vin" in body:
                self._keep(body)
        for path in self.folder.glob("*.prevouts.jsonl.gz"):
            for line in lines(path):
                for asked, answer in zip(line["request"], line["body"], strict=True):
                    if answer:
                        self.outputs[asked["txid"], asked["vout"]] = answer["prevout"]

    def _keep(self, tx: dict[str, Any]) -> None:
        for entry in tx["vin"]:
            if entry["prevout"]:
                self.outputs[entry["txid"], entry["vout"]] = entry["prevout"]
        if not tx["status"]["confirmed"]:
            self.frames.setdefault(tx["txid"], tx)


def shift_of(path: Path) -> float:
    """Return what to add to a recording's `t` to have the run's `t`, seconds."""
    return _V331_SHIFT if ".v331." in path.name else 0.0


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield each line of a gzip JSONL file."""
    with gzip.open(path, "rb") as stream:
        for line in stream:
            yield json.loads(line)


def _sent(event: dict[str, Any], final: dict[str, Any]) -> Sent:
    return Sent(
        txid=event["txid"],
        group=event["group"],
        kind=event["kind"],
        t=event["t"],
        fate=final.get("fate", "unknown"),
        replaced_by=final.get("replaced_by"),
        nonchange_sat=event["nonchange_sat"],
        total_out_sat=event["total_out_sat"],
        fee_sat=event["fee_sat"],
        vsize=event["vsize"],
        weight=event["weight"],
        inputs=tuple((i["txid"], i["vout"], i["sat"]) for i in event["inputs"]),
        outputs=tuple(event["outputs"]),
        only_in_block=event.get("how") == "only in block",
        height=final.get("height"),
    )
