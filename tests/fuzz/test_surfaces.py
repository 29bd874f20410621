"""Good inputs, changed at random: a value comes of them or a refusal of ours, soon and without growth.

From seeds: a part in `make test`, a million inputs in `make soak`. A failure prints the input that made it.
`make fuzz` looks further, led by what it reaches (docs/fuzzing.md).
"""

import json
import logging
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutations import changed, numbers_changed
from tests.fuzz.surfaces import SURFACES, Surface, quiet
from tests.fuzz.watched import GROWTH_BLOCKS, Watched

SOAK = bool(os.environ.get("SPOUT_SOAK"))
EACH = 100_000 if SOAK else 250
DRAWN = 5_000 if SOAK else 40
SMALL_BYTES = 6_000
LARGEST_BYTES = 60_000
OF_JSON = [name for name in SURFACES if name not in ("raw-transactions", "label-files", "settings")]
LARGE_IN = 60
"""One input in so many is made of a large good one."""

_anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=70)
    | st.sampled_from(["1e400", "9" * 400, "NaN", "-0", "\ud800", "../..", "http://[::1", "0x7f.1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


@contextmanager
def logged_nowhere() -> Iterator[None]:
    """pytest keeps each line that is logged, and what is looked for is what Spout keeps."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    quiet()
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)
        structlog.reset_defaults()


@pytest.mark.soak
@pytest.mark.parametrize("name", SURFACES)
def test_whatever_is_sent_is_read_or_refused_in_our_words(name: str) -> None:
    surface = SURFACES[name]
    good = surface.good()
    small = [one for one in good if len(one) <= SMALL_BYTES]
    large = [one for one in good if len(one) > SMALL_BYTES] or small
    chance = random.Random(name)
    watched = Watched(surface.take, settled_at=len(good) + EACH // 2)

    with logged_nowhere():
        for one in good:
            watched(one)
        for _ in range(EACH):
            watched(changed(chance, chance.choice(large if chance.randrange(LARGE_IN) == 0 else small)))

    assert watched.faults == {}
    assert watched.grown_blocks < GROWTH_BLOCKS


@pytest.mark.parametrize("name", OF_JSON)
def test_a_number_past_all_bounds_is_read_or_refused_in_our_words(name: str) -> None:
    surface = SURFACES[name]
    watched = Watched(surface.take, settled_at=0)

    with logged_nowhere():
        for one in surface.good():
            if len(one) <= LARGEST_BYTES:
                for sent in numbers_changed(one):
                    watched(sent)

    assert watched.inputs > 0
    assert watched.faults == {}


@pytest.mark.soak
@pytest.mark.parametrize("name", SURFACES)
def test_a_part_of_any_other_kind_is_read_or_refused_in_our_words(name: str) -> None:
    surface = SURFACES[name]

    @given(_sent(surface))
    @settings(max_examples=DRAWN, database=None, derandomize=not SOAK)
    def taken(sent: bytes) -> None:
        surface.take(sent)

    with logged_nowhere():
        taken()


@st.composite
def _sent(draw: st.DrawFn, surface: Surface) -> bytes:
    """A small good input of which one line has anything where a value stands, or any bytes."""
    lines = draw(st.sampled_from([one for one in surface.good() if len(one) <= SMALL_BYTES])).split(b"\n")
    at = draw(st.integers(0, len(lines) - 1))
    try:
        value = json.loads(lines[at])
    except ValueError:
        start = draw(st.integers(0, len(lines[at])))
        lines[at] = lines[at][:start] + draw(st.binary(max_size=60) | st.text(max_size=30).map(_bytes))
    else:
        lines[at] = _bytes(json.dumps(_with_anything(draw, value)))
    return b"\n".join(lines)


def _with_anything(draw: st.DrawFn, value: Any) -> Any:
    """Go down where chance leads, and put anything in the place of what is there."""
    if not value or not isinstance(value, dict | list) or draw(st.integers(0, 5)) == 0:
        return draw(_anything)
    if isinstance(value, list):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], _with_anything(draw, value[at]), *value[at + 1 :]]
    name = draw(st.sampled_from(sorted(value)))
    return {**value, name: _with_anything(draw, value[name])}


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
