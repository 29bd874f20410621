"""Transactions built for a story: right scripts, addresses, sizes and txids; signatures only of a right size.

An owner is a name; each owner has one script of each kind, always the same. So change to an input's script,
or a payment to a known entity, is written by naming the owner.
"""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.backend.encoding import MAINNET, REGTEST, Network, address_to_script, hash160
from tests.backend.rawtx import RawInput, RawTransaction, decode, ordering, pseudo_txid
from tests.backend.script import script_address, wire_output, with_prevout

BTC = 100_000_000
KINDS = ("p2pkh", "p2sh-p2wpkh", "p2wpkh", "p2wsh", "p2tr")
RBF, FINAL = 0xFFFFFFFD, 0xFFFFFFFF
_SIGNATURE = bytes.fromhex("3044022005" + "a1" * 31 + "022006" + "b2" * 31 + "01")
_counter = itertools.count(1)
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Coin:
    """An output that can be spent; `value` in satoshi."""

    txid: str
    vout: int
    value: int
    script: bytes
    owner: str = "someone"
    kind: str = "p2wpkh"


@dataclass(frozen=True, slots=True)
class Pay:
    """An output to make: to an owner's script, or to any script given."""

    value: int
    owner: str = "someone"
    kind: str = "p2wpkh"
    script: bytes | None = None

    @property
    def output_script(self) -> bytes:
        return self.script if self.script is not None else script_of(self.owner, self.kind)


@dataclass(frozen=True, slots=True)
class Built:
    """A transaction with the coins it spends, in input order."""

    raw: RawTransaction
    coins: tuple[Coin, ...]
    pays: tuple[Pay, ...]
    network: Network = REGTEST

    @property
    def txid(self) -> str:
        return self.raw.txid

    @property
    def fee(self) -> int:
        return sum(coin.value for coin in self.coins) - sum(value for value, _ in self.raw.outputs)

    @property
    def vsize(self) -> float:
        """Virtual size, not rounded, as the backend keeps it."""
        return self.raw.weight / 4

    @property
    def total_out(self) -> int:
        return sum(value for value, _ in self.raw.outputs)

    @property
    def outpoints(self) -> tuple[tuple[str, int], ...]:
        return tuple((entry.txid, entry.vout) for entry in self.raw.inputs)

    def coin(self, vout: int) -> Coin:
        """Return one output, to be spent by another transaction."""
        value, script = self.raw.outputs[vout]
        return Coin(self.txid, vout, value, script, self.pays[vout].owner, self.pays[vout].kind)

    def wire(self, *, first_seen: int = 0, uid: int = 1, prevouts: bool = False) -> Json:
        """Return the body of `added` (prevouts null, as with BACKEND electrum) or, with prevouts, of REST."""
        bare, rate = self.raw.wire(self.network), self.fee / self.vsize
        if prevouts:
            reported = [wire_output(coin.value, coin.script, self.network) for coin in self.coins]
            bare["vin"] = [with_prevout(e, out) for e, out in zip(bare["vin"], reported, strict=True)]
        return {
            **bare,
            "fee": self.fee,
            "status": {"confirmed": False},
            "order": ordering(self.txid),
            "vsize": -(-self.raw.weight // 4),
            "adjustedVsize": _short(self.vsize),
            "sigops": 0,
            "feePerVsize": _short(rate),
            "adjustedFeePerVsize": _short(rate),
            "effectiveFeePerVsize": _short(rate),
            "firstSeen": first_seen,
            "uid": uid,
            "cpfpDirty": False,
            "ancestors": [],
            "descendants": [],
            "bestDescendant": None,
            "position": {"block": 0, "vsize": _short(self.vsize / 2)},
            "flags": 1099511631881,
        }

    def to_json(self) -> Json:
        coins = [
            {"value": c.value, "script": c.script.hex(), "owner": c.owner, "kind": c.kind} for c in self.coins
        ]
        pays = [{"value": p.value, "owner": p.owner, "kind": p.kind} for p in self.pays]
        return {"hex": self.raw.serialize().hex(), "coins": coins, "pays": pays, "network": self.network.hrp}


def from_json(reported: Json) -> Built:
    """Return what `to_json` told."""
    raw = decode(bytes.fromhex(reported["hex"]))
    coins = tuple(
        Coin(e.txid, e.vout, c["value"], bytes.fromhex(c["script"]), c["owner"], c["kind"])
        for e, c in zip(raw.inputs, reported["coins"], strict=True)
    )
    network = MAINNET if reported["network"] == MAINNET.hrp else REGTEST
    return Built(raw, coins, tuple(Pay(**pay) for pay in reported["pays"]), network)


def public_key(owner: str) -> bytes:
    return b"\x02" + hashlib.sha256(owner.encode()).digest()


def script_of(owner: str, kind: str = "p2wpkh") -> bytes:
    """Return the owner's output script of a kind (one of KINDS, or `op_return`: the name as payload)."""
    key = public_key(owner)
    match kind:
        case "p2pkh":
            return b"\x76\xa9\x14" + hash160(key) + b"\x88\xac"
        case "p2wpkh":
            return b"\0\x14" + hash160(key)
        case "p2sh-p2wpkh":
            return b"\xa9\x14" + hash160(b"\0\x14" + hash160(key)) + b"\x87"
        case "p2wsh":
            return b"\0\x20" + hashlib.sha256(_two_of_three(owner)).digest()
        case "p2tr":
            return b"\x51\x20" + key[1:]
        case "op_return":
            return b"\x6a" + bytes([len(owner)]) + owner.encode()
    raise ValueError(f"no such kind of script: {kind}")


def address_of(owner: str, kind: str = "p2wpkh", network: Network = REGTEST) -> str:
    return script_address(script_of(owner, kind), network)


def a_coin(value: int, owner: str = "whale", kind: str = "p2wpkh", seed: str | None = None) -> Coin:
    """Return a confirmed output of a transaction outside the story, another one at each call."""
    txid = pseudo_txid(seed if seed is not None else f"coin {next(_counter)}")
    return Coin(txid, 0, value, script_of(owner, kind), owner, kind)


def to_address(value: int, address: str) -> Pay:
    return Pay(value, owner=address, kind="?", script=address_to_script(address))


def a_transaction(
    coins: Sequence[Coin],
    pays: Sequence[Pay],
    *,
    sequence: int = RBF,
    locktime: int = 0,
    network: Network = REGTEST,
) -> Built:
    """Return a transaction; what the outputs leave of the coins is the fee.

    Raises:
        ValueError: if the outputs are more than the inputs.
    """
    inputs = tuple(_signed(coin, sequence) for coin in coins)
    raw = RawTransaction(2, locktime, inputs, tuple((pay.value, pay.output_script) for pay in pays))
    built = Built(raw, tuple(coins), tuple(pays), network)
    if built.fee < 0:
        raise ValueError(f"outputs exceed inputs by {-built.fee} sat")
    return built


def a_payment(
    value: int = 150 * BTC,
    *,
    change: int = 50 * BTC,
    fee: int = 5_000,
    payer: str = "whale",
    payee: str = "bob",
    change_to: str | None = None,
    kind: str = "p2wpkh",
    sequence: int = RBF,
    network: Network = REGTEST,
) -> Built:
    """Return a payment of one coin with change to a fresh script, or to the owner named by `change_to`."""
    coin = a_coin(value + change + fee, payer, kind)
    pays = [Pay(value, payee, kind)]
    if change:
        pays.append(Pay(change, change_to or f"{payer} change {coin.txid[:8]}", kind))
    return a_transaction([coin], pays, sequence=sequence, network=network)


def a_whale(value: int = 150 * BTC, fee: int = 5_000) -> Built:
    """Return the plainest whale: 150 BTC to somebody else, with change."""
    return a_payment(value, fee=fee)


def bumped(built: Built, extra_fee: int, *, drop_change: bool = False) -> Built:
    """Return the replacement that pays more from its last output (RBF, same inputs and payees)."""
    pays = list(built.pays[:-1]) if drop_change else list(built.pays)
    if not drop_change:
        pays[-1] = replace(pays[-1], value=pays[-1].value - extra_fee)
    return a_transaction(
        built.coins,
        pays,
        sequence=built.raw.inputs[0].sequence,
        locktime=built.raw.locktime,
        network=built.network,
    )


def a_child(parent: Built, vout: int = 0, fee: int = 20_000, owner: str = "child") -> Built:
    """Return a transaction that spends one output of an unconfirmed one (CPFP)."""
    coin = parent.coin(vout)
    return a_transaction([coin], [Pay(coin.value - fee, owner, "p2wpkh")], network=parent.network)


def a_coinbase(height: int, value: int, miner: str = "miner", extra: int = 0) -> RawTransaction:
    payload = height.to_bytes((height.bit_length() + 8) // 8, "little")
    script = bytes([len(payload)]) + payload + extra.to_bytes(4, "little")
    entry = RawInput("00" * 32, 0xFFFFFFFF, script, FINAL, (bytes(32),))
    commitment = b"\x6a\x24\xaa\x21\xa9\xed" + hashlib.sha256(script).digest()
    return RawTransaction(2, 0, (entry,), ((value, script_of(miner)), (0, commitment)))


def _two_of_three(owner: str) -> bytes:
    keys = b"".join(b"\x21" + public_key(f"{owner} key {n}") for n in range(3))
    return b"\x52" + keys + b"\x53\xae"


def _signed(coin: Coin, sequence: int) -> RawInput:
    key = public_key(coin.owner)
    script: bytes = b""
    witness: tuple[bytes, ...] = (_SIGNATURE, key)
    match coin.kind:
        case "p2pkh":
            script, witness = bytes([71]) + _SIGNATURE + b"\x21" + key, ()
        case "p2sh-p2wpkh":
            script = b"\x16\0\x14" + hash160(key)
        case "p2wsh":
            witness = (b"", _SIGNATURE, _SIGNATURE, _two_of_three(coin.owner))
        case "p2tr":
            witness = (_SIGNATURE[:64],)
    return RawInput(coin.txid, coin.vout, script, sequence, witness)


def _short(number: float) -> float:
    """Return an int where the number is whole: JSON from JavaScript has `10`, not `10.0`."""
    return int(number) if number == int(number) else number
