from dataclasses import replace

import pytest

from app.api.models import revision_of
from app.core.alerts import one_line
from app.core.classification import Flag, Flow
from app.core.prediction import Outcome, Prediction, Status
from app.core.units import Height, Sats
from dashboard.feed.rows import row_of
from dashboard.format import probability_by
from tests.browser.sea import TIP, Sea, a_forecast, a_whale, txid_of
from tests.builders import a_coinjoin
from tests.core.alerts.test_wording import HOSTILE


def confirmed(ahead: int | None, took: int, *, forecast: bool = True) -> Prediction:
    sea = Sea()
    whale = a_whale("a", 200, sea.now, ahead=ahead, forecast=forecast)
    sea.appear(whale)
    sea.block(whale, height=TIP + took)
    return sea.find(whale)


def test_a_forecast_that_held_says_so() -> None:
    row = row_of(confirmed(ahead=2, took=2))

    assert (row["tone"], row["words"], row["note"]) == ("ok", "on time", "forecast 2 blocks")


def test_a_late_one_says_by_how_many_blocks() -> None:
    row = row_of(confirmed(ahead=1, took=3))

    assert (row["tone"], row["words"]) == ("miss", "late by 2")


def test_without_a_forecast_nothing_is_said_to_have_held() -> None:
    row = row_of(confirmed(ahead=1, took=1, forecast=False))

    assert (row["tone"], row["words"]) == ("none", "confirmed")


def test_one_first_seen_in_its_block_was_never_announced() -> None:
    row = row_of(replace(confirmed(ahead=1, took=1, forecast=False), first_seen_in_block=True))

    assert (row["words"], row["lead"]) == ("never announced", None)


def test_a_dropped_one_without_a_reason_says_that_nobody_knows() -> None:
    sea = Sea()
    whale = a_whale("a", 200, sea.now)
    sea.appear(whale)
    dropped = replace(sea.drop(whale, ""), reason=None)

    assert row_of(dropped)["note"] == "nobody can say why"


def test_of_a_coinjoin_a_filter_counts_what_may_have_moved() -> None:
    row = row_of(replace(a_whale("a", 200, Sea().now), classification=a_coinjoin(700)))

    assert (row["moved"], row["counted"]) == (0, 700 * 10**8)


def test_no_forecast_leaves_every_figure_of_it_unknown() -> None:
    row = row_of(a_whale("a", 200, Sea().now, forecast=False))

    assert all(row[name] is None for name in ("urgency", "score", "block", "by", "p", "eta"))
    assert "forecast" not in row


def test_an_unknown_fee_is_an_unknown_feerate() -> None:
    assert row_of(a_whale("a", 200, Sea().now, rate=None, forecast=False))["rate"] is None


def test_the_package_counts_before_the_transactions_own_feerate() -> None:
    whale = replace(a_whale("a", 200, Sea().now, rate=3.0), package_feerate=11.5)  # type: ignore[arg-type]

    assert row_of(whale)["rate"] == 11.5


def test_a_probability_is_stated_only_where_the_forecast_states_one() -> None:
    at = Sea().now
    exact = a_forecast(5.0, at, blocks_ahead=3, txid=txid_of("a"))
    between = replace(exact, predicted_block=Height(TIP + 4))

    assert probability_by(revision_of(exact)) == (3, exact.probabilities[2])
    assert probability_by(revision_of(between)) is None


def test_beyond_the_horizon_the_probability_is_that_of_a_day() -> None:
    beyond = a_forecast(0.4, Sea().now, blocks_ahead=None, txid=txid_of("a"))

    assert probability_by(revision_of(beyond)) == (144, beyond.probabilities[-1])


@pytest.mark.parametrize("flag", list(Flag))
def test_every_flag_has_a_name_and_a_meaning(flag: Flag) -> None:
    whale = replace(a_whale("a", 200, Sea().now), flags=frozenset({flag}))
    (mark,) = row_of(whale)["flags"]

    assert mark[0]
    assert mark[1].endswith(".")


def test_replacements_are_counted_and_a_reorganisation_is_told() -> None:
    whale = replace(a_whale("a", 200, Sea().now), replaces=(txid_of("x"), txid_of("y")), reorged=1)

    assert [name for name, _ in row_of(whale)["flags"]] == ["bumped 2\u00d7", "reorged"]


def test_a_transaction_that_is_several_flows_brings_its_split() -> None:
    whale = a_whale("a", 300, Sea().now, flow=Flow.INFLOW)
    both = {Flow.INFLOW: Sats(100), Flow.UNKNOWN: Sats(200)}
    split = replace(whale, classification=replace(whale.classification, split=both))

    assert row_of(whale)["split"] is None
    assert row_of(split)["split"] == {"inflow": 100, "unknown": 200}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_keeps_its_letters_and_loses_what_turns_a_line(name: str) -> None:
    row = row_of(a_whale("a", 200, Sea().now, target=name))

    assert row["to"] == one_line(name)
    assert all(letter.isprintable() for letter in row["to"])


def test_one_that_made_way_for_a_small_payment_says_so() -> None:
    whale = replace(confirmed(ahead=1, took=1), status=Status.REPLACED, reason=None, replaced_by=None)

    assert row_of(whale)["note"] == "by a transaction that is no whale"


def test_a_forecast_of_over_a_day_is_called_that() -> None:
    row = row_of(replace(confirmed(ahead=None, took=200), outcome=Outcome.LATE))

    assert (row["words"], row["note"]) == ("late", "forecast: over 144 blocks")


def test_a_forecast_that_was_never_rated_is_neither_right_nor_wrong() -> None:
    row = row_of(replace(confirmed(ahead=2, took=2), outcome=Outcome.CENSORED))

    assert (row["tone"], row["words"], row["note"]) == ("none", "confirmed", "forecast 2 blocks")
