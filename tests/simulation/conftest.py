"""The receiver to which a simulated engine's alerts go; one for a file."""

from collections.abc import Iterator

import pytest

from tests.notifiers.receivers import Receiver, receiving
from tests.simulation.life import forget_template


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one
        forget_template(one)
