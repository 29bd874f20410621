"""The market transaction by transaction, in the mempool backend's wire frames, with the truth beside it.

`python -m tests.simulation.traffic OUT.ws.jsonl.gz --regime steady --seed 1 --minutes 30`
writes a recording for `spout replay` and the demo, and OUT.truth.json.gz.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.core.forecasting.feerates import by_bucket
from tests.simulation import model, wire
from tests.simulation.making import Maker
from tests.simulation.scripts import output_of
from tests.simulation.wire import Frame, Header, Tx

POLL_SECONDS: Final = 2.0

_REPLACED_A_SECOND: Final = 0.015 / 600
_LIFTED_A_SECOND: Final = 0.007 / 600
_CROWD_REPLACED_A_SECOND: Final = 0.004 / 600
_UNSEEN_SHARE: Final = 0.03  # of a block's transactions were never in our mempool
_BACKLOG_TXS: Final = 12_000  # what a recording begins with is told in one frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What to render. `known_addresses` are used as senders and receivers of some whales' coins."""

    regime: str = "steady"
    seed: int = 1
    seconds: float = 1_800.0
    wall: float = 1_760_000_000.0
    height: int = 917_000
    limit_vbytes: float = model.MEMPOOL_LIMIT_VBYTES
    known_addresses: tuple[str, ...] = ()
    network: str = "bc"


@dataclass(slots=True)
class Delta:
    """What one poll found."""

    added: list[Tx] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    replaced: list[tuple[str, Tx]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


class Traffic:
    """One seeded run. `entries` yields the recording's lines in order; `truth` is whole when it ends."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._regime = model.REGIMES[scenario.regime]
        self._rng = np.random.default_rng([scenario.seed, 77])
        self._demand = model.draw_demand(self._rng, self._regime, scenario.seconds + 60, POLL_SECONDS)
        self._blocks = model.draw_blocks(self._rng, scenario.seconds)
        self._next_block = int((self._blocks.times < 0).sum())
        self._pool: dict[str, Tx] = {}
        self._floor = self._regime.floor
        self._lagged = self._regime.floor
        self._sequence = 0
        known = [output_of(address) for address in scenario.known_addresses]
        self._maker = Maker(self._rng, known, scenario.network)
        self._headers: list[Header] = []
        self._projected: list[list[Tx]] = []
        self._next_ids: set[str] = set()
        self._tiers = np.full(5, self._floor)
        self.truth: dict[str, dict[str, Any]] = {}

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield {"t", "dir", "frame"}."""
        self._past_headers()
        yield from self._opening()
        backlog = Delta(added=self._backlog())
        yield _entry(0.5, self._frame(0.5, backlog))
        polls = int(self._scenario.seconds / POLL_SECONDS)
        for poll in range(1, polls):
            t = poll * POLL_SECONDS
            yield from self._mined(t)
            delta = self._poll(poll, t)
            if delta:
                yield _entry(t + 0.05, self._frame(t, delta))
            if poll % 15 == 0:
                yield {"t": t + 0.1, "dir": "out", "frame": {"action": "ping"}}
                yield _entry(t + 0.101, {"pong": True})
        for txid, tx in self._pool.items():
            self.truth[txid] |= {"fate": "in_mempool", "height": None, "effective": tx.effective}

    def _opening(self) -> Iterator[dict[str, Any]]:
        yield {"t": 0.0, "dir": "meta", "frame": {"event": "open", "url": "simulated"}}
        wanted = ["blocks", "mempool-blocks", "stats", "live-2h-chart"]
        for message in (
            {"action": "init"},
            {"action": "want", "data": wanted},
            {"track-mempool": True},
            {"track-mempool-txids": True},
            {"track-mempool-block": 0},
        ):
            yield {"t": 0.0, "dir": "out", "frame": message}
        frame = self._statistics(0.0) | {
            "blocks": [wire.block(header) for header in self._headers[-8:]],
            "transactions": [],
            "loadingIndicators": {},
            "backend": "electrum",
            "conversions": {"time": 0, "USD": -1, "EUR": -1},
            "backendInfo": {
                "hostname": "simulated",
                "version": "3.3.1",
                "gitCommit": "00000000",
                "lightning": False,
                "backend": "electrum",
                "coreVersion": "/Satoshi:29.0.0/",
                "osVersion": "",
            },
        }
        yield _entry(0.01, frame)

    # --- what happens -------------------------------------------------------------------------------

    def _poll(self, poll: int, t: float) -> Delta:
        delta = Delta()
        count = int(self._rng.poisson(self._demand[poll] * POLL_SECONDS))
        whales = int(self._rng.poisson(model.WHALES_A_DAY / model.DAY_SECONDS * POLL_SECONDS))
        delta.added += self._arrivals(count, t, whales=False) + self._arrivals(whales, t, whales=True)
        self._change_minds(t, delta)
        self._evict(delta)
        return delta

    def _arrivals(self, count: int, t: float, *, whales: bool) -> list[Tx]:
        if not count:
            return []
        quotes = model.Quotes(
            tiers=self._tiers[None, :],
            lagged=np.array([self._lagged]),
            edge=np.array([self._edge()]),
        )
        one = np.zeros(count, dtype=np.intp)
        floor, increment = np.array([self._floor]), np.array([self._regime.increment])
        rates = model.draw_feerates(self._rng, one, quotes, floor, increment, whales=whales)
        sizes = model.draw_vsizes(self._rng, count)
        return [
            self._enter(self._maker.transaction(t, float(rate), float(size), whale=whales))
            for rate, size in zip(rates, sizes, strict=True)
            if rate > 0
        ]

    def _enter(self, tx: Tx) -> Tx:
        self._pool[tx.txid] = tx
        self.truth[tx.txid] = {
            "t": tx.arrived,
            "feerate": tx.rate,
            "vsize": tx.vsize,
            "fee_sat": tx.fee,
            "whale": tx.whale,
            "total_out_sat": tx.value,
            "seen_at_height": self._tip,
            "inputs": [
                {"txid": txid, "vout": vout, "sat": sat, "address": output.address}
                for (txid, vout), (output, sat) in zip(tx.spends, tx.spent, strict=True)
            ],
            "replaces": tx.replaces,
            "parent": tx.parent.txid if tx.parent else None,
        }
        return tx

    def _leave(self, tx: Tx, fate: str, height: int | None = None) -> None:
        del self._pool[tx.txid]
        self.truth[tx.txid] |= {
            "fate": fate,
            "height": height,
            "left_at_height": self._tip,
            "effective": tx.effective,
        }
        if tx.parent:
            tx.parent.child = None
        if tx.child:
            tx.child.parent = None

    def _change_minds(self, t: float, delta: Delta) -> None:
        """Let some below the market replace their transaction, or pay for it with a child."""
        fastest = float(self._tiers[0])
        below = [
            tx for tx in self._pool.values() if tx.effective < fastest and not tx.child and not tx.parent
        ]
        new = {tx.txid for tx in delta.added}
        chances = self._rng.random(len(below)) / POLL_SECONDS
        for tx, chance in zip(below, chances, strict=True):
            replace = _REPLACED_A_SECOND if tx.whale else _CROWD_REPLACED_A_SECOND
            if tx.txid in new or chance >= replace + _LIFTED_A_SECOND:
                continue
            rate = fastest * float(self._rng.uniform(1.0, 1.3))
            if chance < replace:
                self._replace(tx, rate, t, delta)
            else:
                self._lift(tx, rate, t, delta)

    def _replace(self, old: Tx, rate: float, t: float, delta: Delta) -> None:
        new = self._maker.transaction(t, max(rate, old.rate + 1.5), old.vsize, whale=old.whale)
        new.spends, new.spent, new.replaces = old.spends, old.spent, old.txid
        extra = new.fee - old.fee
        target, value = old.pays[-1]
        new.pays = (*old.pays[:-1], (target, max(1_000, value - extra)))
        self._leave(old, "replaced")
        self.truth[old.txid]["replaced_by"] = new.txid
        delta.added.append(self._enter(new))
        delta.removed.append(old.txid)
        delta.replaced.append((old.txid, new))

    def _lift(self, parent: Tx, rate: float, t: float, delta: Delta) -> None:
        child = self._maker.transaction(t, rate, 141.0, whale=False)
        target, value = parent.pays[-1]
        child.fee = int(np.ceil(rate * (child.vsize + parent.vsize))) - parent.fee
        child.spends, child.spent = ((parent.txid, len(parent.pays) - 1),), (parent.pays[-1],)
        child.pays = ((target, max(1_000, value - child.fee)),)
        child.parent, parent.child = parent, child
        package = (parent.fee + child.fee) / (parent.vsize + child.vsize)
        parent.effective = child.effective = package
        delta.added.append(self._enter(child))

    def _evict(self, delta: Delta) -> None:
        self._floor = max(self._regime.floor, self._floor * float(np.exp(-POLL_SECONDS / 43_200.0)))
        total = sum(tx.vsize for tx in self._pool.values())
        if total <= self._scenario.limit_vbytes:
            return
        new = {tx.txid: tx for tx in delta.added}
        for tx in sorted(self._pool.values(), key=lambda tx: (tx.effective, -tx.order)):
            if total <= self._scenario.limit_vbytes:
                break
            total -= tx.vsize
            self._leave(tx, "dropped_evicted")
            self._floor = max(self._floor, tx.effective + 0.1)
            if tx.txid in new:
                delta.added.remove(tx)  # it came and went between two polls: never shown
            else:
                delta.removed.append(tx.txid)

    def _mined(self, t: float) -> Iterator[dict[str, Any]]:
        blocks = self._blocks
        while self._next_block < len(blocks.times) and blocks.times[self._next_block] <= t:
            yield _entry(t, self._connect(self._next_block, t))
            self._next_block += 1

    def _connect(self, index: int, t: float) -> Frame:
        oldest = self._blocks.times[index] - self._blocks.template_ages[index]
        refuses = bool(self._blocks.refuses_below_one[index])
        left, taken, inside = float(self._blocks.capacities[index]), [], set[str]()
        for tx in self._in_order():
            too_young = tx.arrived > oldest
            orphan = tx.parent is not None and tx.parent.txid not in inside
            if too_young or orphan or (refuses and tx.effective < 1.0):
                continue
            if tx.vsize > left:
                break
            left -= tx.vsize
            taken.append(tx)
            inside.add(tx.txid)
        height = self._tip + 1
        for tx in taken:
            self._leave(tx, "confirmed", height)
        unseen = [self._maker.txid() for _ in range(int(len(taken) * _UNSEEN_SHARE))]
        mined = [self._maker.txid(), *(tx.txid for tx in taken), *unseen]
        rates = np.array([tx.effective for tx in taken])
        sizes = np.array([tx.vsize for tx in taken])
        median, fee_range = wire.fee_statistics(rates, sizes)
        known_fees = sum(tx.fee for tx in taken)
        size = float(sizes.sum()) + 200.0 * len(unseen)
        self._close(float(self._blocks.times[index]), len(mined), size, known_fees, (median, *fee_range))
        body = {"added": [], "removed": [], "mined": mined, "replaced": []}
        frame = {"block": wire.block(self._headers[-1])} | self._statistics(t)
        self._sequence += 1
        frame["mempool-txids"] = {"sequence": self._sequence} | body
        frame["mempool-transactions"] = {"sequence": self._sequence} | body
        frame |= self._projection(whole=True)
        return frame

    # --- what is told -------------------------------------------------------------------------------

    def _frame(self, t: float, delta: Delta) -> Frame:
        frame = self._statistics(t)
        wall = self._scenario.wall
        frame["transactions"] = [wire.summary(tx, wall) for tx in delta.added[-6:]]
        self._sequence += 1
        ids = {
            "sequence": self._sequence,
            "added": [tx.txid for tx in delta.added],
            "removed": delta.removed,
            "mined": [],
            "replaced": [{"replaced": old, "by": new.txid} for old, new in delta.replaced],
        }
        frame["mempool-txids"] = ids
        frame["mempool-transactions"] = ids | {
            "added": [wire.transaction(tx, wall) for tx in delta.added],
            "replaced": [{"replaced": old, "by": wire.transaction(new, wall)} for old, new in delta.replaced],
        }
        return frame | self._projection(whole=False)

    def _statistics(self, t: float) -> Frame:
        """Project the blocks anew, and tell all that follows from them."""
        self._project()
        pool = self._pool.values()
        vbytes = sum(tx.vsize for tx in pool)
        waiting = by_bucket([tx.effective for tx in pool], [tx.vsize for tx in pool])[None, :]
        tiers, _ = model.recommended_fees(
            waiting, np.array([self._floor]), np.array([self._regime.increment])
        )
        self._tiers = tiers[0]
        self._lagged += (float(self._tiers[0]) - self._lagged) * POLL_SECONDS / 5_400.0
        recent = self._demand[max(0, int(t / POLL_SECONDS) - 5) : int(t / POLL_SECONDS) + 1]
        interval = self._blocks.times[self._next_block - 1] - self._blocks.times[self._next_block - 144]
        return {
            "mempool-blocks": [wire.projected_block(members) for members in self._projected],
            "mempoolInfo": wire.mempool_info(
                len(pool), vbytes, sum(tx.fee for tx in pool), self._floor, self._scenario.limit_vbytes
            ),
            "vBytesPerSecond": int(recent.mean() * model.MEAN_VSIZE),
            "fees": wire.recommended(self._tiers),
            "da": {
                "progressPercent": self._tip % 2016 / 20.16,
                "difficultyChange": 0.0,
                "remainingBlocks": 2016 - self._tip % 2016,
                "previousRetarget": 0.0,
                "timeAvg": int(interval / 143 * 1000),
                "adjustedTimeAvg": int(interval / 143 * 1000),
            },
        }

    def _project(self) -> None:
        blocks: list[list[Tx]] = []
        filled = model.BLOCK_VBYTES
        for tx in self._in_order():
            if filled + tx.vsize > model.BLOCK_VBYTES and len(blocks) < 8:
                blocks.append([])
                filled = 0.0
            tx.position = (len(blocks) - 1, filled + tx.vsize / 2)
            filled += tx.vsize
            blocks[-1].append(tx)
        self._projected = blocks

    def _projection(self, *, whole: bool) -> Frame:
        """Return the next block's transactions, whole or as what changed; nothing if nothing waits."""
        members = self._projected[0] if self._projected else []
        ids = {tx.txid for tx in members}
        before, self._next_ids = self._next_ids, ids
        if not members:
            return {}
        body: Frame = {"index": 0, "sequence": self._sequence}
        wall = self._scenario.wall
        if whole:
            body["blockTransactions"] = [wire.projected_tuple(tx, wall) for tx in members]
        else:
            added = [wire.projected_tuple(tx, wall) for tx in members if tx.txid not in before]
            body["delta"] = {"added": added, "removed": sorted(before - ids), "changed": []}
        return {"projected-block-transactions": body}

    def _in_order(self) -> list[Tx]:
        """Return the waiting as a miner takes them: by package feerate, parents before children."""
        return sorted(self._pool.values(), key=lambda tx: (-tx.effective, tx.order))

    def _edge(self) -> float:
        if len(self._projected) < 2:
            return self._floor
        return min(tx.effective for tx in self._projected[0])

    # --- beginnings ---------------------------------------------------------------------------------

    @property
    def _tip(self) -> int:
        return self._headers[-1].height if self._headers else self._scenario.height

    def _close(self, time: float, number: int, vbytes: float, fees: int, statistics: Sequence[float]) -> None:
        """Put one more block on the chain; `statistics` is the median, then the seven percentiles."""
        header = Header(
            height=self._headers[-1].height + 1 if self._headers else self._scenario.height - 7,
            hash="0" * 19 + self._maker.txid()[19:],
            previous=self._headers[-1].hash if self._headers else "0" * 64,
            timestamp=int(self._scenario.wall + time),
            transactions=number,
            vbytes=vbytes,
            fees=fees,
            median=statistics[0],
            fee_range=tuple(statistics[1:]),
            miner=self._maker.stranger(),
        )
        self._headers.append(header)

    def _backlog(self) -> list[Tx]:
        low, high = self._regime.backlog_vbytes
        amount = float(self._rng.uniform(low, high))
        count = min(int(amount / model.MEAN_VSIZE), _BACKLOG_TXS)
        rates = self._floor * (1.0 + self._rng.exponential(0.8, count))
        sizes = model.draw_vsizes(self._rng, count)
        return [
            self._enter(self._maker.transaction(-float(age), float(rate), float(size), whale=False))
            for rate, size, age in zip(rates, sizes, self._rng.uniform(60, 7_200, count), strict=True)
        ]

    def _past_headers(self) -> None:
        """Give the node a past: the last eight blocks before the recording begins."""
        for index in range(self._next_block - 8, self._next_block):
            size = float(self._blocks.capacities[index])
            rate = self._floor * 2
            statistics = (rate, *(rate * factor for factor in (0.6, 0.8, 0.9, 1.0, 1.4, 2.5, 8.0)))
            number = int(size / model.MEAN_VSIZE) + 1
            self._close(float(self._blocks.times[index]), number, size, int(size * rate), statistics)


def _entry(t: float, frame: Frame) -> dict[str, Any]:
    return {"t": round(t, 3), "dir": "in", "frame": frame}


def write_recording(scenario: Scenario, path: Path) -> dict[str, dict[str, Any]]:
    """Write the recording and its truth beside it; return the truth."""
    traffic = Traffic(scenario)
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=6) as lines:
        for entry in traffic.entries():
            lines.write(json.dumps(entry, separators=(",", ":")) + "\n")
    stem = path.name.removesuffix(".gz").removesuffix(".jsonl").removesuffix(".ws")
    truth = path.with_name(f"{stem}.truth.json.gz")
    truth.write_bytes(gzip.compress(json.dumps(traffic.truth).encode()))
    return traffic.truth


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.traffic", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--regime", choices=sorted(model.REGIMES), default="steady")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--address", action="append", default=[], help="known to the labels; repeatable")
    chosen = parser.parse_args(arguments)
    scenario = Scenario(
        regime=chosen.regime,
        seed=chosen.seed,
        seconds=chosen.minutes * 60,
        known_addresses=tuple(chosen.address),
    )
    truth = write_recording(scenario, chosen.file)
    whales = sum(one["whale"] for one in truth.values())
    print(f"{len(truth)} transactions, {whales} whales, in {chosen.file}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
