"""Each phrase of an alert by itself: what it says, and that it says nothing where nothing is known."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.core.alerts import phrases


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a  b", "a b"),
        ("a\x07b\u2028c\u2029d", "a b c d"),
        ("a\u202eb\ud800c\ue000d\u0378e", "abcde"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
    ],
)
def test_a_text_is_shown_on_one_line_without_what_steers_a_terminal(text: str, shown: str) -> None:
    assert phrases.one_line(text) == shown


def test_lines_are_kept_and_cut_at_a_thousand_letters() -> None:
    assert phrases.lines("a\x07b\n" + "y" * 1_001) == "a b\n" + "y" * 999 + "…"


@pytest.mark.parametrize(
    ("btc", "shown"),
    [
        ("1234.56", "1,234.6"),
        ("1000", "1,000"),
        ("100", "100"),
        ("99.994", "99.99"),
        ("1", "1"),
        ("0.99999999", "0.99999999"),
        ("0.0123", "0.0123"),
        ("0", "0"),
    ],
)
def test_an_amount_has_as_many_decimals_as_tell_something(btc: str, shown: str) -> None:
    assert phrases.amount(round(float(btc) * 100_000_000)) == shown


def a_body(**said: Any) -> dict[str, Any]:
    return {
        "moved_sat": 41_250_000_000,
        "gross_sat": 50_000_000_000,
        "moved_is": "certain",
        "flags": [],
    } | said


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({}, "412.5 BTC"),
        ({"moved_is": "likely"}, "likely 412.5 BTC"),
        ({"moved_is": "up_to"}, "up to 412.5 BTC"),
        ({"moved_sat": None}, ""),
    ],
)
def test_what_moved_is_said_with_how_sure_it_is(said: dict[str, Any], shown: str) -> None:
    assert phrases.moved(a_body(**said)) == shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"value_fiat": {"amount": "38234000.4", "currency": "EUR"}}, "38,234,000 EUR"),
        ({"value_fiat": {"amount": 1000, "currency": "EUR"}}, "1,000 EUR"),
        ({"value_fiat": {"amount": 999.994, "currency": "EUROS"}}, "999.99 EU…"),
        ({"value_fiat": {"amount": 5, "currency": "EUR"}, "moved_is": "up_to"}, "up to 5.00 EUR"),
        ({"value_fiat": None}, ""),
        ({"value_fiat": {"amount": 5, "currency": "EUR"}, "moved_sat": None}, ""),
    ],
)
def test_a_value_is_said_where_its_price_is_known(said: dict[str, Any], shown: str) -> None:
    assert phrases.value(a_body(**said)) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, ""), (1, "n0"), (3, "n0, n1, n2"), (4, "n0, n1, n2 and 1 more"), (6, "n0, n1, n2 and 3 more")],
)
def test_three_names_are_said_and_how_many_more(count: int, shown: str) -> None:
    parties = [{"name": f"n{number}"} for number in range(count) for _ in range(2)]

    assert phrases.names(parties) == shown


def test_a_long_name_is_cut_at_eighty_letters() -> None:
    assert phrases.names([{"name": "x" * 81}]) == "x" * 79 + "…"
    assert phrases.names(None) == ""


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({}, ""),
        ({"urgency": "high"}, "high urgency"),
        ({"urgency": "high", "urgency_score": 0.874}, "high urgency 0.87"),
    ],
)
def test_urgency_is_said_with_its_score(said: dict[str, Any], shown: str) -> None:
    assert phrases.urgency(said) == shown


CHANCES = {"confirmation_probability": {"1": 0.914, "3": 0.996}}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({}, ""),
        ({"predicted_block": 900_123}, "by block 900,123"),
        ({"predicted_block": 900_123, "predicted_at_height": 900_122}, "next block (900,123)"),
        (CHANCES | {"predicted_block": 900_123, "predicted_at_height": 900_122}, "next block (900,123) 91 %"),
        (
            CHANCES | {"predicted_block": 900_125, "predicted_at_height": 900_122},
            "by block 900,125 (3 blocks) 99 %",
        ),
        ({"predicted_block": 900_123, "confidence_score": 1.0}, "by block 900,123 100 %"),
        ({"predicted_block": 900_123, "confidence_score": 0.804}, "by block 900,123 80 %"),
        (
            CHANCES | {"predicted_block": 900_124, "predicted_at_height": 900_122, "confidence_score": 0.5},
            "by block 900,124 (2 blocks) 50 %",
        ),
    ],
)
def test_a_forecast_is_said_with_its_chance(said: dict[str, Any], shown: str) -> None:
    assert phrases.forecast(said) == shown


@pytest.mark.parametrize(
    ("rate", "shown"),
    [(0.25, "0.25"), (12.34, "12.3"), (999.4, "999"), (999.5, "1,000"), (1_804.6, "1,805")],
)
def test_a_feerate_has_three_digits(rate: float, shown: str) -> None:
    assert phrases.feerate(rate) == shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({}, ""),
        ({"fee_rate": 12.34}, "12.3 sat/vB"),
        ({"fee_rate": 12.0, "effective_fee_rate": 12.04}, "12 sat/vB"),
        ({"fee_rate": 0.0, "effective_fee_rate": 0.05}, "0 sat/vB, 0.05 with its package"),
        ({"fee_rate": 12.0, "effective_fee_rate": 15.0}, "12 sat/vB, 15 with its package"),
    ],
)
def test_a_fee_is_said_with_that_of_its_package_where_it_is_another(said: dict[str, Any], shown: str) -> None:
    assert phrases.fee(said) == shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"replaces": ["a"]}, "replaced once"),
        ({"replaces": ["a", "b"]}, "replaced 2 times"),
        ({"rbf_signaled": True, "status": "pending"}, "replaceable"),
        ({"rbf_signaled": True, "status": "confirmed"}, ""),
        ({"rbf_signaled": False, "status": "pending"}, ""),
    ],
)
def test_it_is_said_how_often_it_was_replaced_or_that_it_may_be(said: dict[str, Any], shown: str) -> None:
    assert phrases.replaced(said) == shown


def test_a_moment_is_said_by_the_clock_on_the_wall() -> None:
    at = datetime(2026, 10, 25, 7, 0, tzinfo=UTC)

    assert phrases.local(at, ZoneInfo("Europe/Berlin")) == "2026-10-25 08:00 CET"


@pytest.mark.parametrize(
    ("sat", "said"),
    [
        (100 * 10**8, "100"),
        (100 * 10**8 + 4_000_000, "100"),
        (100 * 10**8 + 40_000_000, "100.4"),
        (10_040_000_000, "100.4"),
        (9_999_000_000, "99.99"),
        (100_500_000_000, "1,005"),
        (10**8, "1"),
        (123_456_789, "1.23"),
        (99_999_999, "0.99999999"),
        (1, "0.00000001"),
        (2_000_000_000_000, "20,000"),
        (0, "0"),
    ],
)
def test_an_amount_loses_the_zeros_behind_its_point_and_no_others(sat: int, said: str) -> None:
    assert phrases.amount(sat) == said


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x00", "\n", "\t", " "])
def test_what_separates_lines_is_a_space_on_one(separator: str) -> None:
    assert phrases.one_line(f"one{separator}two") == "one two"


def test_a_value_without_an_amount_is_not_told() -> None:
    found = {"value_fiat": {"currency": "EUR", "amount": 5.0}}

    assert phrases.value({**found, "moved_sat": None}) == ""
    assert phrases.value({**found, "moved_sat": 7, "moved_is": "certain"}) == "5.00 EUR"
    assert phrases.value({"moved_sat": 7}) == ""
    joined = {"moved_sat": 5, "moved_high_sat": 7, "flags": ["coinjoin"]}
    assert phrases.value({**found, **joined}) == ""
