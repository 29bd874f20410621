from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.core.classification import Flow
from app.core.scoring import AccuracyCause, CalibrationBin, LeadTimes, Sums, figures_of
from app.views import LEAD_TIME_EDGES, Miss, MissKind
from dashboard.accuracy import words
from tests.browser.sea import a_whale

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
WEEK = words.WINDOWS["7d"]
MANY = figures_of(Sums(on_time=187, late=20, dropped=5, baseline_n=212, baseline_on_time=129), LeadTimes())
FEW = figures_of(Sums(on_time=9, late=3, baseline_n=12, baseline_on_time=5), LeadTimes())


def a_miss(kind: MissKind, **more: object) -> Miss:
    whale = replace(a_whale("one", 212.5, NOON), reason="expired: two weeks in the mempool")
    given = {"kind": kind, "at": NOON, "prediction_id": "w-1", "flow": Flow.INFLOW, "whale": whale, **more}
    return Miss(**given)  # type: ignore[arg-type]


def test_the_sentence_states_rate_and_interval() -> None:
    said = words.sentence(MANY, WEEK)

    assert said == "Of 212 forecasts that came due in the last 7 days 187 held: 88 % (83-92)."


def test_under_twenty_the_sentence_has_no_rate() -> None:
    assert "%" not in words.sentence(FEW, WEEK)


def test_of_a_demo_it_is_said_that_it_is_not_scored() -> None:
    none = figures_of(Sums(), LeadTimes())

    assert words.sentence(none, WEEK, demo=True).startswith("The demo is not scored.")
    assert words.sentence(none, WEEK) == "No forecast came due in the last 7 days."


def test_the_naive_forecast_is_named_beside_it() -> None:
    assert words.beside(MANY) == "Position + 1, the naive forecast, would have held 61 %."


def test_the_naive_forecast_of_a_few_is_not_compared() -> None:
    assert "%" not in words.beside(FEW)


@pytest.mark.parametrize("label", ["Held", "Position + 1"])
def test_under_twenty_no_figure_of_the_strip_is_a_rate(label: str) -> None:
    (shown,) = [one for one in words.strip(FEW) if one["label"] == label]

    assert shown["value"] == "n 12"


def test_a_row_of_the_calibration_table_under_twenty_has_its_number_alone() -> None:
    (row,) = words.calibration_rows([CalibrationBin(low=0.9, high=1.0, n=7, stated=0.95, seen=0.5)])

    assert row[1:] == ["7", "95.0 %", "n 7"]


def test_every_bin_of_the_lead_time_has_a_name() -> None:
    assert len(words.lead_names()) == len(LEAD_TIME_EDGES)


def test_a_late_one_says_by_how_much_and_why() -> None:
    late = a_miss(MissKind.LATE, due_height=100, confirmed_height=103, because=(AccuracyCause.FEE_SPIKE,))

    assert words.miss_row(late)[3:] == ["3 blocks late: due by block 100", "fees spiked while it waited"]


def test_a_late_one_that_waits_says_so() -> None:
    assert words.miss_row(a_miss(MissKind.LATE, due_height=100))[3] == "late: due by block 100, still waiting"


def test_a_late_one_without_a_cause_says_that_none_stands_out() -> None:
    assert words.miss_row(a_miss(MissKind.LATE, due_height=100))[4] == words.NO_CAUSE


def test_a_dropped_one_has_its_own_reason() -> None:
    assert words.miss_row(a_miss(MissKind.DROPPED))[3:] == ["dropped", "expired: two weeks in the mempool"]


def test_a_whale_that_is_forgotten_is_unknown_and_not_guessed() -> None:
    assert words.miss_row(a_miss(MissKind.DROPPED, whale=None))[0] is None


def test_one_replaced_only_afterwards_is_late_all_the_same() -> None:
    late = a_miss(MissKind.LATE, due_height=100, replaced=True)

    assert words.miss_row(late)[3] == "late: due by block 100, replaced only afterwards"


def test_a_flow_that_changed_says_what_it_confirmed_as() -> None:
    shown = words.miss_row(a_miss(MissKind.FLOW_CHANGED))

    assert shown[3:] == ["confirmed as unknown", "its parties were known otherwise when it confirmed"]


@pytest.mark.parametrize(
    ("in_block", "why"), [(True, "first seen in its block"), (False, "announced only after its block")]
)
def test_one_that_was_never_announced_says_when_it_was_seen(*, in_block: bool, why: str) -> None:
    whale = replace(a_whale("one", 212.5, NOON), first_seen_in_block=in_block)

    assert words.miss_row(a_miss(MissKind.NEVER_ANNOUNCED, whale=whale))[3:] == ["never announced", why]


def test_a_drop_that_nobody_can_explain_says_so() -> None:
    assert words.miss_row(a_miss(MissKind.DROPPED, whale=None))[4] == "nobody can say why"


def test_a_tenth_with_too_few_is_not_compared() -> None:
    few = [CalibrationBin(low=0.9, high=1.0, n=7, stated=0.95, seen=0.5)]

    assert words.calibration_words(few, "1").startswith(
        "No tenth of the stated chances in the next block has 20"
    )


def test_too_few_whales_have_no_usual_lead() -> None:
    assert words.lead_words(FEW, [1, 2]).startswith("3 whales known before confirmation: too few")


def test_of_nothing_due_no_group_is_said() -> None:
    assert words.group_words({}) == "Nothing came due yet."
