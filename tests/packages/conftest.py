"""The packages as they run: collected by `make test-packages` alone, which builds the image first."""

import os
from collections.abc import Iterator

import pytest

from tests.packages.fast_tests import FastTests
from tests.packages.podman import Container, Network, podman

collect_ignore_glob = [] if os.environ.get("SPOUT_TEST_PACKAGES") else ["test_*.py"]


@pytest.fixture(scope="session", autouse=True)
def fast_tests(request: pytest.FixtureRequest) -> Iterator[FastTests | None]:
    """Running from the start on, where a test waits for them."""
    if any("test_within_image" in one.nodeid for one in request.session.items):
        with FastTests() as started:
            yield started
    else:
        yield None


@pytest.fixture
def network() -> Iterator[Network]:
    with Network("spout-test") as made:
        yield made


@pytest.fixture
def volume() -> Iterator[str]:
    """A named volume of the test's own: the engine gives it to the image's user."""
    name = podman("volume", "create")
    yield name
    podman("volume", "rm", "--force", name)


@pytest.fixture
def alone(volume: str) -> Iterator[Container]:
    """Spout as packaged, with nothing beside it: no network, no neighbours, an empty disk. Not started."""
    with Container("spout-alone", volume=volume) as container:
        yield container
