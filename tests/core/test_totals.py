"""The sums that a widget shows: what moves, and what flows to exchanges."""

from dataclasses import replace
from datetime import timedelta

from app.core.classification import Flow
from app.core.prediction import Prediction, Status
from app.core.totals import moved_by_flow, moved_in_all, net_to_exchanges
from app.core.units import SATS_PER_BTC, Sats
from tests.builders import a_whale
from tests.core.story import Story
from tests.fakes import NOON


def flowing(flow: Flow, btc: int, **more: object) -> Prediction:
    story = Story()
    story.seen(a_whale(150))
    whale = story.only
    seen = replace(whale.classification, flow=flow, moved=Sats(btc * SATS_PER_BTC), split={})
    return replace(whale, **{"classification": seen, **more})


def test_what_stays_with_its_owner_does_not_count_as_moved() -> None:
    whales = [flowing(Flow.INFLOW, 100), flowing(Flow.INTERNAL, 900), flowing(Flow.UNKNOWN, 50)]

    assert moved_in_all(whales) == 150 * SATS_PER_BTC


def test_net_flow_is_what_goes_to_exchanges_less_what_leaves_them() -> None:
    whales = [flowing(Flow.INFLOW, 100), flowing(Flow.OUTFLOW, 130), flowing(Flow.UNKNOWN, 999)]

    assert net_to_exchanges(whales, NOON) == -30 * SATS_PER_BTC


def test_what_ended_without_a_block_flowed_nowhere() -> None:
    gone = [flowing(Flow.INFLOW, 100, status=one) for one in (Status.DROPPED, Status.REPLACED)]
    confirmed = flowing(Flow.INFLOW, 7, status=Status.CONFIRMED)

    assert net_to_exchanges([*gone, confirmed], NOON) == 7 * SATS_PER_BTC


def test_a_whale_from_before_the_span_is_not_in_its_net_flow() -> None:
    whale = flowing(Flow.INFLOW, 100)

    assert net_to_exchanges([whale], whale.detected_at) == 100 * SATS_PER_BTC
    assert net_to_exchanges([whale], whale.detected_at + timedelta(microseconds=1)) == 0


def test_a_transaction_that_is_several_counts_in_each_of_its_flows() -> None:
    whale = flowing(Flow.OUTFLOW, 100)
    split = {Flow.INFLOW: 30 * SATS_PER_BTC, Flow.OUTFLOW: 70 * SATS_PER_BTC}
    several = replace(whale, classification=replace(whale.classification, split=split))

    assert moved_by_flow(whale) == {Flow.OUTFLOW: 100 * SATS_PER_BTC}
    assert moved_by_flow(several) == split
    assert net_to_exchanges([several], NOON) == -40 * SATS_PER_BTC
