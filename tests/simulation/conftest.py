"""The receiver to which a simulated engine's alerts go, one for a file; and the collector's peace."""

import gc
from collections.abc import Iterator

import pytest

from tests.simulation.life import forget_template
from tests.simulation.receiver_in_memory import ReceiverInMemory, receiving_in_memory


@pytest.fixture(scope="module")
def receiver() -> Iterator[ReceiverInMemory]:
    with receiving_in_memory() as one:
        yield one
        forget_template(one)


@pytest.fixture(autouse=True, scope="module")
def others_garbage_left_alone() -> Iterator[None]:
    """Collections do not go through what is alive of the tests before: an hour took forty times as long."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
