import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from app.core.classification import Flow
from app.errors import StoreError
from app.views import PredictionPage, PredictionQuery
from dashboard.feed.flow import WINDOWS, flow_part, flow_words
from dashboard.feed.past import KEPT, MovedAmounts, PastFlows
from tests.browser.scenes import week
from tests.browser.sea import Past, Sea, a_whale

NOW = datetime(2026, 11, 22, 12, 7, tzinfo=UTC)
COIN = 100_000_000


def moved(minutes: float, btc: int, flow: Flow = Flow.INFLOW) -> MovedAmounts:
    return MovedAmounts((NOW - timedelta(minutes=minutes)).timestamp(), ((flow, btc * COIN),))


def bars(part: dict[str, Any], window: str, flow: Flow = Flow.INFLOW) -> list[int]:
    return [sats // COIN for sats in part["windows"][window]["flows"][flow.value]]


def test_what_confirmed_now_is_in_the_last_bar_of_every_window() -> None:
    part = flow_part([moved(0, 150)], NOW)

    assert [bars(part, window.name)[-1] for window in WINDOWS] == [150] * 4


def test_what_is_older_than_a_window_is_not_in_it() -> None:
    part = flow_part([moved(90, 150)], NOW)

    assert sum(bars(part, "1h")) == 0
    assert sum(bars(part, "6h")) == 150


def test_bars_begin_on_round_times() -> None:
    starts = [flow_part([], NOW)["windows"][window.name]["start"] for window in WINDOWS]

    assert all(start % (window.step * 1000) == 0 for start, window in zip(starts, WINDOWS, strict=True))


def test_the_sentence_gives_the_net_and_what_waits() -> None:
    part = flow_part([moved(5, 500), moved(5, 188, Flow.OUTFLOW)], NOW)
    waiting = [a_whale("a", 1_097, NOW, flow=Flow.INFLOW)]

    words = flow_words(part, waiting, known=True)["24h"]["words"]

    assert words == "Net 312 BTC to exchanges in the last 24 hours; 1,097 BTC to them if what waits confirms."


def test_until_the_store_has_answered_the_sentence_says_that_something_is_missing() -> None:
    words = flow_words(flow_part([], NOW), [], known=False)["1h"]["words"]

    assert words.endswith("is still being read.")


async def settled(past: PastFlows, sea: Sea) -> dict[str, MovedAmounts]:
    past.look(sea.snapshot)
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    return past.look(sea.snapshot)


async def test_the_history_is_read_once_whatever_is_painted() -> None:
    sea = Sea()
    week(sea)
    past = PastFlows(sea.past, lambda: None)
    await settled(past, sea)
    for _ in range(20):
        past.look(sea.snapshot)

    assert sea.past.asked == 1


async def test_more_than_a_page_of_history_is_read_to_its_end() -> None:
    sea = Sea()
    week(sea, count=1_700)
    past = PastFlows(sea.past, lambda: None)

    wanted = sum(one.detected_at >= sea.now - KEPT for one in (*sea.snapshot.ended, *sea.past.older))

    assert wanted > 1_000
    assert len(await settled(past, sea)) == wanted


async def test_a_confirmation_shows_without_asking_the_history_again() -> None:
    sea = Sea()
    whale = a_whale("a", 200, sea.now)
    sea.appear(whale)
    past = PastFlows(sea.past, lambda: None)
    await settled(past, sea)
    sea.block(whale)

    assert whale.prediction_id in past.look(sea.snapshot)


async def test_what_a_reorganisation_undid_is_taken_out() -> None:
    sea = Sea()
    whale = a_whale("a", 200, sea.now)
    sea.appear(whale)
    sea.block(whale)
    past = PastFlows(sea.past, lambda: None)
    await settled(past, sea)
    sea.reorg(whale)

    assert whale.prediction_id not in past.look(sea.snapshot)


class BrokenStore(Past):
    async def page(self, query: PredictionQuery) -> PredictionPage:  # noqa: ARG002
        raise StoreError("the disk is gone")


async def test_a_store_that_cannot_be_read_leaves_the_page_with_what_it_has() -> None:
    sea = Sea()
    whale = a_whale("a", 200, sea.now)
    sea.appear(whale)
    sea.block(whale)
    past = PastFlows(BrokenStore(sea), lambda: None)

    assert whale.prediction_id in await settled(past, sea)
    assert not past.known


async def test_the_demo_s_whales_are_gone_when_the_node_takes_over() -> None:
    sea = Sea(demo=True)
    week(sea, 40)
    past = PastFlows(sea.past, lambda: None)
    shown = len(await settled(past, sea))
    sea.past.older.clear()
    sea.show(demo=False, ended=())

    assert shown > 0
    assert past.look(sea.snapshot) == {}
