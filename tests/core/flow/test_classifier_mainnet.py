"""Mainnet-style transactions with addresses of the shipped table, in both directions."""

import pytest

from app.core.classification import Classification, Flag, Flow, MovedIs
from app.core.flow.classifier import classify, is_whale
from app.core.flow.entities import Entities
from app.core.flow.labels import Label, parse_table
from app.core.models import Transaction
from app.core.units import SATS_PER_BTC, Sats
from app.data import entities_table
from tests.builders import a_script, a_transaction, entities, pays, sats, spends

TABLE = parse_table(entities_table())
SHIPPED = Entities(TABLE)
THRESHOLD = Sats(100 * SATS_PER_BTC)
STRANGER, OTHER = a_script("stranger", "p2tr"), a_script("other")


def addresses(entity: str) -> list[str]:
    return [label.address for label in TABLE if label.entity == entity]


def an_address_of_each(kind: str) -> list[Label]:
    """One address of each group whose first entity in the table is of this kind."""
    first: dict[str, Label] = {}
    for label in TABLE:
        first.setdefault(label.group, label)
    return [label for label in first.values() if label.kind == kind]


EXCHANGES = an_address_of_each("exchange")
PAIRS = list(zip(EXCHANGES, EXCHANGES[1:] + EXCHANGES[:1], strict=True))


def said(tx: Transaction) -> Classification:
    return classify(tx, SHIPPED)


def names(seen: Classification) -> tuple[list[str], list[str]]:
    return [party.name for party in seen.from_entities], [party.name for party in seen.to_entities]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda label: label.entity)
def test_a_withdrawal_with_change_is_an_outflow_of_what_was_withdrawn(exchange: Label) -> None:
    tx = a_transaction(
        spends=[spends(exchange.address, 1_000)],
        pays=[pays(STRANGER, 150.25), pays(exchange.address, 849.7)],
    )

    seen = said(tx)

    assert (seen.flow, seen.moved, seen.moved_is) == (Flow.OUTFLOW, sats(150.25), MovedIs.CERTAIN)
    assert names(seen) == ([exchange.entity], [])


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda label: label.entity)
def test_a_deposit_with_change_is_an_inflow_of_what_was_deposited(exchange: Label) -> None:
    tx = a_transaction(
        spends=[spends(STRANGER, 1_000)],
        pays=[pays(OTHER, 849.7), pays(exchange.address, 150.25)],
    )

    seen = said(tx)

    assert (seen.flow, seen.moved, seen.moved_is) == (Flow.INFLOW, sats(150.25), MovedIs.LIKELY)
    assert names(seen) == ([], [exchange.entity])


@pytest.mark.parametrize(
    ("sender", "receiver"),
    PAIRS,
    ids=lambda at: at.entity,
)
def test_between_two_exchanges_it_is_inter_exchange(sender: Label, receiver: Label) -> None:
    tx = a_transaction(
        spends=[spends(sender.address, 1_000)],
        pays=[pays(receiver.address, 150.25), pays(sender.address, 849.7)],
    )

    seen = said(tx)

    assert (seen.flow, seen.moved_is) == (Flow.INTER_EXCHANGE, MovedIs.CERTAIN)
    assert names(seen) == ([sender.entity], [receiver.entity])


def test_from_a_cold_wallet_to_a_hot_one_of_the_same_group_is_internal() -> None:
    tx = a_transaction(
        spends=[spends(addresses("Binance")[0], 1_000)], pays=[pays(addresses("Ceffu")[0], 999.9)]
    )

    seen = said(tx)

    assert (seen.flow, seen.moved, seen.moved_is) == (Flow.INTERNAL, sats(999.9), MovedIs.CERTAIN)


def test_a_batch_withdrawal_moves_all_but_its_change() -> None:
    hot, cold = addresses("Kraken")[:2]
    paid = [pays(a_script(("customer", number)), 1.5 + number / 100) for number in range(100)]
    tx = a_transaction(spends=[spends(hot, 2_000)], pays=[*paid, pays(hot, 1_000), pays(cold, 700)])

    seen = said(tx)

    assert (seen.flow, seen.moved) == (Flow.OUTFLOW, sum(output.value for output in paid))
    assert (seen.internal, Flag.BATCH in seen.flags) == (sats(700), True)
    assert len(seen.evidence) < 10


def test_a_batch_below_the_threshold_is_no_whale_however_large_its_change() -> None:
    hot = addresses("Kraken")[0]
    paid = [pays(a_script(("customer", number)), 0.9) for number in range(100)]

    seen = said(a_transaction(spends=[spends(hot, 5_000)], pays=[*paid, pays(hot, 4_909)]))

    assert not is_whale(seen, THRESHOLD)


def test_deposits_gathered_into_a_cold_wallet_are_an_inflow_and_a_consolidation() -> None:
    gathered = [spends(a_script(("deposit", number)), 10) for number in range(50)]

    seen = said(a_transaction(spends=gathered, pays=[pays(addresses("Binance")[0], 499.9)]))

    assert (seen.flow, Flag.CONSOLIDATION in seen.flags) == (Flow.INFLOW, True)


def test_an_exchange_that_gathers_its_own_coins_moves_nothing() -> None:
    hot = addresses("Kraken")[0]

    seen = said(a_transaction(spends=[spends(hot, 10)] * 50, pays=[pays(hot, 499.9)]))

    assert (seen.flow, seen.moved, seen.moved_is) == (Flow.INTERNAL, 0, MovedIs.CERTAIN)
    assert not is_whale(seen, THRESHOLD)


def test_inputs_of_two_exchanges_are_mixed_and_split() -> None:
    tx = a_transaction(
        spends=[spends(addresses("Kraken")[0], 750), spends(addresses("Binance")[0], 250)],
        pays=[pays(addresses("Binance")[1], 400), pays(STRANGER, 599.9)],
    )

    seen = said(tx)

    assert seen.flow is Flow.UNKNOWN
    assert seen.split == {
        Flow.OUTFLOW: sats(599.9),
        Flow.INTER_EXCHANGE: sats(300),
        Flow.INTERNAL: sats(100),
    }


def test_a_deposit_to_two_exchanges_names_both_the_larger_first() -> None:
    tx = a_transaction(
        spends=[spends(STRANGER, 1_000)],
        pays=[pays(addresses("Kraken")[0], 150), pays(addresses("Binance")[0], 250), pays(STRANGER, 599.9)],
    )

    seen = said(tx)

    assert (seen.flow, seen.moved, names(seen)[1]) == (Flow.INFLOW, sats(400), ["Binance", "Kraken"])


@pytest.mark.parametrize("kind", ["pool", "custodian", "government", "company", "bridge", "etf"])
def test_a_party_that_is_no_exchange_is_named_by_kind_in_both_directions(kind: str) -> None:
    party = next(label for label in an_address_of_each(kind))
    pay = a_transaction(
        spends=[spends(party.address, 1_000)], pays=[pays(STRANGER, 150), pays(party.address, 849)]
    )
    receive = a_transaction(spends=[spends(STRANGER, 1_000)], pays=[pays(party.address, 999)])

    assert [(seen.name, seen.kind) for seen in said(pay).from_entities] == [(party.entity, kind)]
    assert [(seen.name, seen.kind) for seen in said(receive).to_entities] == [(party.entity, kind)]
    assert said(pay).flow is said(receive).flow is Flow.UNKNOWN


def test_a_pool_that_pays_an_exchange_is_an_inflow() -> None:
    tx = a_transaction(
        spends=[spends(addresses("AntPool")[0], 300)], pays=[pays(addresses("Kraken")[0], 299)]
    )

    assert (said(tx).flow, names(said(tx))) == (Flow.INFLOW, (["AntPool"], ["Kraken"]))


def an_enormous_consolidation() -> Transaction:
    """Like 29a3efd3...: 550,000 BTC, eleven coins of 50,000 into one output."""
    coins = [spends(a_script(("vault", number), "p2pkh"), 50_000) for number in range(11)]
    return a_transaction(spends=coins, pays=[pays(a_script("new vault", "p2pkh"), 550_000)])


def test_550_000_btc_into_one_output_are_unknown_without_labels() -> None:
    seen = said(an_enormous_consolidation())

    assert (seen.flow, seen.moved_is, seen.moved) == (Flow.UNKNOWN, MovedIs.UP_TO, sats(550_000))
    assert seen.flags == {Flag.CONSOLIDATION}


def test_550_000_btc_into_one_output_are_internal_with_every_script_labelled() -> None:
    tx = an_enormous_consolidation()
    scripts = [spent.script for spent in tx.inputs if spent.script] + [tx.outputs[0].script]

    seen = classify(tx, entities(*[(script, "The exchange") for script in scripts]))

    assert (seen.flow, seen.moved_is, seen.moved) == (Flow.INTERNAL, MovedIs.CERTAIN, sats(550_000))
