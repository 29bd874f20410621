"""The table of chances: against the closed form of the next block, and at its edges."""

import math

import numpy as np
import pytest

from app.core.forecasting.pace import TARGET_SECONDS
from app.core.forecasting.passagetable import (
    AHEAD_POWER,
    INFLOW_POWER,
    MinerBeliefs,
    PassageTable,
    pressure_of,
)
from app.core.forecasting.recalibration import no_recalibration
from tests.core.fee_markets import a_table

STRAIGHT = no_recalibration().lines
RHOS = np.concatenate([[0.0], np.geomspace(0.02, 14.0, 47)])
SMALLEST = 1e-12


@pytest.fixture(scope="module")
def plain() -> PassageTable:
    """Without what simulations taught."""
    return PassageTable(MinerBeliefs(), STRAIGHT, STRAIGHT)


def inflow_at(pressure: float, ahead: float) -> float:
    return math.exp((pressure - AHEAD_POWER * math.log(ahead + 0.05)) / INFLOW_POWER) - 0.02


def chances(
    table: PassageTable,
    ahead: float,
    inflow: float,
    *,
    fresh: bool = False,
    below_one: bool = False,
    shift: float = 0.0,
) -> list[float]:
    found = table.chances(
        np.array([ahead]),
        np.array([inflow]),
        fresh=np.array([fresh]),
        below_one=np.array([below_one]),
        log_shift=shift,
    )
    return [float(one) for one in found[0]]


def next_block(pressure: float, ahead: float, empty: float) -> float:
    """One in six for each of the rates far off, two in three for the one in the middle."""
    arrivals = np.array([max(rho, SMALLEST) for rho in RHOS])
    by_rho = (1.0 - empty) * (1.0 - np.exp(-(1.0 - ahead) / arrivals))
    mixed = 0.0
    for node, weight in ((-math.sqrt(3), 1 / 6), (0.0, 2 / 3), (math.sqrt(3), 1 / 6)):
        rho = math.exp(pressure - 0.044 + 0.541 * node)
        mixed += weight * float(np.interp(rho, RHOS, by_rho))
    return mixed


@pytest.mark.parametrize("ahead", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("pressure", [-3.2, -2.0, 0.0, 1.5, 2.7, 2.8])
def test_the_chance_of_the_next_block_follows_its_closed_form(
    plain: PassageTable, pressure: float, ahead: float
) -> None:
    inflow = inflow_at(pressure, ahead)
    beliefs = MinerBeliefs()
    refused = 1.0 - (1.0 - beliefs.empty_share) * (1.0 - beliefs.refusing_share)
    in_template = math.exp(-beliefs.template_age_seconds / TARGET_SECONDS)
    old, below = (next_block(pressure, ahead, share) for share in (beliefs.empty_share, refused))

    assert float(pressure_of(np.array(ahead), np.array(inflow))) == pytest.approx(pressure)
    assert chances(plain, ahead, inflow)[0] == pytest.approx(old, abs=2e-6)
    assert chances(plain, ahead, inflow, fresh=True)[0] == pytest.approx(in_template * old, abs=2e-6)
    assert chances(plain, ahead, inflow, below_one=True)[0] == pytest.approx(below, abs=2e-6)
    both = chances(plain, ahead, inflow, fresh=True, below_one=True)[0]
    assert both == pytest.approx(in_template * below, abs=2e-6)


def test_a_shift_is_one_of_the_pressure(plain: PassageTable) -> None:
    shifted = chances(plain, 0.5, inflow_at(0.3, 0.5), shift=0.7)

    assert shifted == pytest.approx(chances(plain, 0.5, inflow_at(1.0, 0.5)))
    assert shifted[0] < chances(plain, 0.5, inflow_at(0.3, 0.5))[0]


@pytest.mark.parametrize("below_one", [False, True])
@pytest.mark.parametrize("fresh", [False, True])
def test_beyond_its_edges_the_table_says_what_it_says_there(*, fresh: bool, below_one: bool) -> None:
    def at(ahead: float, pressure: float) -> list[float]:
        inflow = inflow_at(pressure, ahead)
        return chances(a_table(), ahead, inflow, fresh=fresh, below_one=below_one)

    for ahead, pressure, beyond in (
        (5.0, 2.8, ((5.0, 2.81), (5.0, 9.0))),
        (5.0, -3.2, ((5.0, -3.21), (5.0, -9.0))),
        (155.0, -1.0, ((155.1, -1.0), (1e6, -1.0))),
    ):
        for place in beyond:
            assert at(*place) == pytest.approx(at(ahead, pressure), abs=1e-6)


def test_up_to_its_edges_each_step_counts() -> None:
    def at(ahead: float, pressure: float) -> list[float]:
        return chances(a_table(), ahead, inflow_at(pressure, ahead))

    assert at(0.3, 2.71)[1] > at(0.3, 2.75)[1] > at(0.3, 2.79)[1]
    assert at(143.0, -3.0)[-1] > at(153.0, -3.0)[-1]
    assert at(2.1, 0.0)[2] > at(2.5, 0.0)[2] > at(2.9, 0.0)[2]


@pytest.mark.parametrize("ahead", [2.0, 3.0])
def test_where_the_steps_of_the_table_grow_nothing_leaps(ahead: float) -> None:
    inflow = inflow_at(0.0, ahead)

    assert chances(a_table(), ahead - 1e-6, inflow) == pytest.approx(
        chances(a_table(), ahead, inflow), abs=1e-4
    )
