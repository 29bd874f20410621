"""How often a seeded run repeats itself: a tenth in `make test`, all of it in `make soak`."""

import os

import pytest

only_in_soak = pytest.mark.skipif(
    not os.environ.get("SPOUT_SOAK"), reason="in make soak only; CHANGELOG says why"
)


def share(of: int) -> int:
    return of if os.environ.get("SPOUT_SOAK") else max(1, of // 10)
