"""Flow and moved value against what the recordings' driver really did."""

from dataclasses import dataclass

import pytest

from app.core.classification import Classification, Flow, MovedIs
from app.core.flow.classifier import classify, is_whale
from app.core.flow.entities import Entities
from app.core.units import SATS_PER_BTC, Sats, Script
from tests.backend.truth import RECORDINGS
from tests.core.flow.recorded import Case, cases, wallet_labels
from tests.core.flow.tables import confusion, table

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not RECORDINGS.exists(), reason="../shared/recordings is not beside the repository"),
]

THRESHOLD = Sats(100 * SATS_PER_BTC)
WALLETS = {"exch": "Exchange A", "bob": "Exchange B"}
"""The rest (whale, alice, miner) stay unlabelled."""


@pytest.fixture(scope="module")
def recorded() -> list[Case]:
    return cases([RECORDINGS, RECORDINGS / "extra"])


@pytest.fixture(scope="module")
def large(recorded: list[Case]) -> list[Case]:
    found = [case for case in recorded if case.received.gross > THRESHOLD]
    assert len(found) > 250
    return found


@pytest.fixture(scope="module")
def labels(recorded: list[Case]) -> Entities:
    return Entities((), wallet_labels(recorded, WALLETS))


@pytest.mark.parametrize("known", ["received", "answered"])
def test_what_the_driver_paid_lies_within_the_stated_interval(large: list[Case], known: str) -> None:
    outside, rows = [], []
    for certainty in MovedIs:
        said = [(case, classify(getattr(case, known), Entities())) for case in large]
        said = [(case, seen) for case, seen in said if seen.moved_is is certainty]
        inside = [seen.moved_low <= case.sent.nonchange_sat <= seen.moved_high for case, seen in said]
        exact = [seen.moved == case.sent.nonchange_sat for case, seen in said]
        outside += [case.sent.txid for (case, _), within in zip(said, inside, strict=True) if not within]
        rows.append((certainty.value, len(said), sum(inside), sum(exact)))
    print(table(f"gross > 100 BTC, no labels, {known}", ["moved_is", "n", "in interval", "exact"], rows))

    assert outside == []


def test_what_is_called_certain_is_what_the_driver_paid(large: list[Case]) -> None:
    certain = [
        (case.sent.nonchange_sat, seen.moved)
        for case in large
        for seen in (classify(case.answered, Entities()),)
        if seen.moved_is is MovedIs.CERTAIN
    ]

    assert certain
    assert all(paid == moved for paid, moved in certain)


def test_an_unknown_script_is_counted_and_never_certain(large: list[Case]) -> None:
    received = [classify(case.received, Entities()) for case in large]
    waiting = [seen for seen in received if seen.missing_inputs]

    assert waiting
    assert all("not known yet" in seen.evidence[0] for seen in waiting)
    assert all(seen.moved == 0 for seen in waiting if seen.moved_is is MovedIs.CERTAIN)


def test_with_wallets_labelled_flow_and_amount_are_right(recorded: list[Case], labels: Entities) -> None:
    reported = [case for case in recorded if case.sender and None not in _spent_scripts(case)]
    judged = [(_truth(case), classify(case.answered, labels), case) for case in reported]
    decided = [(truth, seen, case) for truth, seen, case in judged if truth.decided]
    names = [flow.value for flow in Flow]
    pairs = [(truth.flow.value, seen.flow.value) for truth, seen, _ in judged]
    print(confusion(f"flow, {len(pairs)} transactions, A and B labelled", pairs, names))
    print(_amounts(judged))

    assert len(decided) > 1000
    assert [case.sent.txid for truth, seen, case in judged if truth.flow is not seen.flow] == []
    assert [case.sent.txid for truth, seen, case in decided if truth.moved != seen.moved] == []


def test_labels_halve_the_false_whales_and_lose_no_real_one(large: list[Case], labels: Entities) -> None:
    judged = [(_truth(case), classify(case.answered, labels)) for case in large if case.sender]
    rows = [
        _false_share("gross rule", judged, [True] * len(judged)),
        _false_share("ours", judged, [is_whale(seen, THRESHOLD) for _, seen in judged]),
    ]
    decided = [(truth, seen) for truth, seen in judged if truth.decided]
    ours = [is_whale(seen, THRESHOLD) for _, seen in decided]
    rows.append(_false_share("gross, decided by labels", decided, [True] * len(decided)))
    rows.append(_false_share("ours, decided by labels", decided, ours))
    best = [seen.moved > THRESHOLD for _, seen in decided]
    shown = [*rows, _false_share("(best estimate, decided)", decided, best)]
    print(table("false whales", ["rule", "said", "real of them", "false", "share", "real missed"], shown))

    assert all(row[-1] == 0 for row in rows)
    sender_named = [(truth, seen) for truth, seen in decided if seen.from_entities]
    assert not [1 for truth, seen in sender_named if is_whale(seen, THRESHOLD) != (truth.moved > THRESHOLD)]


@dataclass(frozen=True, slots=True)
class Truth:
    flow: Flow
    moved: int
    decided: bool
    """The labels say where every satoshi belongs, but for one output of an unlabelled sender."""


def _truth(case: Case) -> Truth:
    """What the driver did, by the names of its wallets alone."""
    paid = [out for out in case.sent.outputs if out["sat"]]
    spent = _spent_scripts(case)
    own_script = {
        index for index, output in enumerate(case.answered.outputs) if output.script in spent and output.value
    }
    by_owner: dict[str | None, int] = {}
    for index, out in enumerate(case.sent.outputs):
        if index not in own_script and out["sat"]:
            owner = WALLETS.get(out.get("wallet"))
            by_owner[owner] = by_owner.get(owner, 0) + out["sat"]
    sender = WALLETS.get(str(case.sender))
    if sender:
        leaves = {owner: sats for owner, sats in by_owner.items() if owner != sender}
        flow = Flow.OUTFLOW if leaves.get(None, 0) > sum(leaves.values()) / 2 else Flow.INTER_EXCHANGE
        return Truth(flow if leaves else Flow.INTERNAL, sum((leaves or by_owner).values()), decided=True)
    received = sum(sats for owner, sats in by_owner.items() if owner)
    if received:
        strangers = [out for out in paid if out.get("wallet") not in WALLETS]
        kept = [out for out in strangers if out.get("change")]
        return Truth(Flow.INFLOW, received, decided=strangers == kept and len(kept) <= 1)
    flow = Flow.UNKNOWN if by_owner else Flow.INTERNAL
    return Truth(flow, case.sent.nonchange_sat, decided=False)


def _spent_scripts(case: Case) -> set[Script | None]:
    return {spent.script for spent in case.answered.inputs}


def _amounts(judged: list[tuple[Truth, Classification, Case]]) -> str:
    rows = []
    for flow in Flow:
        of_flow = [(truth, seen) for truth, seen, _ in judged if truth.flow is flow]
        decided = [(truth, seen) for truth, seen in of_flow if truth.decided]
        exact = sum(truth.moved == seen.moved for truth, seen in decided)
        certain = sum(seen.moved_is is MovedIs.CERTAIN for _, seen in decided)
        rows.append((flow.value, len(of_flow), len(decided), exact, certain))
    return table("moved value", ["flow", "n", "decided by labels", "exact", "certain"], rows)


def _false_share(
    rule: str, judged: list[tuple[Truth, Classification]], said: list[bool]
) -> tuple[str, int, int, int, str, int]:
    real = [truth.moved > THRESHOLD for truth, _ in judged]
    true = sum(kept and is_real for kept, is_real in zip(said, real, strict=True))
    false = sum(said) - true
    return rule, sum(said), true, false, f"{false / sum(said):.1%}", sum(real) - true
