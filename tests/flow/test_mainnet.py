"""What is said of real transactions: whales with what moved, coinjoins, flows (`pytest -s tests/flow`)."""

from collections import Counter

import pytest

from app.core.classification import Classification, Flag, Flow, MovedIs
from app.core.flow import Entities, classify, is_whale, parse_table
from app.core.models import Transaction
from app.core.units import SATS_PER_BTC, Sats, btc
from app.data import entities_table
from tests.core.flow.tables import table
from tests.flow.mainnet import MAINNET, SETS, read, whales_found

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not MAINNET.exists(), reason="../shared/mainnet is not beside the repository"),
]
THRESHOLD = Sats(100 * SATS_PER_BTC)
SHIPPED = Entities(parse_table(entities_table()))


def said(tx: Transaction) -> Classification:
    return classify(tx, SHIPPED)


def names(seen: Classification) -> str:
    return " -> ".join(
        ", ".join(party.name for party in side) or "?" for side in (seen.from_entities, seen.to_entities)
    )


@pytest.fixture(scope="module")
def whales() -> list[tuple[Transaction, dict[str, str], Classification]]:
    return [(tx, row, said(tx)) for tx, row in whales_found()]


def test_the_35_of_over_100_btc_are_told_with_what_moved(
    whales: list[tuple[Transaction, dict[str, str], Classification]],
) -> None:
    rows = [
        (
            row["set"][:12],
            tx.txid[:10],
            btc(seen.gross),
            row["sum_out_not_to_input_address_btc"],
            btc(seen.moved),
            f"{btc(seen.moved_low)} .. {btc(seen.moved_high)}",
            seen.moved_is,
            seen.flow,
            "kept" if is_whale(seen, THRESHOLD) else "-",
            " ".join(sorted(flag.value for flag in seen.flags)),
            names(seen),
        )
        for tx, row, seen in whales
    ]
    head = ["set", "txid", "gross", "sum not paid back", "moved", "interval", "how sure", "flow", "verdict"]
    print(table(f"{len(rows)} over 100 BTC", [*head, "flags", "parties"], rows))

    assert len(rows) == 35
    for _, row, seen in whales:
        not_paid_back = round(float(row["sum_out_not_to_input_address_btc"]) * SATS_PER_BTC)
        assert seen.moved_high <= not_paid_back + seen.internal
        assert is_whale(seen, THRESHOLD) or not_paid_back <= THRESHOLD


@pytest.mark.parametrize(
    ("sets", "over", "kept"), [(SETS[:1], 25, 12), (SETS[1:], 10, 4)], ids=["mempool", "blocks"]
)
def test_as_many_are_kept_as_really_move_more_than_the_threshold(
    sets: tuple[str, ...],
    over: int,
    kept: int,
    whales: list[tuple[Transaction, dict[str, str], Classification]],
) -> None:
    found = [seen for _, row, seen in whales if row["set"] in sets]
    count = sum(is_whale(seen, THRESHOLD) for seen in found)
    print(f"\n{' + '.join(sets)}: of {len(found)} over 100 BTC {count} kept, {len(found) - count} not")

    assert (len(found), count) == (over, kept)


def test_the_two_of_coinbase_have_a_name(
    whales: list[tuple[Transaction, dict[str, str], Classification]],
) -> None:
    found = {tx.txid[:10]: seen for tx, _, seen in whales}

    for txid in ("2d117c8be3", "d4135551cc"):
        assert (names(found[txid]), found[txid].flow) == ("Coinbase -> ?", Flow.OUTFLOW)
        assert found[txid].moved_is is MovedIs.CERTAIN


def test_coinjoins_are_recognised_and_little_else_is() -> None:
    flagged, count, over = Counter[str](), Counter[str](), Counter[str]()
    for label, tx in read("coinjoins/coinjoin_full_tx.jsonl.gz"):
        seen = said(tx)
        count[label] += 1
        flagged[label] += Flag.COINJOIN in seen.flags
        over[label] += Flag.COINJOIN in seen.flags and is_whale(seen, THRESHOLD)
        assert Flag.COINJOIN not in seen.flags or seen.counted == seen.moved_high
    for name in SETS:
        for _, tx in read(f"esplora_mainnet/{name}.jsonl.gz"):
            count["others"] += 1
            flagged["others"] += Flag.COINJOIN in said(tx).flags
    rows = [(label, flagged[label], count[label], over[label]) for label in sorted(count)]
    print(table("coinjoin flag", ["set", "flagged", "of", "kept as over 100 BTC"], rows))

    assert (flagged["wasabi1"], flagged["wasabi2"], flagged["whirlpool"]) == (330, 33, 1_403)
    assert (count["others"], flagged["others"]) == (9_053, 11)


def test_flows_of_whole_sets_sum_to_what_moved() -> None:
    rows = []
    for name in SETS:
        flows = Counter[str]()
        for _, tx in read(f"esplora_mainnet/{name}.jsonl.gz"):
            seen = said(tx)
            flows[seen.flow.value] += 1
            assert sum(seen.split.values()) == seen.moved
            assert 0 <= seen.moved_low <= seen.moved <= seen.moved_high <= seen.gross
        rows.append((name, *(flows[flow.value] for flow in Flow)))
    print(table("flows by number of transactions", ["set", *(flow.value for flow in Flow)], rows))

    assert sum(sum(int(cell) for cell in row[1:]) for row in rows) == 9_053
