"""Quantiles picked from runs are those of all lead times in one sorted list."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.core.scoring import LeadTimes, quantile
from app.store.accounts.leads import PLACES, SHAPE, Run, Together, merged

LEADS = st.lists(
    st.tuples(st.integers(0, 40).map(lambda tenths: tenths / 10), st.integers(0, PLACES - 1)), max_size=12
)


def run_of(leads: list[tuple[float, int]]) -> Run:
    ascending = sorted(leads)
    return Run(
        np.array([seconds for seconds, _ in ascending]),
        np.array([place for _, place in ascending], dtype=np.uint16),
    )


def obvious(seconds: list[float]) -> LeadTimes:
    p10, p50, p90 = (quantile(sorted(seconds), share) for share in (0.1, 0.5, 0.9))
    return LeadTimes(p10=p10, p50=p50, p90=p90)


@given(st.lists(LEADS.filter(bool), min_size=1, max_size=4))
def test_quantiles_of_runs_are_those_of_all_their_lead_times(runs: list[list[tuple[float, int]]]) -> None:
    together = Together(merged([run_of(one) for one in runs]))

    assert together.quantiles() == obvious([seconds for one in runs for seconds, _ in one])


@given(st.lists(LEADS.filter(bool), min_size=1, max_size=4), st.integers(0, len(SHAPE) - 1))
def test_so_are_those_of_each_value_of_a_dimension(
    runs: list[list[tuple[float, int]]], dimension: int
) -> None:
    found = Together(merged([run_of(one) for one in runs])).by(dimension)

    of_value: list[list[float]] = [[] for _ in range(SHAPE[dimension])]
    for seconds, place in (lead for one in runs for lead in one):
        of_value[int(np.unravel_index(place, SHAPE)[dimension])].append(seconds)
    assert found == [obvious(one) for one in of_value]
