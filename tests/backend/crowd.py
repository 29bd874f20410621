"""A mempool of many thousand transactions, made from templates while sent: big on the wire only."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.backend.encoding import REGTEST, Network
from tests.backend.rawtx import ordering, pseudo_txid
from tests.backend.transactions import BTC, Coin, Pay, a_transaction, script_of

Json = dict[str, Any]
_SMALL_VALUE, _WHALE_VALUE = 12_3456_7890, 345_6789_0123
_OUTPUTS = 8  # about 2,500 bytes each, as measured for mainnet
_CHUNK = 256


@dataclass(slots=True)
class Crowd:
    """`count` transactions of about 2.5 kB, `whales` of them whales, spread evenly; same seed, same crowd."""

    count: int
    whales: int = 5
    seed: str = "crowd"
    first_seen: int = 1_700_000_000
    network: Network = REGTEST
    _small: list[bytes] = field(default_factory=list)
    _whale: list[bytes] = field(default_factory=list)
    _index: dict[str, int] = field(default_factory=dict)
    _parents: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._small = self._template(_SMALL_VALUE)
        self._whale = self._template(_WHALE_VALUE)

    @classmethod
    def of_bytes(cls, size: int, whales: int = 5, seed: str = "crowd") -> "Crowd":
        """Return a crowd whose frame has about this size."""
        ping_once = cls(1, 0, seed)
        return cls(max(size // (len(ping_once.body(0)) + 1), whales, 1), whales, seed)

    def is_whale(self, index: int) -> bool:
        """Tell whether the transaction is a whale: they lie evenly spread, the last one is one."""
        return (index + 1) * self.whales // self.count > index * self.whales // self.count

    def txid(self, index: int) -> str:
        return hashlib.sha256(f"{self.seed} {index}".encode()).hexdigest()

    def __contains__(self, txid: str) -> bool:
        self.txids()
        return txid in self._index

    def txids(self) -> list[str]:
        if not self._index:
            self._index = {self.txid(index): index for index in range(self.count)}
        return list(self._index)

    def whale_txids(self) -> list[str]:
        return [self.txid(index) for index in range(self.count) if self.is_whale(index)]

    def body(self, index: int) -> bytes:
        """Return the JSON of one transaction; all small ones have one length, all whales another."""
        txid = self.txid(index)
        first, second, third, last = self._whale if self.is_whale(index) else self._small
        parent = pseudo_txid(f"parent {txid}")
        order = str(1_000_000_000 + ordering(txid) % 3_000_000_000)
        return b"".join((first, txid.encode(), second, parent.encode(), third, order.encode(), last))

    def find(self, txid: str) -> Json | None:
        """Return one transaction as JSON, with its prevouts."""
        return self.with_prevouts(self._index[txid]) if txid in self else None

    def with_prevouts(self, index: int) -> Json:
        reported: Json = json.loads(self.body(index))
        value = sum(out["value"] for out in reported["vout"]) + reported["fee"]
        coin = self._coin(value)
        script = coin.script.hex()
        built = a_transaction([coin], [Pay(value, "crowd")], network=self.network).wire(prevouts=True)
        assert built["vin"][0]["prevout"]["scriptpubkey"] == script
        reported["vin"][0]["prevout"] = built["vin"][0]["prevout"]
        return reported

    def prevout(self, parent: str) -> Json | None:
        """Return the output a crowd's transaction spends, by its parent's txid."""
        if not self._parents:
            self._parents = {pseudo_txid(f"parent {txid}"): n for n, txid in enumerate(self.txids())}
        index = self._parents.get(parent)
        prevout: Json | None = None if index is None else self.with_prevouts(index)["vin"][0]["prevout"]
        return prevout

    def frame(self, sequence: int) -> tuple[int, Iterator[bytes]]:
        """Return the size of ONE `mempool-transactions` frame of the whole crowd, and its pieces."""
        head = f'{{"mempool-transactions":{{"sequence":{sequence},"added":['.encode()
        tail = b'],"removed":[],"mined":[],"replaced":[]}}'
        small, whale = (sum(map(len, t)) + 64 + 64 + 10 for t in (self._small, self._whale))
        size = (
            len(head) + len(tail) + self.whales * whale + (self.count - self.whales) * small + self.count - 1
        )
        return size, self._pieces(head, tail)

    def _pieces(self, head: bytes, tail: bytes) -> Iterator[bytes]:
        yield head
        for start in range(0, self.count, _CHUNK):
            bodies = [self.body(index) for index in range(start, min(start + _CHUNK, self.count))]
            yield (b"," if start else b"") + b",".join(bodies)
        yield tail

    def _coin(self, value: int) -> Coin:
        return Coin("00" * 32, 0, value, script_of("crowd member", "p2wpkh"), "crowd member", "p2wpkh")

    def _template(self, value: int) -> list[bytes]:
        """Return the JSON cut at txid, parent's txid and order, the three that differ."""
        marks = ("a" * 64, "b" * 64, 1_234_567_891)
        kinds = ("p2wpkh", "p2tr", "p2sh-p2wpkh", "p2pkh")
        rest = [Pay(BTC // 10 + n, f"crowd payee {n}", kinds[n % 4]) for n in range(_OUTPUTS - 1)]
        pays = [Pay(value, "crowd payee", "p2wpkh"), *rest]
        total = sum(pay.value for pay in pays)
        built = a_transaction([self._coin(total + 4_000)], pays, network=self.network)
        reported = built.wire(first_seen=self.first_seen)
        reported["txid"], reported["vin"][0]["txid"], reported["order"] = marks
        text = json.dumps(reported, separators=(",", ":"))
        first, _, rest_ = text.partition(marks[0])
        second, _, rest_ = rest_.partition(marks[1])
        third, _, last = rest_.partition(str(marks[2]))
        return [part.encode() for part in (first, second, third, last)]
