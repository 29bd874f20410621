"""The one flow that names a transaction, from the volume of each."""

import pytest

from app.core.classification import Flow
from app.core.flow.direction import name_flow
from app.core.flow.sides import Sender, Sides
from app.core.units import Sats


def sides(*groups: str, change: tuple[int, ...] = (), rest: tuple[int, ...] = ()) -> Sides:
    """Of a sender of these groups; `rest` goes to strangers."""
    sender = Sender(scripts=set(), owners=set(), labels=[], groups=set(groups), missing=0, coinbase=False)
    return Sides(
        sender=sender,
        labels={},
        change=[*change],
        stays=[],
        named=[],
        unnamed=[*rest],
        burnt=[],
        trifles=[],
    )


@pytest.mark.parametrize(
    ("split", "flow"),
    [
        ({Flow.INFLOW: 1}, Flow.INFLOW),
        ({Flow.UNKNOWN: 1}, Flow.UNKNOWN),
        ({Flow.UNKNOWN: 9, Flow.INFLOW: 1}, Flow.INFLOW),
        ({Flow.OUTFLOW: 5, Flow.INTER_EXCHANGE: 9}, Flow.INTER_EXCHANGE),
        ({Flow.INTER_EXCHANGE: 5, Flow.OUTFLOW: 9}, Flow.OUTFLOW),
        ({Flow.INTERNAL: 9, Flow.OUTFLOW: 5, Flow.UNKNOWN: 20}, Flow.INTERNAL),
    ],
)
def test_the_largest_flow_that_is_known_names_it(split: dict[Flow, int], flow: Flow) -> None:
    volumes = {one: Sats(sats) for one, sats in split.items()}

    assert name_flow(volumes, sides("Kraken", rest=(0,))) is flow


def test_two_senders_and_more_than_one_flow_leave_it_unknown() -> None:
    both = {Flow.OUTFLOW: Sats(5), Flow.INTER_EXCHANGE: Sats(9)}

    assert name_flow(both, sides("Kraken", "Binance", rest=(0,))) is Flow.UNKNOWN
    assert name_flow({Flow.OUTFLOW: Sats(5)}, sides("Kraken", "Binance", rest=(0,))) is Flow.OUTFLOW


@pytest.mark.parametrize(
    ("of", "flow"),
    [
        (sides("Kraken", change=(0,)), Flow.INTERNAL),
        (sides(change=(0,)), Flow.INTERNAL),
        (sides("Kraken", change=(0,), rest=(1,)), Flow.UNKNOWN),
        (sides("Kraken", rest=(1,)), Flow.UNKNOWN),
        (sides("Kraken"), Flow.UNKNOWN),
        (sides("Kraken", "Binance", change=(0,)), Flow.UNKNOWN),
    ],
)
def test_where_nothing_moved_it_is_internal_if_nothing_leaves(of: Sides, flow: Flow) -> None:
    assert name_flow({}, of) is flow
