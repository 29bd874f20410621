"""What the shape of a transaction says: flags, coinjoins, chains of peels."""

from dataclasses import replace

import pytest

from app.core.classification import Flag, Flow, MovedIs
from app.core.flow.classifier import classify, is_whale
from app.core.flow.entities import Entities
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


@pytest.mark.parametrize(
    ("own_fee", "package", "fires"),
    [(15, 0.11, False), (15, 0.10, False), (15, 0.16, True), (28, 0.2, False)],
)
def test_a_package_feerate_rounded_to_two_decimals_is_no_package(
    *, own_fee: int, package: float, fires: bool
) -> None:
    plain = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 499)], fee=own_fee, vsize=140.25)

    assert (Flag.CPFP in classify(replace(plain, package_feerate=SatPerVb(package)), NOBODY).flags) is fires


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


def equal_outputs(people: int, size: float, *, change: int = 0, inputs: int | None = None) -> Transaction:
    ins = [spends(script, size + 9) for script in strangers(inputs or people, "in")]
    outs = [pays(script, size) for script in strangers(people, "mixed")]
    rest = [pays(script, 1 + n / 100) for n, script in enumerate(strangers(change, "change"))]
    return a_transaction(spends=ins, pays=[*outs, *rest])


@pytest.mark.parametrize("people", [5, 6, 8, 20])
@pytest.mark.parametrize("size", [100, 60, 30, 2.5])
def test_equal_outputs_alone_that_are_of_no_pools_size_are_payments(people: int, size: float) -> None:
    seen = classify(equal_outputs(people, size), NOBODY)

    assert Flag.COINJOIN not in seen.flags
    assert (seen.moved, seen.moved_is) == (sats(people * size), MovedIs.UP_TO)


@pytest.mark.parametrize("size", [0.001, 0.01, 0.05, 0.5])
def test_equal_outputs_of_a_pools_size_are_a_whirlpool(size: float) -> None:
    assert Flag.COINJOIN in classify(equal_outputs(5, size), NOBODY).flags


def test_many_inputs_into_equal_outputs_of_a_pools_size_stay_a_coinjoin() -> None:
    assert Flag.COINJOIN in classify(equal_outputs(60, 0.5), NOBODY).flags


@pytest.mark.parametrize(("size", "change", "fires"), [(22.7, 6, True), (22.7, 1, False), (100, 6, False)])
def test_few_equal_outputs_are_a_joinmarket_only_with_change_for_each_and_of_a_makers_size(
    *, size: float, change: int, fires: bool
) -> None:
    assert (Flag.COINJOIN in classify(equal_outputs(6, size, change=change), NOBODY).flags) is fires


def test_a_crowd_with_equal_small_outputs_is_a_wasabi_whatever_change_it_makes() -> None:
    assert Flag.COINJOIN in classify(equal_outputs(40, 0.1, change=12, inputs=55), NOBODY).flags


@pytest.mark.parametrize("kind", ["p2pkh", "p2wpkh"])
def test_one_key_in_two_types_is_one_signer_of_a_mix(kind: str) -> None:
    own = [a_script(("in", number // 2), kind if number % 2 else "p2wpkh") for number in range(8)]
    outs = [pays(script, 0.05) for script in strangers(8, "mixed")]

    seen = classify(a_transaction(spends=[spends(script, 0.06) for script in own], pays=outs), NOBODY)

    assert Flag.COINJOIN not in seen.flags


def test_what_a_filter_counts_of_a_coinjoin_is_all_that_may_have_moved() -> None:
    ins, outs = a_coinjoin()
    mixed, plain = (
        classify(a_transaction(spends=ins, pays=paid), NOBODY) for paid in (outs, [pays(BOB, 234)])
    )

    assert (mixed.moved, mixed.counted) == (0, mixed.gross)
    assert plain.counted == plain.moved


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


@pytest.mark.parametrize("value", [0.0000024, 0.0000033, 0.00001])
@pytest.mark.parametrize("kind", ["p2tr", "p2wsh", "p2wpkh"])
def test_an_output_too_small_to_pay_anybody_makes_no_hop(value: float, kind: str) -> None:
    tx = a_transaction(
        spends=[spends(ANN, 300)], pays=[pays(BOB, 299), pays(a_script("anchor", kind), value)]
    )
    peels = PeelMemory()
    peels.remember(tx, "whale-1", 0)
    after = a_transaction(
        spends=[spends(BOB, 299, Outpoint(tx.txid, 0))], pays=[pays(CAROL, 290), pays(DAN, 8.9)]
    )

    assert Flag.PEEL not in classify(tx, NOBODY).flags
    assert peels.root_of(after) is None


def test_an_anchor_makes_no_hop_whatever_it_holds() -> None:
    anchor = Output(value=Sats(50_000), script=Script("51024e73"))
    tx = a_transaction(spends=[spends(ANN, 300)], pays=[pays(BOB, 299), anchor])

    seen = classify(tx, NOBODY)

    assert Flag.PEEL not in seen.flags
    assert seen.moved_high == sats(299)


def test_a_coin_moved_whole_hop_by_hop_has_one_root() -> None:
    peels, coin, roots = PeelMemory(), Outpoint(a_txid("first"), 0), set()
    for hop in range(5):
        spent = spends(a_script(("holder", hop)), 300, coin)
        tx = a_transaction(spends=[spent], pays=[pays(a_script(("holder", hop + 1)), 300)])
        root = peels.root_of(tx) or tx.txid
        peels.remember(tx, root, 0)
        roots.add(root)
        coin = Outpoint(tx.txid, 0)

    assert len(roots) == 1


def test_a_hop_that_arrives_after_its_next_one_is_of_the_same_chain() -> None:
    first, second = a_peel(1000, 2)
    peels = PeelMemory()
    peels.remember(second, "whale-2", 1)

    assert (peels.root_of(first), peels.root_after(first)) == (None, "whale-2")


def test_a_withdrawal_whose_change_is_the_smaller_part_is_no_peel() -> None:
    tx = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 490), pays(ANN, 9)])

    assert Flag.PEEL not in classify(tx, NOBODY).flags


@pytest.mark.parametrize(
    ("people", "size", "change", "inputs", "fires"),
    [
        (6, 50.0, 5, 6, True),  # every participant but one has change
        (6, 50.0, 4, 6, False),
        (6, 50.00000001, 6, 6, False),
        (10, 5.0, 1, 10, True),  # a crowd
        (10, 5.00000001, 1, 10, False),
        (9, 5.0, 1, 9, False),
        (5, 0.05, 0, 5, True),
        (5, 0.05, 0, 4, False),  # fewer signers than shares
        (4, 0.05, 0, 5, False),
        (5, 0.0001, 4, 5, True),
        (5, 0.00009999, 4, 5, False),  # carries data
        (6, 20.0, 6, 6, True),  # half of the outputs are equal ones
        (6, 20.0, 7, 6, False),
    ],
)
def test_a_coinjoin_is_known_by_the_number_and_size_of_its_shares(
    people: int, size: float, change: int, inputs: int, *, fires: bool
) -> None:
    tx = equal_outputs(people, size, change=change, inputs=inputs)

    assert (Flag.COINJOIN in classify(tx, NOBODY).flags) is fires


@pytest.mark.parametrize(("other", "fires"), [(50.0, True), (50.00000001, False)])
def test_shares_of_two_sizes_are_a_coinjoin_up_to_the_largest_offer(other: float, *, fires: bool) -> None:
    ins = [spends(script, 60) for script in strangers(9, "in")]
    outs = [pays(script, other) for script in strangers(6, "large")]
    outs += [pays(script, 7) for script in strangers(2, "small")] + [pays(BOB, 3)]

    assert (Flag.COINJOIN in classify(a_transaction(spends=ins, pays=outs), NOBODY).flags) is fires


def test_a_mix_that_pays_back_to_a_signer_or_to_a_label_is_none() -> None:
    ins, outs = a_coinjoin()
    back = [*outs[:-1], pays(a_script(("in", 0)), 9)]
    known = entities((a_script(("mixed", 0)), "Kraken"))

    assert Flag.COINJOIN not in classify(a_transaction(spends=ins, pays=back), NOBODY).flags
    assert Flag.COINJOIN not in classify(a_transaction(spends=ins, pays=outs), known).flags


@pytest.mark.parametrize("beside", [pays(a_script("x", "op_return"), 0.5), pays(a_script("y"), 0.00001)])
def test_an_output_that_pays_nobody_counts_for_no_shape(beside: Output) -> None:
    """One coin into four payments and something beside them is no batch of five."""
    paid = [pays(script, 20 + number) for number, script in enumerate(strangers(4))]
    seen = classify(a_transaction(spends=[spends(BOB, 100)], pays=[*paid, beside]), NOBODY)

    assert Flag.BATCH not in seen.flags
