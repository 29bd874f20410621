"""What a digest and a summary say of what was held back."""

from datetime import timedelta

from app.core.alerts import summary_of
from app.core.events import EventType
from tests.core.alerts.builders import BEGINNING, an_event

END = BEGINNING + timedelta(hours=1)


def test_one_alert_held_back_is_told_whole() -> None:
    assert summary_of(EventType.ALERT_DIGEST, [an_event(5, moved_is="likely")], BEGINNING, END) == {
        "start": "2026-10-24T12:00:00.000Z",
        "end": "2026-10-24T13:00:00.000Z",
        "count": 1,
        "moved_sat": 15_000_000_000,
        "prediction_ids": ["wh_1"],
        "words": "1 alert held back in quiet hours\n1 whale, 150 BTC together\nlikely 150 BTC to Kraken",
    }


def test_several_are_told_whole_each_whale_once_as_it_was_last_and_the_largest_first() -> None:
    held = [
        an_event(0, whale="wh_1", sequence=1),
        an_event(1, whale="wh_2", sequence=2, moved_sat=300 * 10**8),
        an_event(2, EventType.CONFIRMED, "wh_1", sequence=3, moved_sat=200 * 10**8),
        an_event(3, whale="wh_3", sequence=4, moved_sat=None),
        an_event(4, EventType.FEES_SPIKED, None, sequence=5),
        an_event(5, EventType.FEES_SPIKED, None, sequence=6),
    ]

    assert summary_of(EventType.ALERT_SUMMARY, held, BEGINNING, END) == {
        "start": "2026-10-24T12:00:00.000Z",
        "end": "2026-10-24T13:00:00.000Z",
        "count": 6,
        "moved_sat": 50_000_000_000,
        "prediction_ids": ["wh_1", "wh_2", "wh_3"],
        "words": "6 alerts held back over the hourly budget\n3 whales, 500 BTC together\n"
        "300 BTC to Kraken\n200 BTC to Kraken\n2 about Spout itself or the fee market\nFees spiked",
    }


def test_five_whales_are_named_and_of_more_how_many_there_are() -> None:
    held = [an_event(n, whale=f"wh_{n}", sequence=n, moved_sat=(100 + n) * 10**8) for n in range(6)]
    five, six = (summary_of(EventType.ALERT_DIGEST, held[:number], BEGINNING, END) for number in (5, 6))

    assert five["words"].split("\n")[2:] == [f"{100 + n} BTC to Kraken" for n in (4, 3, 2, 1, 0)]
    assert six["words"].split("\n")[2:] == [
        *(f"{100 + n} BTC to Kraken" for n in (5, 4, 3, 2, 1)),
        "and 1 more",
    ]


def test_no_more_than_a_hundred_whales_are_listed() -> None:
    held = [an_event(n, whale=f"wh_{n}", sequence=n) for n in range(101)]
    facts = summary_of(EventType.ALERT_DIGEST, held, BEGINNING, END)

    assert (facts["count"], facts["prediction_ids"]) == (101, [f"wh_{n}" for n in range(100)])
