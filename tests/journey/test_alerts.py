"""An alert's whole way: a real node, the whole program, a receiver that verifies."""

import pytest

from tests.bench.alerts_whole import broadcast_to_verified


@pytest.mark.node
def test_a_broadcast_reaches_a_verifying_receiver() -> None:
    assert len(broadcast_to_verified(3)) == 3
