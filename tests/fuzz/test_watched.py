"""What looks for faults finds them."""

import time
from pathlib import Path

from tests.fuzz.watched import GROWTH_BLOCKS, LONGEST_SECONDS, Watched


def test_the_first_input_of_each_fault_is_kept(tmp_path: Path) -> None:
    def take(raw: bytes) -> None:
        if raw.startswith(b"x"):
            raise KeyError(raw)
        if raw == b"y":
            raise ValueError

    watched = Watched(take, settled_at=1, findings=tmp_path)
    for raw in (b"well", b"x1", b"x2", b"y"):
        watched(raw)

    assert list(watched.faults.values()) == [b"x1", b"y"]
    assert sorted(one.read_bytes() for one in tmp_path.iterdir()) == [b"x1", b"y"]


def test_an_input_that_takes_too_long_is_a_fault() -> None:
    def take(_raw: bytes) -> None:
        until = time.process_time() + LONGEST_SECONDS * 1.1
        while time.process_time() < until:
            pass

    watched = Watched(take, settled_at=1)
    watched(b"slow")

    assert list(watched.faults) == ["longer than a second"]


def test_what_is_kept_of_each_input_shows_as_growth() -> None:
    kept: list[list[bytes]] = []
    watched = Watched(lambda raw: kept.append([raw]), settled_at=1)
    for _ in range(GROWTH_BLOCKS):
        watched(b"one")

    assert watched.grown_blocks >= GROWTH_BLOCKS
