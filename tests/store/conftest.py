from collections.abc import AsyncIterator
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
