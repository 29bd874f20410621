"""What an endpoint gets, and what it does not."""

from decimal import Decimal
from typing import Any

import pytest

from app.core.alerts import Rules, wanted
from app.core.alerts.rules import refused_by
from app.core.classification import Flow
from app.core.events import TO_ONE_ENDPOINT, EventType
from app.core.prediction import Urgency

WHALE: dict[str, Any] = {
    "txid": "ab" * 32,
    "status": "pending",
    "flow_type": "inflow",
    "moved_sat": 150 * 10**8,
    "moved_is": "up_to",
    "urgency": "medium",
    "from_entities": [],
    "to_entities": [{"name": "Kraken", "kind": "exchange", "group": "Payward"}],
    "predicted_block": 900_001,
}


def wants(rules: Rules, type_: EventType = EventType.DETECTED, **changed: Any) -> bool:
    return wanted(rules, type_, WHALE | changed)


@pytest.mark.parametrize("type_", list(EventType))
def test_without_rules_everything_is_sent_but_the_quiet_types(type_: EventType) -> None:
    quiet = {EventType.UPDATED, EventType.MEMORY_PRESSURE, *TO_ONE_ENDPOINT}

    assert wants(Rules(), type_) is (type_ not in quiet)


@pytest.mark.parametrize(("types", "sent"), [((), False), ((EventType.CONFIRMED,), True)])
def test_the_later_hops_of_one_coin_are_sent_only_where_their_type_is_asked_for(
    types: tuple[EventType, ...], *, sent: bool
) -> None:
    rules = Rules(types=frozenset(types))

    assert wants(rules, EventType.CONFIRMED, peel_of="whl_first") is sent


def test_internal_transfers_are_sent_only_where_asked_for() -> None:
    asked = Rules(flow_types=frozenset([Flow.INTERNAL]))

    assert (wants(Rules(), flow_type="internal"), wants(asked, flow_type="internal"), wants(asked)) == (
        False,
        True,
        False,
    )


@pytest.mark.parametrize(("sat", "sent"), [(150 * 10**8, True), (150 * 10**8 - 1, False), (None, False)])
def test_the_least_amount_counts_to_the_satoshi(sat: int | None, *, sent: bool) -> None:
    assert wants(Rules(min_moved_btc=Decimal(150)), moved_sat=sat) is sent


@pytest.mark.parametrize(("high", "sent"), [(700 * 10**8, True), (149 * 10**8, False)])
def test_of_a_coinjoin_what_may_have_moved_counts(high: int, *, sent: bool) -> None:
    mixed = {"moved_sat": 0, "moved_high_sat": high, "flags": ["coinjoin"]}

    assert wants(Rules(min_moved_btc=Decimal(150)), **mixed) is sent


@pytest.mark.parametrize(
    ("urgency", "sent"), [("high", True), ("medium", True), ("low", False), (None, False)]
)
def test_the_least_urgency_lets_the_more_urgent_through(urgency: str | None, *, sent: bool) -> None:
    assert wants(Rules(min_urgency=Urgency.MEDIUM), urgency=urgency) is sent


@pytest.mark.parametrize(
    ("name", "sent"),
    [("Kraken", True), ("kraken", True), ("Payward", True), ("Other", False), ("None", False)],
)
def test_one_of_the_named_entities_must_take_part(name: str, *, sent: bool) -> None:
    assert wants(Rules(entities=frozenset([name]))) is sent


def test_confirmed_only_means_what_it_says() -> None:
    rules = Rules(confirmed_only=True)

    assert (wants(rules), wants(rules, EventType.CONFIRMED, status="confirmed")) == (False, True)


def test_rules_about_whales_let_other_events_through() -> None:
    rules = Rules(min_moved_btc=Decimal(10**6), entities=frozenset(["X"]), confirmed_only=True)

    assert wanted(rules, EventType.SOURCE_DEGRADED, {})


@pytest.mark.parametrize(
    ("rules", "changed", "reason"),
    [
        (Rules(), {}, None),
        (Rules(types=frozenset([EventType.CONFIRMED])), {}, "types"),
        (Rules(confirmed_only=True), {}, "confirmed_only"),
        (Rules(flow_types=frozenset([Flow.OUTFLOW])), {}, "flow_types"),
        (Rules(min_moved_btc=Decimal(151)), {}, "min_moved_btc"),
        (Rules(min_urgency=Urgency.HIGH), {}, "min_urgency"),
        (Rules(entities=frozenset(["Binance"])), {}, "entities"),
        (Rules(entities=frozenset(["kraken"])), {}, None),
        (Rules(entities=frozenset(["PAYWARD"])), {"from_entities": None}, None),
        (
            Rules(entities=frozenset(["Binance"])),
            {"from_entities": [{"name": "Binance"}], "to_entities": None},
            None,
        ),
        (Rules(), {"peel_of": "whl_first"}, "types"),
    ],
)
def test_the_first_rule_that_an_event_does_not_pass_is_named(
    rules: Rules, changed: dict[str, Any], reason: str | None
) -> None:
    assert refused_by(rules, EventType.DETECTED, WHALE | changed) == reason


@pytest.mark.parametrize("type_", sorted(TO_ONE_ENDPOINT))
def test_what_is_made_for_one_endpoint_passes_no_rules_of_others(type_: EventType) -> None:
    assert refused_by(Rules(types=frozenset(EventType)), type_, {}) == "types"
