"""How long a source or a task waits before it tries again."""

from itertools import pairwise

from app.core.backoff import backoff_seconds


def test_each_wait_is_twice_the_one_before_up_to_the_longest() -> None:
    waits = [backoff_seconds(attempt, 0.0) for attempt in range(1, 9)]

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_after_a_year_of_attempts_the_wait_is_still_the_longest() -> None:
    assert backoff_seconds(1_000_000, 0.0, longest=300.0) == 300.0


def test_chance_takes_a_quarter_of_a_wait_at_most_so_that_clients_spread() -> None:
    spread = [backoff_seconds(7, chance) for chance in (0.0, 0.5, 1.0)]

    assert spread == [60.0, 52.5, 45.0]


def test_even_the_shortest_of_a_wait_is_longer_than_the_longest_of_the_one_before() -> None:
    for before, after in pairwise(range(1, 7)):
        assert backoff_seconds(after, 1.0) > backoff_seconds(before, 0.0)
