"""Small transactions and blocks for tests. Amounts are in BTC where the name says so, else in satoshi."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from app.core.classification import Classification, Flag, Flow, MovedIs
from app.core.encoding.addresses import script_of
from app.core.flow.entities import Entities
from app.core.flow.labels import Label, a_label
from app.core.models import Block, BlockEntry, Input, Output, SourceName, Transaction
from app.core.observations import Prevout, PrevoutsReply
from app.core.units import SATS_PER_BTC, BlockHash, Height, Outpoint, Sats, Script, Txid, VBytes

DAY = "2026-11-01"
START_HEIGHT = 800_000


def sats(btc: float | str) -> Sats:
    """`1.5` -> 150,000,000; rounded to the satoshi."""
    return Sats(round(float(btc) * SATS_PER_BTC))


def a_txid(seed: object) -> Txid:
    return Txid(sha256(repr(seed).encode()).hexdigest())


def numbered_txid(number: int) -> Txid:
    """Txids that sort as their numbers do."""
    return Txid(f"{number:064x}")


def a_script(owner: object, kind: str = "p2wpkh") -> Script:
    """The same owner has the same script; `kind` is p2wpkh, p2pkh, p2sh, p2wsh, p2tr or op_return."""
    long = sha256(repr(owner).encode()).hexdigest()
    short = long[:40]
    return Script(
        {
            "p2wpkh": f"0014{short}",
            "p2pkh": f"76a914{short}88ac",
            "p2sh": f"a914{short}87",
            "p2wsh": f"0020{long}",
            "p2tr": f"5120{long}",
            "op_return": f"6a14{short}",
        }[kind]
    )


def spends(script: Script | str | None, btc: float | None = None, outpoint: Outpoint | None = None) -> Input:
    """An input that spends `btc` of `script` (or of an address); None is what is not known yet."""
    return Input(
        outpoint=outpoint or Outpoint(a_txid(("coin", script, btc)), 0),
        script=_as_script(script) if script is not None else None,
        value=None if btc is None else sats(btc),
    )


def pays(script: Script | str, btc: float) -> Output:
    return Output(value=sats(btc), script=_as_script(script))


def a_transaction(
    *,
    spends: list[Input],
    pays: list[Output],
    fee: int | None = None,
    vsize: float | None = None,
    txid: str | None = None,
) -> Transaction:
    """Inputs that would spend the same coin are told apart by their number.

    The fee is what inputs leave over, where all their values are known and none is given.
    """
    inputs = tuple(_numbered(spent, index, spends) for index, spent in enumerate(spends))
    values = [spent.value for spent in inputs if spent.value is not None]
    left_over = sum(values) - sum(output.value for output in pays)
    if fee is None and len(values) == len(inputs) and left_over >= 0:
        fee = left_over
    return Transaction(
        txid=Txid(txid) if txid else a_txid((inputs, pays)),
        inputs=inputs,
        outputs=tuple(pays),
        fee=None if fee is None else Sats(fee),
        vsize=None if vsize is None else VBytes(vsize),
    )


def a_coin(name: object) -> Outpoint:
    return Outpoint(a_txid(("coin", name)), 0)


def a_whale(
    btc: float | str = 150,
    *,
    coins: Sequence[object] = ("one",),
    fee: int = 1_000,
    to: str = "somebody",
    prevouts: bool = True,
) -> Transaction:
    """A whale that spends these named coins, each of its own owner; without `prevouts` those are unknown."""
    tx = a_transaction(
        spends=[spends(a_script(coin), 1_000, outpoint=a_coin(coin)) for coin in coins],
        pays=[pays(a_script(to), float(btc))],
        fee=fee,
        vsize=100,
    )
    tx = replace(tx, txid=a_txid((coins, fee, to, str(btc))))
    return tx if prevouts else without_prevouts(tx)


def without_prevouts(tx: Transaction) -> Transaction:
    return replace(tx, inputs=tuple(replace(spent, script=None, value=None) for spent in tx.inputs))


def prevouts_of(tx: Transaction) -> PrevoutsReply:
    """The true answer about a transaction built with its prevouts."""
    found = {
        spent.outpoint: Prevout(value=spent.value, script=spent.script)
        for spent in tx.inputs
        if spent.value is not None and spent.script is not None
    }
    return PrevoutsReply(txid=tx.txid, prevouts=found, source=SourceName.MEMPOOL_REST)


def a_hash(seed: object) -> BlockHash:
    return BlockHash(a_txid(("block", seed)))


def entry_of(tx: Transaction) -> BlockEntry:
    return BlockEntry(txid=tx.txid, value=tx.gross, fee=tx.fee, vsize=tx.vsize)


def a_block(
    height: int, *txs: Transaction, branch: str = "", on: str | None = None, read: bool = True
) -> Block:
    """The block of that height above START_HEIGHT; `on` names its parent's branch if it is another one."""
    coinbase = BlockEntry(txid=a_txid(("coinbase", height, branch)), value=Sats(500 * 100_000_000))
    entries = (coinbase, *(entry_of(tx) for tx in txs))
    return Block(
        hash=a_hash((height, branch)),
        height=Height(START_HEIGHT + height),
        previous=a_hash((height - 1, branch if on is None else on)),
        txids=tuple(entry.txid for entry in entries) if read else None,
        entries=entries if read else None,
    )


def a_coinjoin(btc: float = 700) -> Classification:
    """What is known of a coinjoin: its value is suppressed, all of it may have moved."""
    return Classification(
        flow=Flow.UNKNOWN,
        gross=sats(btc),
        moved=Sats(0),
        moved_low=Sats(0),
        moved_high=sats(btc),
        moved_is=MovedIs.UP_TO,
        internal=Sats(0),
        flags=frozenset({Flag.COINJOIN}),
    )


def labelled(*owners: tuple[Script | str, str], kind: str = "exchange", day: str = DAY) -> tuple[Label, ...]:
    """Own labels: (script or address, entity) each."""
    return tuple(a_label(script, entity, kind=kind, created_at=day) for script, entity in owners)


def entities(*owners: tuple[Script | str, str], kind: str = "exchange") -> Entities:
    """A look-up that knows these own labels and nothing else."""
    return Entities((), labelled(*owners, kind=kind))


def _as_script(script: Script | str) -> Script:
    is_hex = len(script) % 2 == 0 and not set(script) - set("0123456789abcdef")
    return Script(script) if is_hex else script_of(script)


def _numbered(spent: Input, index: int, among: list[Input]) -> Input:
    if all(other.outpoint != spent.outpoint for other in among[:index]):
        return spent
    return Input(
        outpoint=Outpoint(spent.outpoint.txid, spent.outpoint.vout + index),
        sequence=spent.sequence,
        script=spent.script,
        value=spent.value,
    )
