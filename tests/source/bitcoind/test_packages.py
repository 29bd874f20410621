"""What a miner takes at once of a template, and that a cheap parent does not move the market."""

import pytest

from app.core.forecasting import project
from app.core.forecasting.forecaster import Forecaster
from app.core.models import SourceName
from app.core.observations import BlockConnected, MempoolMeasured, QueueProjected
from app.core.prediction import Forecast
from app.core.units import SatPerVb
from app.source.bitcoind.packages import bins_of_template
from app.source.bitcoind.shapes import TemplateTx
from tests.builders import a_block, a_whale
from tests.core.fee_markets import a_table
from tests.core.story import Story
from tests.fakes import NOON

NODE = SourceName.BITCOIND
FULL = [TemplateTx(fee=20_000, weight=4_000) for _ in range(990)]
"""A next block of 20 sat/vB."""


def feerates(*transactions: TemplateTx) -> list[float]:
    return sorted(one.feerate for one in bins_of_template(transactions))


def test_a_parent_without_a_fee_counts_with_its_child() -> None:
    parent, child = TemplateTx(fee=0, weight=4_000), TemplateTx(fee=45_000, weight=4_000, depends=(1,))

    assert feerates(parent, child) == [22.5]


def test_a_child_that_pays_less_than_its_parent_is_a_package_of_its_own() -> None:
    parent, child = TemplateTx(fee=9_000, weight=400), TemplateTx(fee=500, weight=400, depends=(1,))

    assert feerates(parent, child) == [5.0, 90.0]


def test_a_grandchild_pays_for_all_before_it() -> None:
    chain = [TemplateTx(fee=0, weight=400), TemplateTx(fee=100, weight=400, depends=(1,))]

    assert feerates(*chain, TemplateTx(fee=2_900, weight=400, depends=(1, 2))) == [10.0]


def test_a_child_pays_for_each_of_its_parents() -> None:
    parents = [TemplateTx(fee=0, weight=400), TemplateTx(fee=0, weight=400)]

    assert feerates(*parents, TemplateTx(fee=3_000, weight=400, depends=(1, 2))) == [10.0]


def test_strangers_do_not_pay_for_each_other() -> None:
    assert feerates(TemplateTx(fee=100, weight=400), TemplateTx(fee=900, weight=400)) == [1.0, 9.0]


@pytest.mark.parametrize("depends", [(0,), (2,), (99,), (-1,)])
def test_a_parent_that_the_template_does_not_hold_is_none(depends: tuple[int, ...]) -> None:
    assert feerates(TemplateTx(fee=100, weight=400), TemplateTx(fee=900, weight=400, depends=depends)) == [
        1.0,
        9.0,
    ]


def test_nothing_of_a_template_is_lost_in_packages() -> None:
    chain = [TemplateTx(fee=n % 7 * 100, weight=400, depends=(n,) if n % 3 else ()) for n in range(60)]
    bins = bins_of_template(chain)

    assert sum(one.vsize for one in bins) == 6_000
    assert sum(one.count or 0 for one in bins) == 60
    assert sum(one.fees or 0 for one in bins) == sum(tx.fee for tx in chain)


def forecast_under(template: list[TemplateTx]) -> Forecast:
    """What a whale of 5 sat/vB is told under this next block, with 59 blocks waiting behind it."""
    bins = bins_of_template(template)
    forecaster, story = Forecaster(a_table()), Story()
    measured = MempoolMeasured(
        count=130_000,
        vbytes=60_000_000,
        usage_bytes=280_000_000,
        limit_bytes=300_000_000,
        minimum_feerate=SatPerVb(1.0),
        loaded=True,
        source=NODE,
    )
    queue = QueueProjected(blocks=project(bins), source=NODE, bins=tuple(bins))
    for observation in (BlockConnected(block=a_block(0), source=NODE), measured, queue):
        list(forecaster.receive(observation, NOON))
    story.start()
    story.seen(a_whale(150, fee=500))
    [forecast] = forecaster.forecast([story.only], NOON)
    assert forecast is not None
    return forecast


@pytest.mark.parametrize(
    "cheap",
    [
        [TemplateTx(fee=0, weight=4_000), TemplateTx(fee=45_000, weight=4_000, depends=(991,))],
        [TemplateTx(fee=1_000, weight=4_000)],
        [TemplateTx(fee=0, weight=400)] * 3,
    ],
    ids=["a parent that its child pays for", "a filler of the last gap", "three that the miner gave a place"],
)
def test_what_is_cheap_in_the_next_block_does_not_lay_the_mempool_at_the_floor(
    cheap: list[TemplateTx],
) -> None:
    plain, with_cheap = forecast_under(FULL), forecast_under([*FULL, *cheap])

    assert plain.probabilities[1] < 0.1
    assert with_cheap.predicted_block == plain.predicted_block
    assert with_cheap.probabilities == pytest.approx(plain.probabilities, abs=0.05)
