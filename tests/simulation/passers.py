"""A world with mainnet's traffic around its whales, which holds no more after a day than after an hour.

What passes by is no whale: it comes, waits, is mined or evicted, and is forgotten. Whales are the world's own
transactions; those that ended are forgotten with the blocks, of which the last few stay.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tests.backend.crowd import Crowd
from tests.backend.frames import Frames
from tests.backend.shapes import Block
from tests.backend.transactions import BTC, Built, Pay, a_coin, a_transaction
from tests.backend.world import World

KEPT_BLOCKS = 20
KEPT_WHOLE = 2
"""Blocks of which the transactions that passed by are kept too."""
KEPT_ENDED = 200
MINED_SHARE = 0.95
Json = dict[str, Any]


class Passers:
    """What waits beside the whales, as REST lists it: the part of a `Crowd` that is asked for here."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.evicted_share = 0.00003
        """Of what waits, at each poll: some hundreds an hour."""
        self.waiting: dict[str, None] = {}
        self.fresh: list[Json] = []
        """Not yet said on the wire."""
        self.bodies = [self._body(outputs) for outputs in (1, 2, 2, 2, 3, 8)]

    def come(self, count: int, now: int) -> None:
        for _ in range(count):
            one = self._one(now)
            self.waiting[one["txid"]] = None
            self.fresh.append(one)

    def leave(self, share: float) -> list[str]:
        """Return those that leave: a share of what waits and was said already."""
        unsaid = {one["txid"] for one in self.fresh}
        gone = [txid for txid in self.waiting if txid not in unsaid and self.chance.random() < share]
        for txid in gone:
            del self.waiting[txid]
        return gone

    def txids(self) -> list[str]:
        return list(self.waiting)

    def __contains__(self, txid: str) -> bool:
        return txid in self.waiting

    def find(self, txid: str) -> Json:
        return {**self.bodies[0], "txid": txid}

    def prevout(self, _: str) -> None:
        """Nobody asks for the coins of what is no whale."""

    def _one(self, now: int) -> Json:
        body = self.chance.choice(self.bodies)
        rate = round(1 + self.chance.lognormvariate(0.7, 0.9), 3)
        (spent,) = body["vin"]
        return {
            **body,
            "txid": self.chance.randbytes(32).hex(),
            "vin": [{**spent, "txid": self.chance.randbytes(32).hex()}],
            "fee": int(rate * body["adjustedVsize"]),
            "order": self.chance.getrandbits(32),
            "firstSeen": now,
            **dict.fromkeys(("feePerVsize", "adjustedFeePerVsize", "effectiveFeePerVsize"), rate),
        }

    def _body(self, outputs: int) -> Json:
        pays = [Pay(BTC // 7 + number, f"passer {number}") for number in range(outputs)]
        coin = a_coin(sum(pay.value for pay in pays) + 1_000, "a passer", seed=f"passer {outputs}")
        return a_transaction([coin], pays).wire()


@dataclass(frozen=True, slots=True)
class CrowdedBlock(Block):
    passed: list[str]

    @property
    def txids(self) -> list[str]:
        return [self.coinbase.txid, *(tx.txid for tx in self.built), *self.passed]


class CrowdedFrames(Frames):
    def __init__(self, world: World, passers: Passers) -> None:
        super().__init__(world)
        self._passers = passers

    def delta(
        self, added: Sequence[Built], removed: Sequence[Built], replaced: list[tuple[Built, Built]]
    ) -> Json:
        frame = super().delta(added, removed, replaced)
        fresh, self._passers.fresh = self._passers.fresh, []
        gone = self._passers.leave(self._passers.evicted_share)
        frame["mempool-txids"]["added"] += [one["txid"] for one in fresh]
        frame["mempool-txids"]["removed"] += gone  # both name one list of what left
        frame["mempool-transactions"]["added"] += fresh
        return frame


class CrowdedWorld(World):
    """`come` lets transactions pass by; whatever is mined takes most of what waits with it."""

    def __init__(self, clock: Callable[[], float], chance: random.Random) -> None:
        self.passers = Passers(chance)
        super().__init__(clock=clock)
        self.crowd = cast("Crowd", self.passers)

    @property
    def frames(self) -> Frames:
        return CrowdedFrames(self, self.passers)

    def come(self, count: int) -> None:
        """Let so many come, and let the backend poll."""
        self.passers.come(count, self.now)
        self.poll()
        if self.passers.fresh:
            self.push(self.frames.delta((), (), []))

    def _make_block(self, height: int, mined: tuple[Built, ...]) -> Block:
        made = super()._make_block(height, mined)
        passed = self.passers.leave(MINED_SHARE)
        return CrowdedBlock(
            made.hash, made.previous, made.height, made.time, made.coinbase, made.built, passed
        )

    def forget(self) -> None:
        """Let what lies back go: blocks, and transactions that neither wait nor are in one of the others."""
        for block in self.chain[:-KEPT_WHOLE]:
            cast("CrowdedBlock", block).passed.clear()
        self.chain = self.chain[-KEPT_BLOCKS:]
        self.seen_chain = self.seen_chain[-KEPT_BLOCKS:]
        self.blocks = {one.hash: one for one in self.chain}
        mined = {tx.txid for one in self.chain for tx in one.built}
        ended = [txid for txid in self.known if txid not in self.pool and txid not in mined]
        for txid in ended[:-KEPT_ENDED]:
            del self.known[txid]
            self.victims.pop(txid, None)
        self.victims = {old: new for old, new in self.victims.items() if old in self.known}

    @property
    def held(self) -> int:
        """How many things it holds, of whatever kind."""
        kinds = (self.known, self.chain, self.blocks, self.victims, self.killed, self.passers.waiting)
        return sum(map(len, kinds)) + sum(len(cast("CrowdedBlock", one).passed) for one in self.chain)
