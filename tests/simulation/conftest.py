"""The receiver to which a simulated engine's alerts go, one for a file."""

from collections.abc import Iterator

import pytest

from tests.simulation.life import forget_template
from tests.simulation.receiver_in_memory import ReceiverInMemory, receiving_in_memory


@pytest.fixture(scope="module")
def receiver() -> Iterator[ReceiverInMemory]:
    with receiving_in_memory() as one:
        yield one
        forget_template(one)
