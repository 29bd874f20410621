"""When a changed forecast is news, and what becomes known of a fee only later."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from app.core.observations import ClockStepped, PackageReply, ProjectedTransaction, QueueProjected
from app.core.prediction import Forecast, Prediction, Status, Urgency
from app.core.tracking.beliefs import MATERIAL_CHANCE
from app.core.units import Height, SatPerVb
from tests.builders import START_HEIGHT, a_block, a_whale
from tests.core.story import WS, Story, a_forecast, forecasting

WHALE = a_whale(150)
QUEUE = QueueProjected(blocks=(), source=WS)
MARKET = a_forecast(WHALE.txid)


class Market:
    """Forecasts what it is told to; None: it knows nothing yet."""

    spiking = False

    def __init__(self, says: Forecast | None = MARKET) -> None:
        self.says = says
        self.has_moved = True
        self.published_at: list[datetime] = []

    def moved(self, _at: datetime) -> bool:
        return self.has_moved

    def mark_published(self, at: datetime) -> None:
        self.published_at.append(at)

    def forecast(self, whales: Sequence[Prediction], at: datetime) -> Sequence[Forecast | None]:
        return [self.says and replace(self.says, made_at=at, txid=whale.txid) for whale in whales]


def begun(market: Market) -> Story:
    story = Story(forecast_source=market)
    story.start()
    story.seen(WHALE)
    return story


def news(changed: dict[str, object], *, before: Forecast | None = MARKET) -> list[str]:
    """What is published when the forecast changes so from `before`."""
    market = Market(before)
    story = begun(market)
    market.says = replace(MARKET, **changed)
    return story.receive(QUEUE)


@pytest.mark.parametrize(
    "changed",
    [
        {"predicted_block": Height(START_HEIGHT + 2)},
        {"predicted_block": None},
        {"urgency": Urgency.HIGH},
        {"confidence_score": 0.8 - MATERIAL_CHANCE - 0.01},
        {"confidence_score": None},
    ],
)
def test_a_forecast_of_another_block_urgency_or_chance_is_news(changed: dict[str, object]) -> None:
    assert news(changed) == ["updated"]


@pytest.mark.parametrize(
    "changed", [{}, {"eta_seconds": 60}, {"confidence_score": 0.8 - MATERIAL_CHANCE + 0.01}]
)
def test_a_forecast_that_says_about_the_same_is_no_news(changed: dict[str, object]) -> None:
    assert news(changed) == []


def test_a_confidence_that_stays_unknown_is_no_news_and_one_that_is_known_at_last_is() -> None:
    unsure = replace(MARKET, confidence_score=None)

    assert news({"confidence_score": None}, before=unsure) == []
    assert news({}, before=unsure) == ["updated"]


def test_the_first_forecast_of_a_whale_that_had_none_is_news() -> None:
    assert news({}, before=None) == ["updated"]


def test_what_the_market_knows_no_more_takes_no_forecast_back() -> None:
    market = Market()
    story = begun(market)
    market.says = None

    assert story.receive(QUEUE) == []
    assert story.only.forecast is not None


def test_while_the_market_stands_still_nothing_is_forecast_anew() -> None:
    market = Market()
    story = begun(market)
    market.says, market.has_moved = replace(MARKET, urgency=Urgency.HIGH), False

    assert (story.receive(QUEUE), market.published_at) == ([], [])
    market.has_moved = True
    assert (story.receive(QUEUE), market.published_at) == (["updated"], [story.at])


def test_a_fee_that_becomes_known_only_later_is_published_with_a_forecast() -> None:
    market = Market(None)
    story, known = Story(forecast_source=market), replace(WHALE, package_feerate=SatPerVb(12.0))
    story.start()
    story.seen(replace(WHALE, fee=None, vsize=None))
    market.says = MARKET

    assert story.seen(known) == ["updated"]
    assert (story.only.tx.fee, story.only.tx.vsize) == (WHALE.fee, WHALE.vsize)
    assert (story.only.package_feerate, story.only.forecast is not None) == (12.0, True)


@pytest.mark.parametrize("how", ["seen again", "a line of a projected block"])
def test_a_package_feerate_that_a_source_reports_of_a_waiting_whale_is_taken(how: str) -> None:
    story = begun(Market())
    for rate in (20.0, 30.0):
        if how == "seen again":
            types = story.seen(replace(WHALE, package_feerate=SatPerVb(rate)))
        else:
            types = story.receive(
                ProjectedTransaction(
                    txid=WHALE.txid,
                    value=WHALE.gross,
                    fee=WHALE.fee,
                    vsize=WHALE.vsize,
                    package_feerate=SatPerVb(rate),
                    source=WS,
                )
            )
        assert story.only.package_feerate == rate

    assert types == ["updated"]


def test_a_first_package_feerate_is_published_if_it_is_not_its_own() -> None:
    story = begun(Market())
    assert WHALE.feerate is not None

    assert story.receive(a_package(WHALE.feerate)) == []
    assert story.only.package_feerate == WHALE.feerate
    assert begun(Market()).receive(a_package(SatPerVb(WHALE.feerate * 4))) == ["updated"]


def a_package(feerate: SatPerVb) -> PackageReply:
    return PackageReply(txid=WHALE.txid, package_feerate=feerate, related=1, source=WS)


def test_a_line_without_a_package_or_of_a_confirmed_whale_changes_nothing() -> None:
    story = begun(Market())
    line = ProjectedTransaction(
        txid=WHALE.txid, value=WHALE.gross, fee=WHALE.fee, vsize=WHALE.vsize, package_feerate=None, source=WS
    )
    before = story.only
    assert (story.receive(line), story.only, story.questions) == ([], before, [])

    story.connected(a_block(1, WHALE))
    assert (story.receive(replace(line, package_feerate=SatPerVb(50.0))), story.questions) == ([], [])
    assert story.only.package_feerate is None


def test_a_block_that_is_read_after_hours_without_power_confirms_at_its_own_time() -> None:
    """The lead time is until the block, not until we came back."""
    story = Story(forecast_source=forecasting())
    story.start()
    story.seen(WHALE)
    mined_at = story.at + timedelta(minutes=20)
    story.at += timedelta(hours=9)
    story.connected(replace(a_block(1, WHALE), time=mined_at))

    assert (story.only.confirmed_at, story.only.lead_time_seconds) == (mined_at, 1_200.0)


def test_a_clock_that_was_set_meanwhile_makes_a_blocks_own_time_no_measure() -> None:
    story = Story()
    story.start()
    story.seen(WHALE)
    seen_at = story.at
    story.receive(ClockStepped(seconds=-3_600.0))
    story.at += timedelta(hours=9)
    story.connected(replace(a_block(1, WHALE), time=seen_at + timedelta(minutes=20)))

    assert (story.only.status, story.only.confirmed_at) == (Status.CONFIRMED, story.at)
    assert story.only.lead_time_seconds == (story.at - seen_at).total_seconds() + 3_600
