"""What the shape of a transaction says: flags, coinjoins, chains of peels."""

from dataclasses import replace

import pytest

from app.core.classification import Flag, Flow, MovedIs
from app.core.classify import classify, is_whale
from app.core.entities import Entities
from app.core.flow.peel import PeelMemory
from app.core.models import Input, Output, Transaction
from app.core.units import SATS_PER_BTC, Outpoint, SatPerVb, Sats, Script
from tests.builders import a_script, a_transaction, a_txid, entities, pays, sats, spends

ANN, BOB, CAROL, DAN = (a_script(name) for name in ("ann", "bob", "carol", "dan"))
NOBODY = Entities()
THRESHOLD = Sats(100 * SATS_PER_BTC)


def strangers(count: int, prefix: str = "stranger") -> list[Script]:
    return [a_script((prefix, number)) for number in range(count)]


@pytest.mark.parametrize(
    ("ins", "outs", "fires"), [(5, 1, True), (10, 2, True), (9, 2, False), (2, 1, True), (1, 1, False)]
)
def test_many_coins_into_few_are_a_consolidation(*, ins: int, outs: int, fires: bool) -> None:
    tx = a_transaction(
        spends=[spends(script, 30) for script in strangers(ins)],
        pays=[pays(script, 10 + n) for n, script in enumerate(strangers(outs, "out"))],
    )

    assert (Flag.CONSOLIDATION in classify(tx, NOBODY).flags) is fires


@pytest.mark.parametrize(("outs", "fires"), [(4, False), (5, True), (51, True)])
def test_one_coin_into_many_is_a_batch(*, outs: int, fires: bool) -> None:
    tx = a_transaction(
        spends=[spends(ANN, 5000)],
        pays=[pays(script, 3 + n / 7) for n, script in enumerate(strangers(outs))],
    )

    assert (Flag.BATCH in classify(tx, NOBODY).flags) is fires


def test_op_return_and_dust_are_no_outputs_and_move_nothing() -> None:
    plain = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 120), pays(CAROL, 379.99971234)])
    decorated = a_transaction(
        spends=[spends(ANN, 500)],
        pays=[*plain.outputs, pays(a_script("memo", "op_return"), 0), pays(DAN, 0.00000546)],
    )

    one, other = classify(plain, NOBODY), classify(decorated, NOBODY)

    assert (one.moved, one.moved_is) == (other.moved, other.moved_is)
    assert one.moved_high == other.moved_high


def test_coins_burnt_in_an_op_return_have_left() -> None:
    tx = a_transaction(
        spends=[spends(ANN, 500)], pays=[pays(a_script("memo", "op_return"), 150), pays(ANN, 349)]
    )

    seen = classify(tx, NOBODY)

    assert (seen.moved, seen.moved_is) == (sats(150), MovedIs.CERTAIN)
    assert "burnt" in " ".join(seen.evidence)


@pytest.mark.parametrize(
    ("package", "fires"), [(10.0, False), (10.1, False), (25.0, True), (4.0, True), (None, False)]
)
def test_a_package_that_pays_otherwise_than_the_transaction_is_cpfp(
    *, package: float | None, fires: bool
) -> None:
    plain = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 499)], fee=1410, vsize=141)
    tx = replace(plain, package_feerate=None if package is None else SatPerVb(package))

    assert (Flag.CPFP in classify(tx, NOBODY).flags) is fires


def a_coinjoin(people: int = 6) -> tuple[list[Input], list[Output]]:
    ins = [spends(script, 40) for script in strangers(people, "in")]
    outs = [pays(script, 30) for script in strangers(people, "mixed")]
    change = [pays(script, 9 + n / 100) for n, script in enumerate(strangers(people, "change"))]
    return ins, [*outs, *change]


def test_a_coinjoins_value_is_suppressed() -> None:
    ins, outs = a_coinjoin()
    seen = classify(a_transaction(spends=ins, pays=outs), NOBODY)

    assert Flag.COINJOIN in seen.flags
    assert (seen.moved, seen.moved_low, seen.moved_high) == (0, 0, seen.gross)
    assert (seen.flow, seen.split, seen.moved_is) == (Flow.UNKNOWN, {}, MovedIs.UP_TO)
    assert is_whale(seen, THRESHOLD)


def test_an_exchange_that_pays_equal_amounts_is_no_coinjoin() -> None:
    ins, outs = a_coinjoin()
    known = entities((a_script(("in", 0)), "Kraken"))

    assert Flag.COINJOIN not in classify(a_transaction(spends=ins, pays=outs), known).flags


def test_more_equal_outputs_than_inputs_are_payments_and_no_coinjoin() -> None:
    ins, outs = a_coinjoin()
    more = [*outs, pays(a_script("extra"), 30)]

    assert Flag.COINJOIN not in classify(a_transaction(spends=ins, pays=more), NOBODY).flags


# Peeling


def a_peel(coins: int, hops: int) -> list[Transaction]:
    chain, left = [], float(coins)
    outpoint = Outpoint(a_txid("first"), 0)
    for hop in range(hops):
        paid = 8 + hop / 1000
        tx = a_transaction(
            spends=[spends(a_script(("holder", hop)), left, outpoint)],
            pays=[pays(a_script(("paid", hop)), paid), pays(a_script(("holder", hop + 1)), left - paid)],
        )
        chain.append(tx)
        outpoint, left = Outpoint(tx.txid, 1), left - paid
    return chain


def test_one_coin_peeled_25_times_has_one_root() -> None:
    peels, roots = PeelMemory(), set()
    for tx in a_peel(1000, 25):
        root = peels.root_of(tx) or tx.txid
        peels.remember(tx, root, 1)
        roots.add(root)

    assert len(roots) == 1


def test_a_later_hop_says_whose_chain_it_carries_on() -> None:
    first, second = a_peel(1000, 2)
    peels = PeelMemory()
    peels.remember(first, "whale-1", 1)

    seen = classify(second, NOBODY, peels)

    assert Flag.PEEL in seen.flags
    assert any("chain of whale-1" in step for step in seen.evidence)


def test_the_coin_that_was_paid_off_is_not_the_chain() -> None:
    [first] = a_peel(1000, 1)
    peels = PeelMemory()
    peels.remember(first, "whale-1", 1)
    spent = spends(a_script(("paid", 0)), 8, Outpoint(first.txid, 0))

    assert peels.root_of(a_transaction(spends=[spent], pays=[pays(BOB, 7.5), pays(CAROL, 0.4)])) is None


def test_moving_the_whole_remainder_is_a_whale_of_its_own() -> None:
    [first] = a_peel(1000, 1)
    peels = PeelMemory()
    peels.remember(first, "whale-1", 1)
    rest = spends(a_script(("holder", 1)), 992, Outpoint(first.txid, 1))

    assert peels.root_of(a_transaction(spends=[rest], pays=[pays(BOB, 992)])) is None


def test_the_memory_of_peels_is_bounded_and_forgets_the_oldest() -> None:
    chain = a_peel(1000, 4)
    peels = PeelMemory(capacity=2)
    for tx in chain[:3]:
        peels.remember(tx, "root", 1)

    assert len(peels) == 2
    assert peels.root_of(chain[1]) is None
    assert peels.root_of(chain[3]) == "root"


def test_a_withdrawal_whose_change_is_the_smaller_part_is_no_peel() -> None:
    tx = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 490), pays(ANN, 9)])

    assert Flag.PEEL not in classify(tx, NOBODY).flags
