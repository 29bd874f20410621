"""Fees with hysteresis, net flow, reports at an hour of the clock on the wall."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.core.alerts import (
    FlowWatch,
    ReportAt,
    Watch,
    fees_crossed,
    flow_crossed,
    moving,
    net_flow_sat,
    report_due,
    report_facts,
)
from app.core.classification import Flow
from app.core.prediction import Prediction, Status
from tests.core.alerts.builders import BERLIN
from tests.store.builders import a_classification, a_prediction


def directions(watch: Watch, rates: list[float]) -> list[list[str]]:
    crossed, found = frozenset[str](), list[list[str]]()
    for rate in rates:
        crossed, facts = fees_crossed(watch, crossed, rate)
        found.append([one["direction"] for one in facts])
    return found


def test_another_fee_limit_is_crossed_anew() -> None:
    crossed, _ = fees_crossed(Watch(fee_over=50.0), frozenset(), 60.0)

    crossed, first = fees_crossed(Watch(fee_over=65.0), crossed, 300.0)
    _, second = fees_crossed(Watch(fee_over=50.0), crossed, 300.0)

    assert [one["limit"] for one in (*first, *second)] == [65.0, 50.0]


def test_a_fee_over_a_thousand_is_no_exponent() -> None:
    _, (facts,) = fees_crossed(Watch(fee_over=1_500.0), frozenset(), 1_805.3)

    assert facts["words"] == "The next block costs 1,805 sat/vB, over 1,500"


def test_a_fee_that_hovers_at_its_limit_rings_once() -> None:
    rates = [49.0, 51.0, 49.9, 50.1, 45.0, 50.1]

    assert directions(Watch(fee_over=50.0), rates) == [[], ["over"], [], [], [], ["over"]]


def test_a_cheap_block_is_told_when_it_comes_and_again_after_it_went() -> None:
    assert directions(Watch(fee_under=5.0), [6.0, 4.0, 5.2, 4.0, 5.5, 4.0]) == [
        [],
        ["under"],
        [],
        [],
        [],
        ["under"],
    ]


def a_whale(number: int, flow: Flow, btc: int, **more: Any) -> Prediction:
    return a_prediction(number, classification=a_classification(flow, moved=btc * 10**8), **more)


@pytest.mark.parametrize(
    ("whales", "entity", "words"),
    [
        (
            [(Flow.INFLOW, 700), (Flow.INFLOW, 400)],
            None,
            ["1,100 BTC net to exchanges within 6 h, over 1,000"],
        ),
        ([(Flow.INFLOW, 700), (Flow.OUTFLOW, 400)], None, []),
        ([(Flow.OUTFLOW, 1_200)], None, ["1,200 BTC net from exchanges within 6 h, over 1,000"]),
        ([(Flow.INTERNAL, 5_000), (Flow.INTER_EXCHANGE, 5_000)], None, []),
        ([(Flow.INTER_EXCHANGE, 5_000)], "binance", ["5,000 BTC net to binance within 6 h, over 1,000"]),
    ],
)
def test_net_flow_counts_what_goes_in_less_what_comes_out(
    whales: list[tuple[Flow, int]], entity: str | None, words: list[str]
) -> None:
    seen = [a_whale(number, flow, btc) for number, (flow, btc) in enumerate(whales, 1)]
    watch = FlowWatch(entity=entity, btc=Decimal(1_000), hours=6)

    net = net_flow_sat(map(moving, seen), entity)
    crossed, facts = flow_crossed(watch, frozenset(), net)
    assert [one["words"] for one in facts] == words
    assert flow_crossed(watch, crossed, net)[1] == []


def test_a_whale_that_was_dropped_flowed_nowhere() -> None:
    lost = a_whale(1, Flow.INFLOW, 5_000, status=Status.DROPPED)

    assert net_flow_sat([moving(lost)], None) == 0


@pytest.mark.parametrize(
    ("now", "since", "weekly", "due"),
    [
        ("2026-10-26T06:59:00", "2026-10-25T12:00:00", False, None),
        ("2026-10-26T07:00:00", "2026-10-25T12:00:00", False, "2026-10-26T07:00:00"),  # winter time
        ("2026-10-24T06:30:00", "2026-10-23T12:00:00", False, "2026-10-24T06:00:00"),  # summer time
        ("2026-10-28T12:00:00", "2026-10-25T12:00:00", True, "2026-10-26T07:00:00"),  # Monday's, late
        ("2026-10-28T12:00:00", "2026-10-26T08:00:00", True, None),
    ],
)
def test_a_report_is_due_by_the_clock_on_the_wall(
    now: str, since: str, *, weekly: bool, due: str | None
) -> None:
    found = report_due(
        ReportAt(at=time(8), weekly=weekly),
        BERLIN,
        datetime.fromisoformat(since + "+00:00"),
        datetime.fromisoformat(now + "+00:00"),
    )

    assert found == (datetime.fromisoformat(due + "+00:00") if due else None)


def test_a_report_says_nothing_that_it_does_not_know() -> None:
    end = datetime(2026, 10, 26, 7, tzinfo=UTC)
    facts = report_facts([], [], start=end - timedelta(days=1), end=end, due=3, hit_rate=None)

    assert facts["largest_sat"] is None
    assert facts["words"].splitlines()[1:] == [
        "no net flow to or from exchanges",
        "3 forecasts came due, too few to judge",
    ]
