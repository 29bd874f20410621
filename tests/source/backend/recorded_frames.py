"""Real frames of the bundled recording: one of each kind, its lists cut to two members."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from app.data import __file__ as data_file
from app.source.recording.play import moments

Json = dict[str, Any]


@cache
def frames_by_kind() -> dict[str, Json]:
    """Return frames by what they hold: `added`, `replaced`, `mined`, `mempool-blocks` and so on."""
    found: dict[str, Json] = {}
    for moment in moments(Path(data_file).parent / "demo.ws.jsonl.gz"):
        if moment.frame is not None:
            frame = json.loads(moment.frame)
            for kind in _kinds(frame):
                found.setdefault(kind, _cut(frame))
    line = ["ab" * 32, 1_000, 141.25, 5_000_000, 7.1, 1, 1795339553]
    found["projected whole"] = _projected(blockTransactions=[line])
    found["projected changed"] = _projected(delta={"added": [line], "changed": [[line[0], 8.5, 1, 0]]})
    return found


def an_added_transaction() -> Json:
    reported = frames_by_kind()["added"]["mempool-transactions"]["added"][0]
    return dict(json.loads(json.dumps(reported)))


def encoded(frame: Any) -> bytes:
    return json.dumps(frame).encode()


def a_delta(sequence: int = 1, **parts: Any) -> bytes:
    empty: Json = {"added": [], "removed": [], "mined": [], "replaced": []}
    return encoded({"mempool-transactions": {"sequence": sequence, **empty, **parts}})


def _projected(**reported: Any) -> Json:
    """As in the wire's description; the recording has none."""
    return {"projected-block-transactions": {"index": 0, "sequence": 2, **reported}}


def _kinds(frame: Json) -> list[str]:
    delta = frame.get("mempool-transactions") or {}
    return [
        *(key for key, reported in frame.items() if reported),
        *(part for part in ("added", "removed", "mined", "replaced") if delta.get(part)),
    ]


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cut(one) for key, one in value.items()}
    return [_cut(one) for one in value[:2]] if isinstance(value, list) else value
