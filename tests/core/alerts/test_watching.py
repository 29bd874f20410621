"""Fees with hysteresis, net flow, reports at an hour of the clock on the wall."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.core.alerts import (
    FlowWatch,
    Moving,
    ReportAt,
    Watch,
    Watched,
    asked_anew,
    fees_crossed,
    flow_crossed,
    moving,
    moving_of,
    net_flow_sat,
    report_due,
    report_facts,
    report_moments,
    report_start,
)
from app.core.alerts.watching import crossing
from app.core.classification import Flow, Party
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


BOTH = Watch(
    fee_over=50.0,
    net_flow=(FlowWatch(entity=None, btc=Decimal(300), hours=6),),
    report=ReportAt(at=time(8)),
)


def crossed_all() -> Watched:
    """Both limits of BOTH are crossed, and a report was made."""
    crossed, _ = fees_crossed(BOTH, frozenset(), 60.0)
    crossed, _ = flow_crossed(BOTH.net_flow[0], crossed, 400 * 10**8)
    return Watched(crossed=crossed, reported_until=datetime(2026, 10, 26, 7, tzinfo=UTC))


def test_a_watch_that_is_taken_away_and_asked_for_again_says_its_first_crossing() -> None:
    watched = asked_anew(asked_anew(crossed_all(), BOTH, None), None, BOTH)

    assert fees_crossed(BOTH, watched.crossed, 60.0)[1] != []
    assert flow_crossed(BOTH.net_flow[0], watched.crossed, 400 * 10**8)[1] != []
    assert watched.reported_until is None


def test_a_limit_that_stays_beside_a_new_one_is_not_said_again() -> None:
    more = replace(BOTH, fee_under=5.0)
    watched = asked_anew(crossed_all(), BOTH, more)

    assert (watched, fees_crossed(more, watched.crossed, 60.0)[1]) == (crossed_all(), [])


def test_another_hour_or_sum_of_a_net_flow_is_another_limit() -> None:
    other = replace(BOTH, net_flow=(FlowWatch(entity=None, btc=Decimal(300), hours=24),))
    watched = asked_anew(asked_anew(crossed_all(), BOTH, other), other, BOTH)

    assert [one["hours"] for one in flow_crossed(BOTH.net_flow[0], watched.crossed, 400 * 10**8)[1]] == [6]


def test_another_hour_of_a_report_begins_its_period_now() -> None:
    later = replace(BOTH, report=ReportAt(at=time(20)))

    assert asked_anew(crossed_all(), BOTH, later).reported_until is None


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


NEW_YORK = ZoneInfo("America/New_York")
CHANGES = [
    (BERLIN, "2026-10-20", "2026-10-24 08:00 CEST to 2026-10-25 08:00 CET", 25),
    (BERLIN, "2027-03-24", "2027-03-27 08:00 CET to 2027-03-28 08:00 CEST", 23),
    (NEW_YORK, "2026-10-27", "2026-10-31 08:00 EDT to 2026-11-01 08:00 EST", 25),
    (NEW_YORK, "2027-03-10", "2027-03-13 08:00 EST to 2027-03-14 08:00 EDT", 23),
]


@pytest.mark.parametrize(("zone", "first", "words", "hours"), CHANGES)
def test_a_report_over_a_change_of_daylight_saving_covers_the_day_on_the_wall(
    zone: ZoneInfo, first: str, words: str, hours: int
) -> None:
    start = datetime.fromisoformat(first + "T12:00:00+00:00")
    report, periods = ReportAt(at=time(8)), list[tuple[datetime, datetime]]()
    for end in report_moments(report, zone, start, start + timedelta(days=8)):
        periods.append((report_start(report, zone, end), end))

    said = [
        report_facts([], [], start=begin, end=end, zone=zone, due=0, hit_rate=None)["words"].splitlines()[0]
        for begin, end in periods
        if end - begin == timedelta(hours=hours)
    ]
    assert said == [f"0 whales from {words}"]


@pytest.mark.parametrize("weekly", [False, True])
@pytest.mark.parametrize("at", [time(0), time(2, 30), time(8)])
@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK])
def test_a_report_begins_where_the_one_before_it_ended(zone: ZoneInfo, at: time, *, weekly: bool) -> None:
    report, start = ReportAt(at=at, weekly=weekly), datetime(2026, 10, 1, tzinfo=UTC)
    moments = report_moments(report, zone, start, start + timedelta(days=200))

    assert [report_start(report, zone, end) for end in moments[1:]] == moments[:-1]


def test_a_report_says_nothing_that_it_does_not_know() -> None:
    end = datetime(2026, 10, 26, 7, tzinfo=UTC)
    facts = report_facts([], [], start=end - timedelta(days=1), end=end, zone=BERLIN, due=3, hit_rate=None)

    assert facts["largest_sat"] is None
    assert facts["words"].splitlines()[1:] == [
        "no net flow to or from exchanges",
        "3 forecasts came due, too few to judge",
    ]


def test_a_report_names_its_largest_whale_and_where_it_goes() -> None:
    end = datetime(2026, 10, 26, 7, tzinfo=UTC)
    body = {
        "moved_sat": 400 * 10**8,
        "moved_is": "likely",
        "flow_type": "inflow",
        "to_entities": [{"name": "Kraken", "group": "Kraken"}],
    }
    facts = report_facts(
        [moving_of(body)], [body], start=end - timedelta(days=1), end=end, zone=BERLIN, due=1, hit_rate=1.0
    )

    assert facts["words"].splitlines() == [
        "1 whale from 2026-10-25 08:00 CET to 2026-10-26 08:00 CET",
        "400 BTC net to exchanges",
        "largest: likely 400 BTC to Kraken",
        "1 forecast came due, 100% on time",
    ]


def test_an_event_of_a_whale_counts_as_the_whale_does() -> None:
    body = {
        "status": "pending",
        "flow_type": "inflow",
        "moved_sat": 5,
        "from_entities": None,
        "to_entities": [{"name": "Cold wallet", "group": "Kraken"}],
    }

    assert moving_of(body).net_sat("kraken") == moving_of(body).net_sat("cold wallet") == 5
    assert moving_of(body | {"status": "dropped"}).net_sat("kraken") == 0
    assert moving_of({}).net_sat(None) == 0


def test_what_moves_within_an_exchange_is_no_flow_to_it() -> None:
    kraken = [{"name": "Kraken", "group": "Kraken"}]
    within = {"flow_type": "internal", "moved_sat": 5, "from_entities": kraken, "to_entities": kraken}
    change_back = within | {"from_entities": []}

    assert [moving_of(body).net_sat("Kraken") for body in (within, change_back)] == [0, 0]


def test_a_net_flow_that_crosses_its_limit_is_told_whole() -> None:
    watch = FlowWatch(entity=None, btc=Decimal("1.5"), hours=6)
    to, of = FlowWatch(entity="Kraken", btc=Decimal(2), hours=24), Decimal("1.5")
    limit = int(of * 10**8)

    crossed, inflow = flow_crossed(watch, frozenset(), limit + 1)
    assert inflow == [
        {
            "entity": None,
            "direction": "inflow",
            "net_sat": 150_000_001,
            "limit_sat": 150_000_000,
            "hours": 6,
            "words": "1.5 BTC net to exchanges within 6 h, over 1.5",
        }
    ]
    assert crossed == {"inflow  6 150000000"}
    _, outflow = flow_crossed(to, frozenset(), -300_000_000)
    assert outflow == [
        {
            "entity": "Kraken",
            "direction": "outflow",
            "net_sat": 300_000_000,
            "limit_sat": 200_000_000,
            "hours": 24,
            "words": "3 BTC net from Kraken within 24 h, over 2",
        }
    ]
    assert flow_crossed(watch, frozenset(), limit) == (frozenset(), [])


def test_a_fee_that_crosses_its_limit_is_told_whole() -> None:
    watch = Watch(fee_under=5.0, fee_over=50.0)
    crossed, facts = fees_crossed(watch, frozenset({"inflow  6 5"}), 4.5)

    assert facts == [
        {
            "direction": "under",
            "fee_rate": 4.5,
            "limit": 5.0,
            "words": "The next block costs 4.5 sat/vB, under 5",
        }
    ]
    assert crossed == {"inflow  6 5", "under 5.0"}
    assert (
        fees_crossed(watch, frozenset(), 5.0) == fees_crossed(watch, frozenset(), 50.0) == (frozenset(), [])
    )


@pytest.mark.parametrize(
    ("figure", "over", "back"),
    [(90.0, True, True), (90.1, True, False), (110.1, False, True), (109.9, False, False)],
)
def test_a_limit_counts_again_from_a_tenth_of_it_back(figure: float, *, over: bool, back: bool) -> None:
    crossed, new = crossing(frozenset({"it", "another"}), "it", figure, 100.0, over=over)

    assert (crossed == {"another"}, new) == (back, False)


@pytest.mark.parametrize(
    ("net", "words"),
    [(1, "0.00000001 BTC net to exchanges"), (-1, "0.00000001 BTC net from exchanges")],
)
def test_a_report_is_told_whole(net: int, words: str) -> None:
    end = datetime(2026, 10, 26, 7, tzinfo=UTC)
    moves = [
        Moving(flow=Flow.INFLOW if net > 0 else Flow.OUTFLOW, moved_sat=1),
        Moving(flow=Flow.UNKNOWN, moved_sat=7),
        Moving(flow=Flow.INFLOW, moved_sat=3, lost=True),
    ]
    facts = report_facts(
        moves,
        [],
        start=end - timedelta(days=1),
        end=end,
        zone=BERLIN,
        due=2,
        hit_rate=0.5,
        uptime_s=86_000.0,
    )

    assert facts == {
        "start": "2026-10-25T07:00:00.000Z",
        "end": "2026-10-26T07:00:00.000Z",
        "whales": 3,
        "net_flow_sat": net,
        "largest_sat": 7,
        "due": 2,
        "hit_rate": 0.5,
        "uptime_s": 86_000.0,
        "words": "3 whales from 2026-10-25 08:00 CET to 2026-10-26 08:00 CET\n"
        f"{words}\n2 forecasts came due, 50% on time",
    }


def test_a_report_is_due_after_the_last_and_not_at_it() -> None:
    eight = datetime(2026, 10, 26, 7, tzinfo=UTC)
    report = ReportAt(at=time(8))

    assert report_due(report, BERLIN, eight, eight) is None
    assert report_due(report, BERLIN, eight - timedelta(microseconds=1), eight) == eight


def test_a_report_is_due_by_the_day_in_its_own_zone() -> None:
    """On Kiritimati it is Monday already, and in Honolulu Sunday still, on that Sunday in UTC."""
    early, late = ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Honolulu")
    now = datetime(2026, 10, 25, 12, tzinfo=UTC)
    weekly, week = ReportAt(at=time(1), weekly=True), timedelta(days=7)

    assert report_due(weekly, early, now - week, now) == datetime(2026, 10, 25, 11, tzinfo=UTC)
    assert report_due(weekly, late, now - week, now) == datetime(2026, 10, 19, 11, tzinfo=UTC)
    daily = ReportAt(at=time(1))
    assert report_due(daily, early, now - week, now) == datetime(2026, 10, 25, 11, tzinfo=UTC)


def test_what_an_event_says_of_a_whale_is_read_from_its_own_fields() -> None:
    parties = {
        "from_entities": [{"name": "Cold Wallet", "group": "Kraken"}, {"name": None, "group": None}],
        "to_entities": [{"name": "Straße"}],
    }

    assert moving_of({"flow_type": "outflow", "moved_sat": 9, "status": "replaced", **parties}) == Moving(
        flow=Flow.OUTFLOW,
        moved_sat=9,
        lost=True,
        senders=frozenset({"cold wallet", "kraken"}),
        receivers=frozenset({"strasse"}),
    )
    assert moving_of({"moved_sat": None}) == Moving(flow=Flow.UNKNOWN, moved_sat=0)


def test_a_limit_is_named_by_all_that_makes_it_another() -> None:
    watch = FlowWatch(entity="Kraken", btc=Decimal("0.5"), hours=6)

    assert (watch.limit_sat, watch.named("inflow")) == (50_000_000, "inflow Kraken 6 50000000")
    assert replace(watch, entity=None).named("outflow") == "outflow  6 50000000"


def test_what_an_entity_sends_is_taken_from_what_it_receives() -> None:
    kraken = [{"name": "Kraken", "group": "Payward"}]
    sent = {"flow_type": "outflow", "moved_sat": 5, "from_entities": kraken}
    both = {"flow_type": "inter_exchange", "moved_sat": 5, "from_entities": kraken, "to_entities": kraken}

    assert [moving_of(sent).net_sat(name) for name in ("Kraken", "PAYWARD", "Binance", None)] == [
        -5,
        -5,
        0,
        -5,
    ]
    assert moving_of(both).net_sat("Kraken") == 0


def test_a_whale_counts_for_its_flow_its_amount_and_its_parties() -> None:
    party = Party(name="Cold Wallet", kind="exchange", basis="published", group="Kraken")
    seen = replace(a_classification(Flow.OUTFLOW, moved=9), from_entities=(party,), to_entities=())

    assert moving(a_prediction(1, classification=seen)) == Moving(
        flow=Flow.OUTFLOW, moved_sat=9, senders=frozenset({"cold wallet", "kraken"})
    )
