"""Real mainnet transactions: the whales of six blocks, and whole blocks."""

from collections import Counter

import pytest

from app.core.classification import Flag, MovedIs
from app.core.encoding.check import check_transaction
from app.core.encoding.scripts import script_type, with_derived_scripts
from app.core.flow.classifier import classify, is_whale
from app.core.flow.entities import Entities
from app.core.flow.labels import parse_table
from app.core.flow.peel import PeelMemory, remainder_index
from app.core.models import Transaction
from app.core.units import SATS_PER_BTC, Sats, btc
from app.data import entities_table
from tests.core.flow.mainnet import REALTX, read
from tests.core.flow.tables import table

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not REALTX.exists(), reason="../shared/realtx is not beside the repository"),
]

THRESHOLD = Sats(100 * SATS_PER_BTC)
BLOCKS = ["block_277647", "block_300025", "block_866342"]
SHIPPED = Entities(parse_table(entities_table()))


def _alerts(transactions: list[Transaction]) -> list[tuple[Transaction, str]]:
    """Each whale with the txid its alert began with, as a tracker would link them."""
    peels, alerts = PeelMemory(), []
    for tx in transactions:
        seen = classify(tx, SHIPPED, peels)
        if not is_whale(seen, THRESHOLD):
            continue
        root = peels.root_of(tx) or tx.txid
        index = remainder_index(tx)
        if index is not None and Flag.PEEL in seen.flags:
            peels.remember(tx, root, index)
        alerts.append((tx, root))
    return alerts


def test_the_51_whales_by_outputs_are_told_with_what_moved() -> None:
    rows, certain_small = [], 0
    for tx, height in read("whales_mainnet"):
        seen = classify(tx, SHIPPED)
        flags = " ".join(sorted(flag.value for flag in seen.flags))
        interval = f"{btc(seen.moved_low)} .. {btc(seen.moved_high)}"
        kept = "whale" if is_whale(seen, THRESHOLD) else "-"
        rows.append(
            (
                height,
                tx.txid[:8],
                btc(seen.gross),
                btc(seen.moved),
                interval,
                seen.moved_is,
                seen.flow,
                kept,
                flags,
            )
        )
        certain_small += kept == "-"
        assert 0 <= seen.moved_low <= seen.moved <= seen.moved_high <= seen.gross
    head = ["block", "txid", "gross", "moved", "interval", "how sure", "flow", "kept", "flags"]
    print(table("51 mainnet transactions over 100 BTC", head, rows))

    assert len(rows) == 51
    assert certain_small == 3


def test_what_is_likely_moves_a_fraction_of_the_gross() -> None:
    whales = [classify(tx, SHIPPED) for tx, _ in read("whales_mainnet")]
    likely = [seen for seen in whales if seen.moved_is is MovedIs.LIKELY]
    gross, moved = (sum(getattr(seen, name) for seen in likely) for name in ("gross", "moved"))
    print(f"\n{len(likely)} likely: {btc(gross)} BTC gross, {btc(moved)} BTC moved")

    assert len(likely) >= 40
    assert moved < gross / 20


def test_the_peel_chain_of_block_426884_is_one_alert() -> None:
    block = [tx for tx, height in read("whales_mainnet") if height == 426884]
    alerts = _alerts(block)
    by_root = Counter(root for _, root in alerts)
    rows = [(root[:8], hops) for root, hops in by_root.most_common()]
    print(table(f"block 426884: {len(block)} over 100 BTC", ["alert", "transactions"], rows))

    assert by_root.most_common(1)[0][1] >= 24
    assert len(by_root) <= 3


@pytest.mark.parametrize("name", BLOCKS)
def test_every_transaction_of_a_block_is_classified(name: str) -> None:
    flows: Counter[str] = Counter()
    coinjoins = []
    for tx, _ in read(name):
        check_transaction(tx)
        seen = classify(tx, SHIPPED)
        assert 0 <= seen.moved_low <= seen.moved <= seen.moved_high <= seen.gross
        assert sum(seen.split.values()) == seen.moved
        assert seen.missing_inputs == 0
        flows[seen.flow.value] += 1
        coinjoins += [tx.txid[:8]] if Flag.COINJOIN in seen.flags else []
    print(f"\n{name}: {dict(flows)}, coinjoins {coinjoins}")

    assert sum(flows.values()) > 200
    assert not coinjoins or name == "block_300025"


@pytest.mark.parametrize("name", BLOCKS)
def test_a_derived_script_is_the_script_that_was_spent(name: str) -> None:
    reported: Counter[tuple[str, str]] = Counter()
    for (full, _), (received, _) in zip(read(name), read(name, prevouts=False), strict=True):
        for spent, derived in zip(full.inputs, with_derived_scripts(received).inputs, strict=True):
            if spent.script is None:
                continue
            result = "derived" if derived.script else "to be asked for"
            reported[script_type(spent.script).value, result] += 1
            assert derived.script in {None, spent.script}
            assert (derived.scriptsig, derived.witness) == ("", ())
    print(f"\n{name}: " + ", ".join(f"{kind} {result} {n}" for (kind, result), n in sorted(reported.items())))

    assert {kind for kind, result in reported if result == "to be asked for"} <= {
        "v1_p2tr",
        "p2pk",
        "multisig",
    }


def test_the_backends_certain_change_shrinks_what_is_called_a_whale() -> None:
    gross, ours = Counter[str](), Counter[str]()
    for name in BLOCKS:
        for tx, _ in read(name):
            if tx.gross > THRESHOLD:
                gross[name] += 1
                ours[name] += is_whale(classify(tx, SHIPPED), THRESHOLD)
    rows = [(name, gross[name], ours[name]) for name in BLOCKS]
    print(table("whales", ["block", "by outputs", "by what moves"], rows))

    assert ours["block_300025"] == gross["block_300025"] - 1
