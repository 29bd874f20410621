"""Messages for a phone: the first line says it all, and no name does harm in any medium."""

import html
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from app.core.alerts import TEMPLATE_FIELDS, Message, Style, summary_of, template_faults, words_of
from app.core.alerts.phrases import one_line
from app.core.alerts.wording import LONGEST_TEMPLATE, fields_of, title_of
from app.core.events import EventType
from tests.core.alerts.builders import BEGINNING, BERLIN, an_event

STYLE = Style(zone=BERLIN, link="http://umbrel.local:3006")
WHALE: dict[str, Any] = {
    "txid": "ab" * 32,
    "status": "pending",
    "flow_type": "inflow",
    "moved_sat": 41_250_000_000,
    "moved_is": "certain",
    "urgency": "high",
    "urgency_score": 0.87,
    "from_entities": [],
    "to_entities": [{"name": "Binance", "kind": "exchange", "basis": "published"}],
    "predicted_block": 900_123,
    "predicted_at_height": 900_122,
    "confirmation_probability": {"1": 0.91, "2": 0.97},
    "fee_rate": 12.34,
    "effective_fee_rate": 15.0,
    "replaces": ["cd" * 32],
    "evidence": ["output 0 pays Binance (exchange; published): a receiver, 412.5 BTC"],
}
BARE = {"urgency": None, "predicted_block": None}
HOSTILE = [
    "<b>Binance</b>",
    "</b></a><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='x",
    "&lt;b&gt; & co",
    "a_b*c`d[e](http://x)",
    "Binance\r\nBcc: you@evil.example",
    "Binance\n\nSecond: line",
    "\u202egnp.exe",
    "\u2066left\u2069",
    "\u200fright",
    "zero\u200bwidth\ufeff",
    "nul\x00byte",
    "bell\x07\x1b[31mred",
    "line\u2028sep\u2029par",
    "$txid ${link} $$ $nothing",
    "{txid} %s %(x)s",
    "\u0642\u0631\u0635\u0627\u0646",
    "\u9be8" * 70,
    "x" * 300,
]


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        assert set(dict(attrs)) <= {"href"}


def said(type_: EventType = EventType.DETECTED, style: Style = STYLE, **changed: Any) -> Message:
    return words_of(type_, WHALE | changed, BEGINNING, style)


def test_the_first_line_says_it_all() -> None:
    assert said().title == "412.5 BTC to Binance, high urgency 0.87, next block (900,123) 91 %"


def test_the_first_line_has_the_chance_of_a_block_between_the_stated_ones() -> None:
    title = said(predicted_block=900_126, confidence_score=0.83).title

    assert title == "412.5 BTC to Binance, high urgency 0.87, by block 900,126 (4 blocks) 83 %"


def test_below_it_stands_what_supports_it() -> None:
    assert said().text.splitlines() == [
        "Urgency: high, score 0.87",
        "Expected: next block (900,123) 91 %",
        "Fee: 12.3 sat/vB, 15 with its package",
        "It was replaced once",
        "output 0 pays Binance (exchange; published): a receiver, 412.5 BTC",
        f"txid {'ab' * 32}",
        f"http://umbrel.local:3006/tx/{'ab' * 32}",
    ]


@pytest.mark.parametrize(
    ("type_", "changed", "title"),
    [
        (EventType.DETECTED, {**BARE, "moved_is": "up_to"}, "up to 412.5 BTC to Binance"),
        (EventType.DETECTED, {**BARE, "moved_sat": None}, "A whale to Binance"),
        (
            EventType.DETECTED,
            {
                **BARE,
                "moved_sat": 0,
                "moved_is": "up_to",
                "moved_high_sat": 7 * 10**10,
                "flags": ["coinjoin"],
            },
            "up to 700 BTC to Binance",
        ),
        (
            EventType.CONFIRMED,
            {"status": "confirmed", "confirmed_height": 900_124},
            "Confirmed: 412.5 BTC to Binance in block 900,124",
        ),
        (EventType.DROPPED, {"status": "dropped", "reason": "expired"}, "Dropped: 412.5 BTC to Binance"),
        (EventType.DETECTED, {**BARE, "to_entities": []}, "412.5 BTC between unknown owners"),
        (
            EventType.DETECTED,
            {"predicted_block": 900_125, "urgency": "low", "urgency_score": None},
            "412.5 BTC to Binance, low urgency, by block 900,125 (3 blocks)",
        ),
        (EventType.DETECTED, {**BARE, "flags": ["late_seen"]}, "412.5 BTC to Binance, seen late"),
    ],
)
def test_what_is_unknown_is_left_out(type_: EventType, changed: dict[str, Any], title: str) -> None:
    assert said(type_, **changed).title == title


def test_without_leave_no_explorer_is_named() -> None:
    words = said(style=Style(zone=BERLIN))

    assert "http" not in words.text + words.html


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("template", [None, "$title\n$receivers"])
def test_a_hostile_name_does_no_harm(name: str, template: str | None) -> None:
    party = {"name": name, "kind": "exchange", "basis": "own label"}
    words = said(
        style=Style(zone=BERLIN, link=STYLE.link, template=template),
        to_entities=[party],
        evidence=[f"pays {name} (exchange)"],
    )

    assert set(Tags(words.html).found) <= {"b", "a"}
    assert "\n" not in words.title
    controls = r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
    assert re.search(controls, words.title + words.text + words.html) is None
    assert len(words.title) <= 200


@pytest.mark.parametrize(
    ("type_", "body", "words"),
    [
        (
            EventType.SOURCE_DEGRADED,
            {"rung": "blind", "since": "2026-10-24T12:00:00.000Z", "reason": "the backend is away"},
            "nothing of the mempool is seen",
        ),
        (EventType.SOURCE_RECOVERED, {"rung": "live", "reason": None}, "everything is seen"),
        (
            EventType.ACCURACY_DEGRADED,
            {"window": "24h", "n": 40, "hit_rate": 0.5, "threshold": 0.7, "words": "fees jumped"},
            "50% of 40 forecasts on time",
        ),
        (EventType.ACCURACY_RECOVERED, {"window": "24h", "n": 40, "hit_rate": 0.9}, "90% of 40"),
        (
            EventType.MEMORY_PRESSURE,
            {"rss_mb": 410.0, "limit_mb": 500, "shed": 3, "pending": 9},
            "410.0 of 500 MB",
        ),
        (EventType.FEES_SPIKED, {"next_block_median": 88.0, "tip_height": 900_000}, "88 sat/vB"),
        (
            EventType.ENDPOINT_DISABLED,
            {"name": "my phone", "because": "it failed for 5 days"},
            "my phone was disabled",
        ),
    ],
)
def test_events_about_spout_itself_have_words_of_their_own(
    type_: EventType, body: dict[str, Any], words: str
) -> None:
    found = words_of(type_, body, BEGINNING, STYLE)

    assert words in found.title
    assert found.text.endswith("2026-10-24 14:00 CEST")


def test_the_value_stands_first_below_it_where_a_price_is_known() -> None:
    valued = said(value_fiat={"currency": "EUR", "amount": 37_125_000.4})

    assert valued.text.splitlines()[0] == "Value: 37,125,000 EUR"


def test_a_template_that_an_event_leaves_empty_gives_way_to_the_usual_text() -> None:
    assert said(style=Style(zone=BERLIN, template="$value\n$reason")) == said(style=Style(zone=BERLIN))


def test_a_template_has_every_field_as_text() -> None:
    template = "\n".join(f"{name}=${name}" for name in TEMPLATE_FIELDS)

    assert template_faults(template) == ""
    assert "$" not in said(style=Style(zone=BERLIN, template=template)).text


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("$titel", "which is unknown"),
        ("100 $", "begins no name"),
        ("x" * 4_097, "4096 bytes"),
        ("\u00e9" * 2_049, "4096 bytes"),
    ],
)
def test_what_of_a_template_cannot_be_filled_in_is_said(template: str, words: str) -> None:
    assert words in template_faults(template)


def test_every_unknown_name_of_a_template_is_said_with_the_nearest() -> None:
    assert template_faults("$titel, $foo ${amuont} $amount $") == (
        "names $titel, which is unknown (did you mean $title or $time?), and "
        "names $foo, which is unknown (did you mean $flow?), and "
        "names $amuont, which is unknown (did you mean $amount or $reason?), and "
        "has a $ that begins no name: write $$ for the sign itself"
    )


def test_since_when_a_source_is_lost_is_said_by_the_clock_on_the_wall() -> None:
    lost = {"rung": "blind", "since": "2026-10-24T12:00:00.000Z", "reason": "away"}

    assert "Since 2026-10-24 14:00 CEST." in words_of(EventType.SOURCE_DEGRADED, lost, BEGINNING, STYLE).text


@pytest.mark.parametrize(
    ("changed", "route"),
    [
        ({"from_entities": [{"name": "Kraken"}]}, "Kraken to Binance"),
        ({"from_entities": [{"name": "Kraken"}], "to_entities": []}, "from Kraken"),
        ({"flow_type": "internal"}, "within Binance"),
        ({"flow_type": "internal", "to_entities": []}, "within one owner"),
        ({"to_entities": []}, "between unknown owners"),
    ],
)
def test_who_pays_whom_is_said_as_far_as_it_is_known(changed: dict[str, Any], route: str) -> None:
    assert f"BTC {route}" in said(**changed).title


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"replaces": []}, None),
        ({"replaces": [], "rbf_signaled": True}, "replaceable"),
        ({"replaces": [], "rbf_signaled": True, "status": "confirmed"}, None),
        ({}, "replaced once"),
        ({"replaces": ["cd" * 32, "ef" * 32]}, "replaced 2 times"),
    ],
)
def test_it_is_said_that_a_waiting_whale_may_be_replaced_until_it_was(
    changed: dict[str, Any], words: str | None
) -> None:
    text = said(**changed).text

    assert re.findall(r"replace\w+(?: once| \d+ times)?", text) == ([] if words is None else [words])


def test_of_a_fee_that_is_not_known_nothing_is_said() -> None:
    assert "sat/vB" in said().text
    assert "sat/vB" not in said(fee_rate=None, effective_fee_rate=None).text


def test_a_since_that_is_no_moment_is_said_as_it_stands() -> None:
    body = {"rung": "blind", "since": "a while ago"}

    assert "Since a while ago." in words_of(EventType.SOURCE_DEGRADED, body, BEGINNING, STYLE).text


def test_an_event_has_the_same_first_line_in_a_summary_as_in_its_own_message() -> None:
    fees = {"words": "Fees fell: 3 sat/vB\nfor the next block"}

    assert title_of(EventType.DETECTED, WHALE) == said().title
    assert title_of(EventType.DROPPED, WHALE | {"status": "dropped"}) == "Dropped: 412.5 BTC to Binance"
    assert title_of(EventType.FEES_CROSSED, fees) == "Fees fell: 3 sat/vB"
    assert words_of(EventType.FEES_CROSSED, fees, BEGINNING, STYLE).title == "Fees fell: 3 sat/vB"


def test_a_test_says_that_it_is_one() -> None:
    found = words_of(EventType.TEST, {"words": "It works."}, BEGINNING, STYLE)

    assert (found.title, "It works." in found.text) == ("Test of Spout", True)


def test_a_name_in_a_template_that_is_like_no_field_is_answered_with_all_of_them() -> None:
    known = ", ".join(f"${name}" for name in TEMPLATE_FIELDS)

    assert template_faults("$qqqqqqqq") == f"names $qqqqqqqq, which is unknown (known are {known})"


@pytest.mark.parametrize(("kinds", "last"), [(5, "e"), (7, "and 2 more")])
def test_a_summary_names_five_of_what_it_held_back_about_spout_itself(kinds: int, last: str) -> None:
    """Fees that crossed a limit are told by their own words: each is another title."""
    held = [an_event(n, EventType.FEES_CROSSED, None, words="abcdefg"[n], sequence=n) for n in range(kinds)]

    words = summary_of(EventType.ALERT_DIGEST, held, BEGINNING, BEGINNING)["words"].split("\n")

    assert words[1] == f"{kinds} about Spout itself or the fee market"
    assert (len(words), words[-1]) == (2 + min(kinds, 6), last)


@pytest.mark.parametrize(("whales", "last"), [(1, "likely 150 BTC to Kraken"), (6, "and 1 more")])
def test_a_summary_names_the_five_largest_whales_that_it_held_back(whales: int, last: str) -> None:
    held = [an_event(n, whale=f"wh_{n}", moved_is="likely", sequence=n) for n in range(whales)]

    words = summary_of(EventType.ALERT_SUMMARY, held, BEGINNING, BEGINNING)["words"].split("\n")

    assert (len(words), words[-1]) == (2 + whales, last)


AT_WALL = "2026-10-24 14:00 CEST"
WHOLE: list[tuple[EventType, dict[str, Any], str, str]] = [
    (
        EventType.SOURCE_DEGRADED,
        {"rung": "blind", "since": "2026-10-24T12:00:00.000Z", "reason": "the backend is away"},
        "Source degraded: nothing of the mempool is seen",
        f"the backend is away\nSince {AT_WALL}. `spout doctor` and the System page say what to do.",
    ),
    (
        EventType.SOURCE_DEGRADED,
        {"rung": "polling"},
        "Source degraded: less is seen (polling)",
        "Since . `spout doctor` and the System page say what to do.",
    ),
    (
        EventType.SOURCE_DEGRADED,
        {},
        "Source degraded: less is seen ()",
        "Since . `spout doctor` and the System page say what to do.",
    ),
    (
        EventType.SOURCE_RECOVERED,
        {"rung": "live", "reason": "it is back"},
        "Source recovered: everything is seen",
        "it is back",
    ),
    (EventType.SOURCE_RECOVERED, {"rung": "polling"}, "Source recovered: more is seen (polling)", ""),
    (EventType.SOURCE_RECOVERED, {}, "Source recovered: more is seen ()", ""),
    (
        EventType.ACCURACY_DEGRADED,
        {"window": "24h", "n": 40, "hit_rate": 0.5, "threshold": 0.7, "words": "fees jumped"},
        "Accuracy fell: 50% of 40 forecasts on time",
        "fees jumped\nOver the last 24h; you asked to be told below 70%.",
    ),
    (EventType.ACCURACY_DEGRADED, {"window": "7d"}, "Accuracy fell: Forecasts", "Over the last 7d."),
    (
        EventType.ACCURACY_RECOVERED,
        {"n": 40, "hit_rate": 0.9, "words": "it held"},
        "Accuracy is back: 90% of 40 forecasts on time",
        "it held",
    ),
    (EventType.ACCURACY_RECOVERED, {}, "Accuracy is back", ""),
    (
        EventType.MEMORY_PRESSURE,
        {"rss_mb": 410.0, "limit_mb": 500, "shed": 3, "pending": 9},
        "Memory is short: 410.0 of 500 MB",
        "3 waiting whales were put aside, 9 stay; nothing is lost.\n"
        "If it comes often: raise SPOUT_MEMORY_LIMIT_MB, or the threshold.",
    ),
    (
        EventType.FEES_SPIKED,
        {"next_block_median": 88.0, "tip_height": 900_000, "words": "five times as much"},
        "Fees spiked: 88 sat/vB for the next block",
        "five times as much\nAt height 900,000. Forecasts are made anew; what is not urgent may wait.",
    ),
    (EventType.FEES_SPIKED, {}, "Fees spiked", "Forecasts are made anew; what is not urgent may wait."),
    (
        EventType.ENDPOINT_DISABLED,
        {"name": "my phone", "because": "it failed for 5 days"},
        "Endpoint my phone was disabled",
        "it failed for 5 days\nMend its address, then enable it again: what waits for it is sent.",
    ),
    (
        EventType.ENDPOINT_DISABLED,
        {"name": "my phone"},
        "Endpoint my phone was disabled",
        "Mend its address, then enable it again: what waits for it is sent.",
    ),
    (EventType.TEST, {"words": "It works."}, "Test of Spout", "It works."),
    (EventType.TEST, {}, "Test of Spout", ""),
    *(
        (type_, {"words": "first\nsecond\nthird"}, "first", "second\nthird")
        for type_ in (
            EventType.ALERT_DIGEST,
            EventType.ALERT_SUMMARY,
            EventType.FEES_CROSSED,
            EventType.FLOW_CROSSED,
            EventType.REPORT_PERIODIC,
        )
    ),
    (EventType.ALERT_DIGEST, {}, "", ""),
]


@pytest.mark.parametrize(("type_", "body", "title", "text"), WHOLE)
def test_the_words_about_spout_itself_are_these(
    type_: EventType, body: dict[str, Any], title: str, text: str
) -> None:
    whole = f"{text}\n{AT_WALL}".lstrip()

    assert words_of(type_, body, BEGINNING, STYLE) == Message(
        title, whole, f"<b>{title}</b>\n{html.escape(whole)}"
    )
    assert title_of(type_, body) == title


def test_a_whale_in_html_is_its_title_its_text_and_the_explorer() -> None:
    words = said(reason='it <expired> & "more"', value_fiat={"currency": "EUR", "amount": 5.0})
    url = f"http://umbrel.local:3006/tx/{'ab' * 32}"
    *text, last = words.text.split("\n")

    assert last == url
    assert words.html == "\n".join(
        [f"<b>{words.title}</b>", *(html.escape(line) for line in text), f'<a href="{url}">{url}</a>']
    )
    assert "Why: it &lt;expired&gt; &amp; &quot;more&quot;" in words.html


def test_in_a_template_the_text_stands_alone() -> None:
    style = Style(zone=BERLIN, link=STYLE.link, template="<$title>\n$link")
    title, url = said().title, f"http://umbrel.local:3006/tx/{'ab' * 32}"
    text = f"<{title}>\n{url}"

    assert said(style=style) == Message(title, text, html.escape(text))


FIELDS = {
    "title": "412.5 BTC to Binance, high urgency 0.87, next block (900,123) 91 %",
    "type": "whale.detected",
    "status": "pending",
    "time": AT_WALL,
    "amount": "412.5 BTC",
    "value": "",
    "flow": "inflow",
    "route": "to Binance",
    "senders": "",
    "receivers": "Binance",
    "urgency": "high",
    "score": "0.87",
    "forecast": "next block (900,123) 91 %",
    "block": "",
    "fee": "12.3 sat/vB, 15 with its package",
    "replaced": "replaced once",
    "reason": "",
    "evidence": "output 0 pays Binance (exchange; published): a receiver, 412.5 BTC",
    "txid": "ab" * 32,
    "link": f"http://umbrel.local:3006/tx/{'ab' * 32}",
}
CHANGED: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {}),
    ({"confirmed_height": 900_124}, {"block": "900,124"}),
    ({"confirmed_height": 0}, {"block": "0"}),
    ({"txid": None}, {"txid": "", "link": ""}),
    (
        {"urgency_score": 0},
        {"score": "0.00", "title": "412.5 BTC to Binance, high urgency 0.00, next block (900,123) 91 %"},
    ),
    ({"reason": "it\nexpired"}, {"reason": "it expired"}),
    ({"evidence": ["one", "two\nlines", "three", "four"]}, {"evidence": "one\ntwo lines\nthree"}),
    ({"evidence": None}, {"evidence": ""}),
    ({"evidence": ["x" * 400]}, {"evidence": one_line("x" * 400, 300)}),
    ({"status": "confirmed"}, {"status": "confirmed", "forecast": "", "title": "412.5 BTC to Binance"}),
    ({"status": None}, {"status": "", "forecast": "", "title": "412.5 BTC to Binance"}),
    ({"flow_type": None}, {"flow": ""}),
    (
        {"urgency": None, "urgency_score": None},
        {"urgency": "", "score": "", "title": "412.5 BTC to Binance, next block (900,123) 91 %"},
    ),
    (
        {"from_entities": [{"name": "Kraken"}], "flags": ["late_seen"]},
        {
            "senders": "Kraken",
            "route": "Kraken to Binance",
            "title": "412.5 BTC Kraken to Binance, high urgency 0.87, next block (900,123) 91 %, seen late",
        },
    ),
]


@pytest.mark.parametrize(("changed", "fields"), CHANGED)
def test_a_template_may_name_these_and_each_says_one_thing(
    changed: dict[str, Any], fields: dict[str, str]
) -> None:
    assert fields_of(EventType.DETECTED, WHALE | changed, BEGINNING, STYLE) == FIELDS | fields
    assert list(FIELDS) == list(TEMPLATE_FIELDS)


def test_without_an_explorer_there_is_no_link_to_name() -> None:
    fields = fields_of(EventType.DETECTED, WHALE, BEGINNING, Style(zone=BERLIN))

    assert fields == FIELDS | {"link": ""}


@pytest.mark.parametrize(
    ("type_", "before"),
    [
        (EventType.DETECTED, ""),
        (EventType.UPDATED, "Now: "),
        (EventType.REPLACED, "Replaced: "),
        (EventType.CONFIRMED, "Confirmed: "),
        (EventType.DROPPED, "Dropped: "),
        (EventType.CONFLICTED, "In conflict: "),
        (EventType.REORGED, "Waiting again after a reorganisation: "),
    ],
)
def test_what_became_of_a_whale_stands_before_it(type_: EventType, before: str) -> None:
    assert said(type_, status="over").title == f"{before}412.5 BTC to Binance"


def test_of_a_whale_everything_that_is_known_stands_below_its_first_line() -> None:
    known = said(
        EventType.CONFIRMED,
        status="confirmed",
        confirmed_height=900_124,
        urgency_score=None,
        reason="it is in the chain",
        value_fiat={"currency": "EUR", "amount": 37_125_000.4},
        replaces=["cd" * 32, "ef" * 32],
    )

    assert known.title == "Confirmed: 412.5 BTC to Binance in block 900,124"
    assert known.text.split("\n") == [
        "Value: 37,125,000 EUR",
        "Urgency: high, score unknown",
        "Fee: 12.3 sat/vB, 15 with its package",
        "It was replaced 2 times",
        "Why: it is in the chain",
        "output 0 pays Binance (exchange; published): a receiver, 412.5 BTC",
        f"txid {'ab' * 32}",
        f"http://umbrel.local:3006/tx/{'ab' * 32}",
    ]
    assert "It is replaceable\n" in said(replaces=[], rbf_signaled=True).text


def test_of_a_whale_of_which_nothing_is_known_only_the_first_line_is_left() -> None:
    words = words_of(EventType.DETECTED, {}, BEGINNING, STYLE)

    assert words == Message("A whale between unknown owners", "", "<b>A whale between unknown owners</b>\n")


def test_a_confirmed_whale_of_unknown_height_is_said_without_it() -> None:
    assert said(EventType.CONFIRMED, status="confirmed").title == "Confirmed: 412.5 BTC to Binance"


def test_a_template_may_be_as_long_as_its_limit() -> None:
    assert template_faults("x" * LONGEST_TEMPLATE) == ""
    assert template_faults("x" * (LONGEST_TEMPLATE + 1)) == "must be at most 4096 bytes long"
    assert LONGEST_TEMPLATE == 4_096


def test_a_name_that_is_too_long_is_cut_where_it_is_called_unknown() -> None:
    assert template_faults("$" + "q" * 60).startswith(
        f"names ${'q' * 50}, which is unknown (known are $title, "
    )
    assert template_faults("$TITLE") == "names $TITLE, which is unknown (did you mean $title or $time?)"


def test_quotes_in_a_name_or_an_address_end_no_attribute() -> None:
    name, link = 'the "old" lady\'s', "http://x/\"'"
    words = said(style=Style(zone=BERLIN, link=link), to_entities=[{"name": name}])
    url = html.escape(f"{link}/tx/{'ab' * 32}", quote=True)

    assert words.html.startswith(f"<b>{html.escape(words.title, quote=True)}</b>\n")
    assert words.html.endswith(f'<a href="{url}">{url}</a>')
    assert words.html.count('"') == 2


@pytest.mark.parametrize(
    ("name", "near"), [("re", "$score or $route or $reason"), ("te", "$type or $time or $title")]
)
def test_of_what_is_near_an_unknown_name_three_are_said(name: str, near: str) -> None:
    assert template_faults(f"${name}") == f"names ${name}, which is unknown (did you mean {near}?)"
