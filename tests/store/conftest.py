import resource
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest

from app.store.opening import Opened, open_database
from app.store.predictions import PredictionStore
from tests.store.builders import NOON


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opened]:
    fresh = await open_database(tmp_path, at=NOON)
    yield fresh
    await fresh.database.close()


@pytest.fixture
def store(opened: Opened) -> PredictionStore:
    return PredictionStore(opened)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """A test's limit on the size of files ends with it: pytest's own report may go into a longer one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        return (yield)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
