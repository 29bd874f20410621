"""Write the derived REST answers beside the recorded ones: `python -m tests.backend.derive OUT_DIR [NAME…]`.

One file for each recording, `NAME.rest.jsonl.gz` (those of `extra` in a folder of that name), in the recorded
format; a line tells what holds from its `t` on, in the recording's own time. A POST line has one outpoint.
"""

import argparse
import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.backend.answers import DerivedRest
from tests.backend.node import NodeHistory
from tests.backend.truth import RECORDINGS, Truth, lines, shift_of

__all__ = ["DerivedRest", "NodeHistory", "Truth", "derived_lines", "write"]
_MANY_OUTPUTS = 100  # a small transaction of so many outputs has only its status in the files, not its body
_SMALL_SATS = 50_0000_0000
Line = dict[str, Any]


def derived_lines(rest: DerivedRest, recording: Path) -> list[Line]:
    """Return every line for one recording, by time: the state at its start, then each change to its end."""
    shift = shift_of(recording)
    start, end = _window(rest.truth, recording)
    found = [*_transactions(rest, start, end), *_chain(rest, start, end), *_outpoints(rest, start, end)]
    found.sort(key=lambda line: line["t"])
    return [{**line, "t": round(line["t"] - shift, 3)} for line in found]


def write(folder: Path, out: Path, names: Iterable[str] = ()) -> dict[str, int]:
    """Derive for each recording of a folder; return how many lines each file got."""
    truth, wanted, counts = Truth.load(folder), set(names), {}
    node = NodeHistory(truth)
    out.mkdir(parents=True, exist_ok=True)
    for recording in truth.recordings():
        name = recording.name.removesuffix(".ws.jsonl.gz")
        if wanted and name not in wanted:
            continue
        found = derived_lines(DerivedRest(truth, recording, node), recording)
        with gzip.open(out / f"{name}.rest.jsonl.gz", "wt", compresslevel=5) as stream:
            stream.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in found)
        counts[name] = len(found)
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.backend.derive", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--recordings", type=Path, default=RECORDINGS)
    asked = parser.parse_args()
    for folder, out in ((asked.recordings, asked.out), (asked.recordings / "extra", asked.out / "extra")):
        for name, count in write(folder, out, asked.names).items():
            print(f"{out / name}.rest.jsonl.gz: {count} lines")


def _window(truth: Truth, recording: Path) -> tuple[float, float]:
    """Return the run's times of the recording's first line and end (its group's where later)."""
    times = [line["t"] for line in lines(recording)]
    shift, name = shift_of(recording), recording.name.split(".")[0]
    ends = [e["t"] for e in truth.events if e["event"] == "group_end" and e.get("name") == name]
    return times[0] + shift, max(times[-1] + shift, *ends) if ends else times[-1] + shift


def _relevant(rest: DerivedRest, start: float, end: float) -> list[str]:
    places = rest.node.places
    waiting = dict.fromkeys(rest.node.mempool(start))
    changing = dict.fromkeys(txid for txid, line in places.items() if any(start < t <= end for t, _ in line))
    held = dict.fromkeys(txid for txid, line in rest.seen.items() if any(start < t <= end for t, _ in line))
    return list(waiting | changing | held)


def _moments(rest: DerivedRest, txid: str, start: float, end: float) -> list[float]:
    """Return when the answer about a transaction may change, from `start` on."""
    times = [t for t, _ in (*rest.node.places.get(txid, ()), *rest.seen.get(txid, ()))]
    return sorted({start, *(t for t in times if start < t <= end), *_faults(rest, start, end)})


def _faults(rest: DerivedRest, start: float, end: float) -> list[float]:
    return [t for outage in rest.node.outages for t in outage if start < t <= end]


def _transactions(rest: DerivedRest, start: float, end: float) -> Iterator[Line]:
    victims = {e["txid"] for e in rest.truth.events if e["event"] == "replaced"}
    winners = {e["replaced_by"] for e in rest.truth.events if e["event"] == "replaced"}
    for txid in _relevant(rest, start, end):
        moments = _moments(rest, txid, start, end)
        paths = ["/status"] if _is_filler(rest, txid) else ["/status", ""]
        if txid in victims or txid in winners:
            paths += ["/rbf", *(["/cached"] if txid in victims else [])]
        for part in paths:
            yield from _series(rest, f"/api/v1/tx/{txid}{part}", moments)


def _chain(rest: DerivedRest, start: float, end: float) -> Iterator[Line]:
    tips = [t for t, _ in rest.node.tips if start < t <= end]
    faults = _faults(rest, start, end)
    moments = sorted({start, *tips, *faults})
    top = max((block.height for block in rest.node.blocks.values() if block.t <= end), default=0)
    for path in ("blocks/tip/hash", "blocks/tip/height", "blocks"):
        yield from _series(rest, f"/api/v1/{path}", moments)
    for height in range(max(top - 40, 0), top + 2):
        yield from _series(rest, f"/api/v1/block-height/{height}", moments)
    for block in [block for block in rest.node.blocks.values() if block.t <= end]:
        known = sorted({max(start, block.t), *(t for t in moments if t >= block.t)})
        for part in ("", "/summary", "/txids"):
            yield from _series(rest, f"/api/v1/block/{block.hash}{part}", known)
    changes = sorted({start, *faults, *(t for t, _, _ in rest.node.changes if start < t <= end)})
    yield from _series(rest, "/api/v1/mempool/txids", changes)


def _outpoints(rest: DerivedRest, start: float, end: float) -> Iterator[Line]:
    sent = rest.truth.sent
    relevant = [txid for txid in _relevant(rest, start, end) if txid in sent]
    outpoints = dict.fromkeys((parent, vout) for txid in relevant for parent, vout, _ in sent[txid].inputs)
    for parent, vout in outpoints:
        involved = [parent, *rest.node.spenders[parent, vout]]
        moments = sorted({t for txid in involved for t in _moments(rest, txid, start, end)})
        yield from _series(rest, "/api/v1/prevouts", moments, [{"txid": parent, "vout": vout}])


def _series(
    rest: DerivedRest, path: str, moments: list[float], request: list[dict[str, Any]] | None = None
) -> Iterator[Line]:
    """Yield a line for the first moment and for each at which the answer is another one."""
    last, method = None, "POST" if request else "GET"
    for t in moments:
        answer = rest.answer(method, path, request, t)
        if answer is None or answer == last:
            continue
        last = answer
        line: Line = {"t": t, "path": path, "status": answer[0], "content_type": answer[1], "body": answer[2]}
        yield {**line, "method": "POST", "request": request} if request else line


def _is_filler(rest: DerivedRest, txid: str) -> bool:
    sent = rest.truth.sent.get(txid)
    return sent is not None and len(sent.outputs) > _MANY_OUTPUTS and sent.total_out_sat < _SMALL_SATS


if __name__ == "__main__":
    main()
