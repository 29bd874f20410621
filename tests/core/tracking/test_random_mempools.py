"""Hundreds of worlds of three mempools, each with its own delay and policy: what must hold in all of them.

A failure names its seeds and tells the shortest of their stories; `random_mempools` plays one by its seed.
`make soak` plays 30,000.
"""

import os
from collections.abc import Mapping
from functools import cache

import pytest

from tests.core.tracking import random_mempools
from tests.core.tracking.random_mempools import Invariant, broken, draw, play

WORLDS = 30_000 if os.environ.get("SPOUT_SOAK") else 600
SEEDS_NAMED = 20

pytestmark = pytest.mark.soak


@cache
def broken_in() -> Mapping[Invariant, list[int]]:
    """The seeds of the worlds in which each does not hold; all are played once, whichever test is first."""
    found: dict[Invariant, list[int]] = {}
    for seed in range(WORLDS):
        for invariant in broken(play(draw(seed))):
            found.setdefault(invariant, []).append(seed)
    return found


def check(invariant: Invariant) -> None:
    seeds = broken_in().get(invariant, [])
    assert not seeds, in_words(invariant, seeds)


def in_words(invariant: Invariant, seeds: list[int]) -> str:
    worlds = (play(draw(seed)) for seed in seeds)
    shortest = min(worlds, key=lambda one: (len(one.world.moments), len(one.events)))
    lines = [
        f"{len(seeds)} of {WORLDS} worlds, by their seeds: {seeds[:SEEDS_NAMED]}; the shortest of them:",
        *shortest.describe(),
        *broken(shortest)[invariant],
    ]
    return "\n".join(lines)


def test_once_all_has_settled_nothing_more_is_published() -> None:
    check(random_mempools.it_is_quiet_in_the_end)


def test_a_whale_that_is_mined_is_confirmed() -> None:
    check(random_mempools.what_is_mined_is_confirmed)


def test_a_whale_that_no_mempool_and_no_block_holds_has_ended() -> None:
    check(random_mempools.what_is_nowhere_has_ended)


def test_a_whale_that_waits_in_a_listed_mempool_is_pending() -> None:
    check(random_mempools.what_waits_is_pending)


def test_a_whale_is_never_said_to_be_replaced_by_what_pays_less() -> None:
    check(random_mempools.what_replaces_pays_more)


def test_the_same_end_of_a_whale_is_not_published_twice() -> None:
    check(random_mempools.no_end_is_published_twice)
