"""What an endpoint's watches would have said of the days before it was set up."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from app.core.alerts import DueRate, FlowWatch, ReportAt, Watch, WatchedPast
from app.core.contract import iso
from app.core.events import Event, EventType
from tests.core.alerts.builders import BEGINNING, BERLIN, an_event

FLOW = Watch(net_flow=(FlowWatch(entity=None, btc=Decimal(100), hours=6),))
"""The events are of whales of 150 BTC: one is enough."""
DAY = timedelta(days=1)


def reported(minute: float, whale: str = "wh_1", *, detected: float | None = None, **body: Any) -> Event:
    """An event of a whale at that minute; `detected`: the minute at which it was first seen."""
    seen_at = BEGINNING + timedelta(minutes=minute if detected is None else detected)
    return an_event(minute, whale=whale, detected_at=iso(seen_at), **body)


def a_past(watch: Watch, rates: Mapping[datetime, DueRate] | None = None) -> WatchedPast:
    return WatchedPast(watch=watch, zone=BERLIN, leaving=lambda event: event, rates=rates or {})


def crossings(watch: Watch, *whales: Event, after: float = -1, days: float = 1) -> list[tuple[float, str]]:
    """(minute, direction) of each crossing in so many days."""
    start = BEGINNING + timedelta(minutes=after)
    events = a_past(watch).published(whales, start=start, until=BEGINNING + days * DAY)
    assert all(event.type is EventType.FLOW_CROSSED for event in events)
    return [
        ((event.timestamp - BEGINNING) / timedelta(minutes=1), event.body["direction"]) for event in events
    ]


def reports(watch: Watch, *whales: Event, rates: Mapping[datetime, DueRate] | None = None) -> list[Event]:
    """The reports of two days."""
    return a_past(watch, rates).published(whales, start=BEGINNING, until=BEGINNING + 2 * DAY)


def test_a_crossing_is_told_at_the_next_whole_minute_when_the_appliance_looks() -> None:
    assert crossings(FLOW, reported(2.5)) == [(3, "inflow")]


def test_what_comes_and_goes_between_two_looks_is_not_told() -> None:
    assert crossings(FLOW, reported(2.2), reported(2.8, detected=2.2, status="dropped")) == []


def test_a_whale_that_is_told_of_twice_counts_once_and_as_it_was_last() -> None:
    first, second = reported(1, moved_sat=60 * 10**8), reported(5, detected=1, moved_sat=90 * 10**8)

    assert crossings(FLOW, first, second) == []


def test_a_whale_that_was_dropped_counts_no_longer_and_the_next_crossing_is_told_anew() -> None:
    dropped = reported(5, detected=1, status="dropped")

    assert crossings(FLOW, reported(1), dropped, reported(9, "wh_2")) == [(1, "inflow"), (9, "inflow")]


def test_a_whale_leaves_the_net_flow_when_its_hours_are_over() -> None:
    later = reported(6 * 60 + 30, "wh_2")

    assert crossings(FLOW, reported(1), later) == [(1, "inflow"), (390, "inflow")]
    assert crossings(FLOW, reported(40), later) == [(40, "inflow")]


def test_news_of_a_whale_from_before_the_hours_brings_nothing_back() -> None:
    assert crossings(FLOW, reported(7 * 60, detected=1)) == []


def test_what_leaves_exchanges_is_told_the_other_way() -> None:
    assert crossings(FLOW, reported(1, flow_type="outflow")) == [(1, "outflow")]


def test_the_net_flow_of_one_entity_is_of_those_that_pay_it_alone() -> None:
    kraken = Watch(net_flow=(FlowWatch(entity="kraken", btc=Decimal(100), hours=6),))
    other = reported(3, "wh_2", to_entities=[{"name": "Binance", "group": "Binance"}])

    assert crossings(kraken, other, reported(5)) == [(5, "inflow")]


def test_what_was_crossed_before_the_span_is_not_told_in_it() -> None:
    assert crossings(FLOW, reported(1), reported(9, "wh_2"), after=5) == []


def test_what_comes_after_the_span_is_not_told() -> None:
    assert crossings(FLOW, reported(1), reported(3 * 24 * 60, "wh_2", flow_type="outflow")) == [(1, "inflow")]


DAILY = Watch(report=ReportAt(at=time(18)))
"""Four hours after the beginning by the clock in Berlin, and each day then."""


def test_a_report_is_told_each_day_of_the_whales_first_seen_in_its_period() -> None:
    first, second = reports(DAILY, reported(10), reported(20, "wh_2"), reported(300, "wh_3"))

    assert [first.body["words"].split()[:2], second.body["words"].split()[:2]] == [
        ["2", "whales"],
        ["1", "whale"],
    ]
    assert (first.type, first.timestamp) == (EventType.REPORT_PERIODIC, BEGINNING + timedelta(hours=4))


def test_a_report_knows_a_whale_as_it_was_when_the_report_was_due() -> None:
    (first, _) = reports(
        DAILY, reported(10), reported(20, detected=10, status="dropped"), reported(300, detected=10)
    )

    assert "no net flow to or from exchanges" in first.body["words"]


def test_a_report_names_the_largest_whale_as_it_may_be_named_outside() -> None:
    def leaving(event: Event) -> Event:
        return replace(event, body=event.body | {"to_entities": [{"name": "own label"}]})

    whales = [reported(10), reported(20, "wh_2", moved_sat=200 * 10**8), reported(30, "wh_3")]
    past = replace(a_past(DAILY), leaving=leaving)
    (report,) = past.published(whales, start=BEGINNING, until=BEGINNING + DAY)

    assert "largest: 200 BTC to own label" in report.body["words"].split("\n")


def test_a_report_says_how_many_forecasts_held_where_that_is_known() -> None:
    due = BEGINNING + timedelta(hours=4)
    first, second = reports(DAILY, reported(10), rates={due: DueRate(due=40, hit_rate=0.9)})

    assert first.body["words"].endswith("40 forecasts came due, 90% on time")
    assert second.body["words"].endswith("0 forecasts came due, too few to judge")


def test_crossings_and_reports_are_told_by_time() -> None:
    both = replace(FLOW, report=DAILY.report)
    events = reports(both, reported(10), reported(300, "wh_2", flow_type="outflow", moved_sat=500 * 10**8))

    assert [event.type for event in events] == [
        EventType.FLOW_CROSSED,
        EventType.REPORT_PERIODIC,
        EventType.FLOW_CROSSED,
        EventType.REPORT_PERIODIC,
    ]
