"""Small transactions for tests. Amounts are in BTC where the name says so, else in satoshi."""

from hashlib import sha256

from app.core.encoding.addresses import script_of
from app.core.entities import Entities
from app.core.labels import Label, a_label
from app.core.models import Input, Output, Transaction
from app.core.units import SATS_PER_BTC, Outpoint, Sats, Script, Txid, VBytes

DAY = "2026-11-01"


def sats(btc: float | str) -> Sats:
    """`1.5` -> 150,000,000; rounded to the satoshi."""
    return Sats(round(float(btc) * SATS_PER_BTC))


def a_txid(seed: object) -> Txid:
    return Txid(sha256(repr(seed).encode()).hexdigest())


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
