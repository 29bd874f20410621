"""What a transaction says, on small ones built by hand."""

from dataclasses import replace

import pytest

from app.core.classification import Classification, Flag, Flow, MovedIs
from app.core.encoding import owner_ids
from app.core.flow.classifier import classify, is_whale
from app.core.flow.entities import Entities
from app.core.units import SATS_PER_BTC, Outpoint, Sats, Txid
from tests.builders import a_script, a_transaction, entities, labelled, pays, sats, spends

ANN, BOB, CAROL, DAN = (a_script(name) for name in ("ann", "bob", "carol", "dan"))
NOBODY = Entities()
THRESHOLD = Sats(100 * SATS_PER_BTC)


# Certain change


def test_what_goes_back_to_a_script_that_signs_is_change() -> None:
    tx = a_transaction(spends=[spends(ANN, 720)], pays=[pays(BOB, 3.99), pays(ANN, 716)])

    seen = classify(tx, NOBODY)

    assert (seen.moved, seen.moved_is) == (sats(3.99), MovedIs.CERTAIN)
    assert not is_whale(seen, THRESHOLD)


@pytest.mark.parametrize("kinds", [("p2wpkh", "p2pkh"), ("p2pkh", "p2wpkh")])
def test_what_goes_back_to_a_key_that_signs_is_change_whatever_the_type_of_script(
    kinds: tuple[str, str],
) -> None:
    signs, paid = (a_script("ann", kind) for kind in kinds)
    tx = a_transaction(spends=[spends(signs, 160), spends(BOB, 20)], pays=[pays(BOB, 19.99), pays(paid, 160)])

    seen = classify(tx, NOBODY)

    assert (seen.moved, seen.moved_is, seen.moved_high) == (0, MovedIs.CERTAIN, 0)
    assert any("pays a key that also signs an input" in step for step in seen.evidence)


def test_nested_segwit_of_a_key_that_signs_is_change() -> None:
    nested = owner_ids(ANN)[0]
    tx = a_transaction(spends=[spends(nested, 700)], pays=[pays(BOB, 150), pays(ANN, 549)])

    assert (classify(tx, NOBODY).moved, classify(tx, NOBODY).moved_is) == (sats(150), MovedIs.CERTAIN)


def test_the_evidence_names_the_change_and_its_amount() -> None:
    tx = a_transaction(spends=[spends(ANN, 700)], pays=[pays(BOB, 50), pays(ANN, 646.66)])

    assert (
        "output 1 pays an address that also signs an input: change, 646.66 BTC"
        in classify(tx, NOBODY).evidence
    )


def test_two_payments_beside_certain_change_are_likely_since_one_may_be_the_senders() -> None:
    tx = a_transaction(spends=[spends(ANN, 700)], pays=[pays(BOB, 150), pays(CAROL, 130), pays(ANN, 420)])

    seen = classify(tx, NOBODY)

    assert (seen.moved, seen.moved_is) == (sats(280), MovedIs.LIKELY)
    assert (seen.moved_low, seen.moved_high) == (sats(130), sats(280))


def test_coins_that_only_go_back_to_where_they_were_do_not_move() -> None:
    tx = a_transaction(spends=[spends(ANN, 200), spends(BOB, 300)], pays=[pays(ANN, 500)])

    seen = classify(tx, NOBODY)

    assert (seen.moved, seen.moved_is, seen.flow) == (0, MovedIs.CERTAIN, Flow.INTERNAL)
    assert not is_whale(seen, THRESHOLD)


# Likely change


def test_a_round_amount_is_the_payment() -> None:
    tx = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 120), pays(CAROL, 379.99971234)])

    seen = classify(tx, NOBODY)

    assert (seen.moved, seen.moved_is) == (sats(120), MovedIs.LIKELY)
    assert "confidence high" in seen.evidence[-1]


def test_change_goes_to_the_type_of_script_that_is_spent() -> None:
    tx = a_transaction(
        spends=[spends(ANN, 500)],
        pays=[pays(BOB, 120.1234567), pays(a_script("carol", "p2tr"), 379.7654321)],
    )

    seen = classify(tx, NOBODY)

    assert (seen.moved, seen.moved_is) == (sats(379.7654321), MovedIs.LIKELY)
    assert "confidence medium" in seen.evidence[-1]


def test_an_output_a_hundred_times_the_other_is_change() -> None:
    tx = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 1.1234567), pays(CAROL, 498.7654321)])

    assert classify(tx, NOBODY).moved == sats(1.1234567)


def test_an_output_that_would_make_an_input_unnecessary_is_change() -> None:
    tx = a_transaction(
        spends=[spends(ANN, 150.111), spends(DAN, 60.222)],
        pays=[pays(BOB, 190.1234567), pays(CAROL, 20.2095433)],
    )

    assert classify(tx, NOBODY).moved == sats(190.1234567)


def test_rules_that_agree_are_trusted_more_than_one_alone() -> None:
    tx = a_transaction(
        spends=[spends(ANN, 500)],
        pays=[pays(a_script("bob", "p2sh"), 1.1234567), pays(CAROL, 498.7654321)],
    )

    assert "script type and ratio of 100 or more; confidence high" in classify(tx, NOBODY).evidence[-1]


def test_rules_that_disagree_leave_it_open() -> None:
    tx = a_transaction(
        spends=[spends(ANN, 500)], pays=[pays(BOB, 120), pays(a_script("carol", "p2tr"), 379.99971234)]
    )

    seen = classify(tx, NOBODY)

    assert (seen.moved, seen.moved_is) == (sats(499.99971234), MovedIs.UP_TO)
    assert "rules disagree" in seen.evidence[-1]


def test_two_outputs_that_no_rule_tells_apart_are_an_upper_bound() -> None:
    tx = a_transaction(spends=[spends(ANN, 131)], pays=[pays(BOB, 60.1234567), pays(CAROL, 70.7654321)])

    seen = classify(tx, NOBODY)

    assert (seen.moved_low, seen.moved, seen.moved_is) == (sats(60.1234567), seen.gross, MovedIs.UP_TO)
    assert is_whale(seen, THRESHOLD)


def test_where_an_output_stands_decides_nothing() -> None:
    outputs = [pays(BOB, 120), pays(CAROL, 379.99971234)]
    one = classify(a_transaction(spends=[spends(ANN, 500)], pays=outputs), NOBODY)
    other = classify(a_transaction(spends=[spends(ANN, 500)], pays=outputs[::-1]), NOBODY)

    assert one.moved == other.moved


def test_three_outputs_are_not_guessed_at() -> None:
    tx = a_transaction(spends=[spends(ANN, 1000)], pays=[pays(BOB, 1), pays(CAROL, 2), pays(DAN, 996.9999)])

    seen = classify(tx, NOBODY)

    assert (seen.moved_is, seen.moved) == (MovedIs.UP_TO, seen.gross)


def test_a_likely_payment_below_the_threshold_is_kept_and_marked() -> None:
    tx = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 4), pays(CAROL, 495.99971234)])

    seen = classify(tx, NOBODY)

    assert seen.moved_is is MovedIs.LIKELY
    assert is_whale(seen, THRESHOLD)


# One output


def test_one_unlabelled_output_is_an_upper_bound() -> None:
    seen = classify(a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 499)]), NOBODY)

    assert (seen.moved_low, seen.moved, seen.moved_is) == (0, sats(499), MovedIs.UP_TO)
    assert Flag.SWEEP in seen.flags


# Labels


def test_an_exchange_that_pays_a_stranger_is_an_outflow() -> None:
    tx = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 150), pays(CAROL, 349.9)])

    seen = classify(tx, entities((ANN, "Kraken"), (CAROL, "Kraken")))

    assert (seen.flow, seen.moved, seen.internal) == (Flow.OUTFLOW, sats(150), sats(349.9))
    assert [party.name for party in seen.from_entities] == ["Kraken"]


def test_one_labelled_input_labels_the_sender() -> None:
    tx = a_transaction(spends=[spends(ANN, 100), spends(DAN, 400)], pays=[pays(BOB, 150), pays(CAROL, 349.9)])

    seen = classify(tx, entities((ANN, "Kraken"), (CAROL, "Kraken")))

    assert (seen.flow, seen.moved) == (Flow.OUTFLOW, sats(150))
    assert "1 of 2 inputs is labelled Kraken (exchange; own label): the sender" in seen.evidence


def test_a_stranger_who_pays_an_exchange_is_an_inflow_of_what_the_exchange_gets() -> None:
    tx = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 150.1234), pays(CAROL, 349)])

    seen = classify(tx, entities((BOB, "Kraken")))

    assert (seen.flow, seen.moved, seen.moved_is) == (Flow.INFLOW, sats(150.1234), MovedIs.LIKELY)
    assert (seen.moved_low, seen.moved_high) == (sats(150.1234), sats(499.1234))


def test_an_inflow_without_change_is_certain() -> None:
    seen = classify(
        a_transaction(spends=[spends(ANN, 150)], pays=[pays(BOB, 149)]), entities((BOB, "Kraken"))
    )

    assert (seen.flow, seen.moved_is) == (Flow.INFLOW, MovedIs.CERTAIN)


def test_an_exchange_that_pays_another_is_inter_exchange() -> None:
    tx = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 150), pays(CAROL, 349)])

    seen = classify(tx, entities((ANN, "Kraken"), (CAROL, "Kraken"), (BOB, "Bitstamp")))

    assert (seen.flow, seen.moved, seen.moved_is) == (Flow.INTER_EXCHANGE, sats(150), MovedIs.CERTAIN)


def test_an_exchange_that_pays_only_itself_is_internal_and_moves_what_changes_scripts() -> None:
    tx = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 150), pays(CAROL, 300), pays(ANN, 49)])

    seen = classify(tx, entities((ANN, "Kraken"), (CAROL, "Kraken"), (BOB, "Kraken")))

    assert (seen.flow, seen.moved, seen.internal) == (Flow.INTERNAL, sats(450), 0)
    assert seen.moved_is is MovedIs.CERTAIN
    assert is_whale(seen, THRESHOLD)


def test_the_name_of_a_party_that_is_no_exchange_is_told_with_its_kind() -> None:
    tx = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 150), pays(ANN, 349)])

    seen = classify(tx, entities((ANN, "Foundry"), kind="pool"))

    assert seen.flow is Flow.UNKNOWN
    assert [(party.name, party.kind) for party in seen.from_entities] == [("Foundry", "pool")]


def test_a_government_that_pays_an_exchange_is_an_inflow() -> None:
    known = Entities(
        (), [*entities((ANN, "US Marshals"), kind="government").own, *entities((BOB, "Coinbase")).own]
    )
    tx = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 150), pays(ANN, 349)])

    seen = classify(tx, known)

    assert (seen.flow, seen.from_entities[0].kind) == (Flow.INFLOW, "government")


def test_what_goes_to_an_exchange_and_to_strangers_is_split_by_volume() -> None:
    tx = a_transaction(
        spends=[spends(ANN, 500)], pays=[pays(BOB, 150), pays(CAROL, 110), pays(DAN, 40), pays(ANN, 199)]
    )

    seen = classify(tx, entities((ANN, "Kraken"), (BOB, "Bitstamp")))

    assert seen.split == {Flow.INTER_EXCHANGE: sats(150), Flow.OUTFLOW: sats(150)}
    assert sum(seen.split.values()) == seen.moved


def test_two_groups_among_the_inputs_share_what_moves_by_what_they_put_in() -> None:
    tx = a_transaction(spends=[spends(ANN, 300), spends(BOB, 100)], pays=[pays(DAN, 400)])

    seen = classify(tx, entities((ANN, "Kraken"), (BOB, "Bitstamp"), (DAN, "Bitstamp")))

    assert seen.split == {Flow.INTER_EXCHANGE: sats(300), Flow.INTERNAL: sats(100)}
    assert (seen.flow, seen.moved_is) == (Flow.UNKNOWN, MovedIs.UP_TO)
    assert "inputs carry labels of (own label) Bitstamp and Kraken: mixed, no single sender" in seen.evidence


def test_two_exchanges_that_pay_a_stranger_together_are_still_an_outflow() -> None:
    tx = a_transaction(spends=[spends(ANN, 300), spends(BOB, 100)], pays=[pays(DAN, 400)])

    seen = classify(tx, entities((ANN, "Kraken"), (BOB, "Bitstamp")))

    assert (seen.flow, {party.name for party in seen.from_entities}) == (Flow.OUTFLOW, {"Kraken", "Bitstamp"})


def test_two_senders_with_a_value_that_is_not_known_are_not_split() -> None:
    tx = a_transaction(spends=[spends(ANN), spends(BOB, 100)], pays=[pays(DAN, 400)])

    seen = classify(tx, entities((ANN, "Kraken"), (BOB, "Bitstamp"), (DAN, "Bitstamp")))

    assert seen.split == {Flow.UNKNOWN: sats(400)}


def test_a_party_carries_the_date_and_the_basis_of_its_label() -> None:
    tx = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 499)])

    [party] = classify(tx, entities((BOB, "Kraken"))).to_entities

    assert (party.basis, party.labelled_at, party.group) == ("own label", "2026-11-01", "Kraken")


# What labels known later could still change is not certain


def test_two_strangers_paid_by_an_exchange_are_likely_since_one_may_be_its_own() -> None:
    tx = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 150), pays(CAROL, 130), pays(ANN, 219)])

    assert classify(tx, entities((ANN, "Kraken"))).moved_is is MovedIs.LIKELY


def test_two_strangers_paid_by_an_exchange_without_change_are_an_upper_bound() -> None:
    tx = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 150), pays(CAROL, 349)])

    seen = classify(tx, entities((ANN, "Kraken")))

    assert (seen.moved_is, seen.moved_low, seen.moved) == (MovedIs.UP_TO, sats(150), sats(499))


def test_with_an_input_nobody_labelled_what_stays_in_the_group_is_not_certain() -> None:
    tx = a_transaction(spends=[spends(ANN, 300), spends(DAN, 200)], pays=[pays(BOB, 150), pays(CAROL, 349)])

    seen = classify(tx, entities((ANN, "Kraken"), (CAROL, "Kraken"), (BOB, "Bitstamp")))

    assert (seen.moved, seen.moved_is) == (sats(150), MovedIs.LIKELY)


def test_with_an_input_nobody_labelled_an_internal_transfer_is_not_certain() -> None:
    tx = a_transaction(spends=[spends(ANN, 300), spends(DAN, 200)], pays=[pays(BOB, 150), pays(CAROL, 349)])

    seen = classify(tx, entities((ANN, "Kraken"), (CAROL, "Kraken"), (BOB, "Kraken")))

    assert (seen.flow, seen.moved_is) == (Flow.INTERNAL, MovedIs.LIKELY)


def test_a_stranger_who_pays_two_exchanges_may_be_one_of_them() -> None:
    tx = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 150), pays(CAROL, 130), pays(ANN, 219)])

    seen = classify(tx, entities((BOB, "Kraken"), (CAROL, "Bitstamp")))

    assert (seen.moved, seen.moved_low, seen.moved_is) == (sats(280), sats(130), MovedIs.LIKELY)


# Missing scripts


def test_a_missing_script_is_counted_told_and_keeps_the_amount_from_being_certain() -> None:
    tx = a_transaction(spends=[spends(ANN, 200), spends(None, None)], pays=[pays(BOB, 149), pays(ANN, 300)])

    seen = classify(tx, NOBODY)

    assert (seen.missing_inputs, seen.moved_is) == (1, MovedIs.LIKELY)
    assert seen.evidence[0].startswith("1 of 2 inputs: the script it spends is not known yet")


def test_a_missing_script_may_be_the_receivers_own() -> None:
    tx = a_transaction(spends=[spends(ANN, 200), spends(None)], pays=[pays(BOB, 149), pays(CAROL, 300)])

    seen = classify(tx, entities((BOB, "Kraken"), (CAROL, "Kraken")))

    assert (seen.flow, seen.moved_is) == (Flow.INFLOW, MovedIs.LIKELY)


def test_with_no_script_known_the_sender_is_not_called_unknown() -> None:
    tx = a_transaction(spends=[spends(None)], pays=[pays(BOB, 149), pays(CAROL, 300)])

    assert not any("the sender is unknown" in step for step in classify(tx, NOBODY).evidence)


def test_change_to_a_known_script_is_certain_even_beside_a_missing_one() -> None:
    tx = a_transaction(spends=[spends(ANN, 200), spends(None)], pays=[pays(ANN, 300)])

    assert classify(tx, NOBODY).moved_is is MovedIs.CERTAIN


def test_newly_mined_coins_have_no_sender_and_miss_nothing() -> None:
    coinbase = spends(None, None, Outpoint(Txid("0" * 64), 0xFFFFFFFF))

    seen = classify(a_transaction(spends=[coinbase], pays=[pays(BOB, 3.2)]), NOBODY)

    assert (seen.missing_inputs, seen.evidence[0]) == (0, "newly mined coins")


# Detection


@pytest.mark.parametrize(
    ("paid", "change", "whale"),
    [(100, 50, False), (100.00000001, 50, True), (99.99999999, 50, False), (100.00000001, 0.1, True)],
)
def test_strictly_more_than_the_threshold_must_move(*, paid: float, change: float, whale: bool) -> None:
    tx = a_transaction(spends=[spends(ANN, 200)], pays=[pays(BOB, paid), pays(ANN, change)])

    assert is_whale(classify(tx, NOBODY), THRESHOLD) is whale


def test_change_in_the_senders_group_never_makes_a_whale() -> None:
    tx = a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 90), pays(CAROL, 409)])

    assert not is_whale(classify(tx, entities((ANN, "Kraken"), (CAROL, "Kraken"))), THRESHOLD)


# Evidence


def test_senders_of_one_group_are_each_told_with_their_own_basis() -> None:
    labels = (*labelled((ANN, "Hot"), kind="exchange"), *labelled((BOB, "Cold"), kind="custodian"))
    one_group = [replace(label, group="House") for label in labels]
    tx = a_transaction(spends=[spends(ANN, 200), spends(BOB, 300)], pays=[pays(CAROL, 500)])

    reported = classify(tx, Entities((), one_group)).evidence

    assert reported[:2] == (
        "1 of 2 inputs is labelled Cold (custodian; own label): the sender",
        "1 of 2 inputs is labelled Hot (exchange; own label): the sender",
    )


def test_the_senders_are_told_the_same_in_whatever_order_they_sign() -> None:
    labels = [replace(label, group="House") for label in labelled((ANN, "Hot"), (BOB, "Cold"))]
    inputs = [spends(ANN, 200), spends(BOB, 300)]
    known = Entities((), labels)

    one, other = (
        classify(a_transaction(spends=order, pays=[pays(CAROL, 500)]), known).evidence
        for order in (inputs, inputs[::-1])
    )

    assert one == other


def test_the_evidence_says_why_two_named_receivers_leave_the_amount_open() -> None:
    tx = a_transaction(spends=[spends(ANN, 1000)], pays=[pays(BOB, 600), pays(CAROL, 399)])

    reported = classify(tx, entities((BOB, "Bourse"), (CAROL, "Change"))).evidence

    assert (
        reported[-1]
        == "not every input is labelled, so one of the receivers may be the sender: at least 399.00 BTC"
    )


def test_the_evidence_says_why_two_senders_leave_the_amount_open() -> None:
    tx = a_transaction(spends=[spends(ANN, 600), spends(BOB, 400)], pays=[pays(CAROL, 999)])

    reported = classify(tx, entities((ANN, "Bourse"), (BOB, "Change"), (CAROL, "Other"))).evidence

    assert reported[-1] == "who of the senders paid whom is open: up to 999.00 BTC"


@pytest.mark.parametrize(
    ("gross", "moved", "high", "moved_is", "whale"),
    [
        (200, 101, 101, MovedIs.CERTAIN, True),
        (200, 100, 150, MovedIs.CERTAIN, False),
        (200, 50, 150, MovedIs.LIKELY, True),
        (200, 50, 100, MovedIs.LIKELY, False),
        (200, 0, 200, MovedIs.UP_TO, True),
        (100, 101, 101, MovedIs.CERTAIN, False),
    ],
)
def test_what_may_move_makes_a_whale_unless_less_is_certain(
    gross: int, moved: int, high: int, moved_is: MovedIs, *, whale: bool
) -> None:
    seen = Classification(
        flow=Flow.UNKNOWN,
        gross=sats(gross),
        moved=sats(moved),
        moved_low=Sats(0),
        moved_high=sats(high),
        moved_is=moved_is,
        internal=Sats(0),
    )

    assert is_whale(seen, THRESHOLD) is whale
