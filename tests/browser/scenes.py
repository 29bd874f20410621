"""Whole scenes for screenshots and for looking at the page by hand."""

import math
import random
from dataclasses import replace
from datetime import timedelta

from app.core.classification import Flag, Flow, MovedIs
from app.core.prediction import Outcome, Prediction, Status
from app.core.units import Height
from app.views import ComponentStatus, Level
from dashboard.feed.samples import Sample, SystemMemory
from tests.browser.sea import TIP, Sea, a_whale

EXCHANGES = ("Coinbase", "Binance", "Kraken", "OKX", "Bitfinex", "Gemini", "Bybit", "Bitstamp")


def harbour(sea: Sea) -> list[Prediction]:
    """An ordinary hour: six that wait, each of another kind, and a day of what came true."""
    ago = lambda seconds: sea.now - timedelta(seconds=seconds)  # noqa: E731
    whales = [
        a_whale(
            "a",
            1_204.80,
            ago(12),
            flow=Flow.INFLOW,
            target="Coinbase",
            rate=18.4,
            ahead=1,
            flags=(Flag.CPFP,),
        ),
        a_whale("b", 412.5, ago(48), flow=Flow.OUTFLOW, source="Binance", rate=9.1, ahead=1, gross=646.2),
        a_whale(
            "c", 150, ago(130), flow=Flow.INTER_EXCHANGE, source="Kraken", target="OKX", rate=3.1, ahead=3
        ),
        a_whale(
            "d",
            2_310,
            ago(310),
            flow=Flow.INTERNAL,
            source="Bitfinex",
            target="Bitfinex",
            rate=2.5,
            ahead=4,
            flags=(Flag.CONSOLIDATION,),
        ),
        a_whale("e", 118.37, ago(560), rate=1.25, ahead=12, high=231.0),
        a_whale(
            "f",
            305.11,
            ago(1_890),
            flow=Flow.INFLOW,
            target="Bybit",
            rate=0.4,
            ahead=None,
            flags=(Flag.CONFLICT, Flag.LATE_SEEN),
        ),
        a_whale("g", 101.02, ago(4), rate=None, forecast=False, moved_is=MovedIs.LIKELY, gross=140.0),
    ]
    sea.appear(*whales)
    sea.bump(whales[2], rate=3.2, ahead=3)
    for name, btc, minutes, flow, source, target, said, took in (
        ("h", 540.02, 3, Flow.INFLOW, None, "Gemini", 1, 1),
        ("i", 129.9, 3, Flow.OUTFLOW, "Coinbase", None, 1, 1),
        ("j", 1_000, 14, Flow.UNKNOWN, None, None, 2, 3),
        ("k", 233.45, 25, Flow.INTER_EXCHANGE, "Binance", "Kraken", 3, 3),
        ("l", 187.1, 41, Flow.INFLOW, None, "Binance", 6, 4),
    ):
        whale = a_whale(
            name, btc, ago(60 * minutes + 540 * took), flow=flow, source=source, target=target, ahead=said
        )
        _past(sea, whale, minutes=minutes, took=took)
    gone = a_whale("m", 260, ago(4_000), rate=1.0, ahead=6)
    sea.appear(gone)
    sea.drop(gone, "a conflicting transaction was mined")
    _back(sea, gone, minutes=33)
    never = a_whale("n", 333.3, ago(60 * 52), forecast=False, flow=Flow.OUTFLOW, source="Bitstamp")
    _past(sea, replace(never, first_seen_in_block=True), minutes=52, took=1)
    week(sea)
    return whales


def week(sea: Sea, count: int = 420) -> None:
    """Seven days of ended whales, for the charts of the past."""
    chance = random.Random(7)
    for number in range(count):
        minutes = 60 + number / count * 7 * 24 * 60 + chance.random() * 20
        flow = chance.choices(list(Flow), weights=(30, 26, 8, 9, 27))[0]
        btc = round(math.exp(chance.gauss(5.4, 0.8)) + 100, 2)
        rate = round(math.exp(chance.gauss(1.3, 0.7)), 2)
        whale = a_whale(
            f"week{number}",
            btc,
            sea.now - timedelta(minutes=minutes + chance.expovariate(1 / 18)),
            flow=flow,
            source=chance.choice(EXCHANGES)
            if flow in {Flow.OUTFLOW, Flow.INTERNAL, Flow.INTER_EXCHANGE}
            else None,
            target=chance.choice(EXCHANGES) if flow in {Flow.INFLOW, Flow.INTER_EXCHANGE} else None,
            rate=rate,
            ahead=chance.choice((1, 1, 2, 3)),
        )
        ended = replace(
            whale,
            status=Status.CONFIRMED,
            confirmed_height=Height(TIP - int(minutes / 10)),
            confirmed_at=sea.now - timedelta(minutes=minutes),
            ended_at=sea.now - timedelta(minutes=minutes),
            outcome=Outcome.ON_TIME if chance.random() < 0.9 else Outcome.LATE,
        )
        sea.past.older.append(ended)
    latest = [one for one in sea.past.older if sea.now - (one.ended_at or sea.now) < timedelta(hours=8)]
    sea.show(
        ended=(*sea.snapshot.ended, *sorted(latest, key=lambda one: one.ended_at or sea.now, reverse=True))
    )
    sea.past.older = [one for one in sea.past.older if one not in latest]


def _past(sea: Sea, whale: Prediction, *, minutes: float, took: int) -> None:
    first = whale.first_forecast
    height = TIP - int(minutes / 10)
    if first is not None and first.predicted_block is not None:
        ahead = first.predicted_block - first.at_height
        made = replace(first, at_height=Height(height - took), predicted_block=Height(height - took + ahead))
        whale = replace(whale, first_forecast=made, forecasts=(made,))
    sea.appear(whale)
    tip = sea.snapshot.tip
    sea.block(whale, height=height)
    sea.show(tip=tip, tip_seen_at=sea.now - timedelta(minutes=3))
    _back(sea, whale, minutes=minutes)


def _back(sea: Sea, whale: Prediction, *, minutes: float) -> None:
    ended = sea.now - timedelta(minutes=minutes)
    confirmed = ended if sea.find(whale).confirmed_at else None
    sea.change(whale, ended_at=ended, confirmed_at=confirmed)


def an_evening_of_samples(memory: SystemMemory, sea: Sea) -> None:
    """Six hours of a machine at work, with one bad quarter of an hour."""
    chance = random.Random(3)
    memory.samples.clear()
    for step in range(1_080):
        at = sea.now - timedelta(seconds=20 * (1_080 - step))
        bad = 500 < step < 545
        memory.samples.append(
            Sample(
                at=at,
                rss_mb=118 + 24 * math.sin(step / 170) + step / 60 + chance.uniform(-2, 2),
                rate=0.0 if bad else max(0.0, 5.2 + 2.4 * math.sin(step / 90) + chance.gauss(0, 0.7)),
                lag_ms=chance.expovariate(1 / 1.6) + (9 if bad else 0),
            )
        )


def trouble_and_back(sea: Sea) -> None:
    """The stream is lost for a while and comes again."""
    whole = sea.snapshot.components
    began = sea.now - timedelta(hours=2, minutes=58)
    lost = replace(
        whole[0],
        status=ComponentStatus.FAILED,
        since=began,
        error="connection refused (127.0.0.1:8999); is it up?",
    )
    sea.show(
        components=(lost, *whole[1:]),
        level=Level.POLLING,
        level_since=began,
        level_reason="the stream is down",
    )
    sea.show(components=whole, level=Level.LIVE, level_since=whole[0].since, level_reason=None)
