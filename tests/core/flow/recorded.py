"""The recorded transactions as Spout meets them, with what the driver knows of each."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from app.core.encoding.addresses import script_of
from app.core.encoding.check import check_transaction
from app.core.encoding.scripts import with_derived_scripts
from app.core.flow.labels import Label, a_label
from app.core.models import Input, Output, Transaction
from app.core.units import Outpoint, Sats, Script, Txid
from tests.backend.rawtx import RawTransaction
from tests.backend.truth import Sent, Truth
from tests.builders import DAY


@dataclass(frozen=True, slots=True)
class Case:
    """`heard`: null prevouts, as announced, scripts derived; `answered`: the rest asked for, where known."""

    sent: Sent
    received: Transaction
    answered: Transaction
    sender: str | None
    """The driver's wallet that signs."""

    def paid_to(self, wallet: str | None) -> int:
        return sum(out["sat"] for out in self.sent.outputs if out.get("wallet") == wallet)


def cases(folders: list[Path]) -> list[Case]:
    """Every transaction of the driver that was seen on a wire, but for its `setup`.

    Some fillers are left out: of their hundreds of outputs the truth lists the first ones only.
    """
    return [case for folder in folders for case in _cases(Truth.load(folder))]


def wallet_labels(cases: list[Case], wallets: dict[str, str]) -> list[Label]:
    """Label every address the truth knows of a wallet as an entity: wallet -> exchange."""
    owners = {
        out["addr"]: wallets[out["wallet"]]
        for case in cases
        for out in case.sent.outputs
        if out.get("wallet") in wallets
    }
    scripts = {
        spent.script: wallets[case.sender]
        for case in cases
        if case.sender in wallets
        for spent in case.answered.inputs
        if spent.script
    }
    both = {**owners, **scripts}
    return [a_label(place, entity, kind="exchange", created_at=DAY) for place, entity in both.items()]


def _cases(truth: Truth) -> Iterator[Case]:
    wallets = {
        (sent.txid, index): out.get("wallet")
        for sent in truth.sent.values()
        for index, out in enumerate(sent.outputs)
    }
    for sent in truth.sent.values():
        raw = truth.raw.get(sent.txid)
        if sent.group == "setup" or raw is None or len(raw.outputs) != len(sent.outputs):
            continue
        received = with_derived_scripts(_from_raw(raw, sent))
        check_transaction(received)
        signers = {wallets.get((txid, vout)) for txid, vout, _ in sent.inputs} - {None}
        signers = signers or {out["wallet"] for out in sent.outputs if out.get("change")}
        yield Case(
            sent=sent,
            received=received,
            answered=_answered(received, sent, truth),
            sender=next(iter(signers)) if len(signers) == 1 else None,
        )


def _from_raw(raw: RawTransaction, sent: Sent) -> Transaction:
    return Transaction(
        txid=Txid(raw.txid),
        inputs=tuple(
            Input(
                outpoint=Outpoint(Txid(spent.txid), spent.vout),
                scriptsig=spent.script.hex(),
                witness=tuple(item.hex() for item in spent.witness),
            )
            for spent in raw.inputs
        ),
        outputs=tuple(
            Output(value=Sats(value), script=Script(script.hex())) for value, script in raw.outputs
        ),
        fee=Sats(sent.fee_sat),
    )


def _answered(received: Transaction, sent: Sent, truth: Truth) -> Transaction:
    values = {(txid, vout): sat for txid, vout, sat in sent.inputs}
    return replace(
        received,
        inputs=tuple(
            replace(
                spent,
                script=spent.script or _looked_up(spent.outpoint, truth),
                value=Sats(values[spent.outpoint]),
            )
            for spent in received.inputs
        ),
    )


def _looked_up(outpoint: Outpoint, truth: Truth) -> Script | None:
    if outpoint.txid in truth.raw:
        return Script(truth.raw[outpoint.txid].outputs[outpoint.vout][1].hex())
    if outpoint in truth.outputs:
        return Script(truth.outputs[outpoint]["scriptpubkey"])
    if outpoint.txid in truth.sent:
        return script_of(truth.sent[outpoint.txid].outputs[outpoint.vout]["addr"])
    return None
