"""A backup of a small history, made once; what is restored from it, or from what was made of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pytest

from app.core.access import Scope
from app.store.backup import Prepared, operator_rows, prepare, write_backup
from app.store.opening import open_database
from app.store.operator import KeyStore, open_operator
from app.store.predictions import PredictionStore
from tests.store.builders import NOON, a_block, a_prediction, detected

KEY = b"k" * 32
WHALES = 25


@dataclass(frozen=True)
class Made:
    data_dir: Path
    file: Path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    data_dir = tmp_path_factory.mktemp("made")
    file = data_dir / "backups" / "one.backup"
    asyncio.run(_make(data_dir, file))
    return Made(data_dir, file)


async def _make(data_dir: Path, file: Path) -> None:
    opened = await open_database(data_dir, at=NOON)
    store = PredictionStore(opened)
    for number in range(1, WHALES + 1):
        whale = a_prediction(number)
        await store.append([detected(whale)], [whale], [a_block(number)])
        await store.append([], [replace(whale, version=whale.version + 1, reason="seen again")])
    operator = await open_operator(data_dir, at=NOON)
    await KeyStore(operator.file).create("phone", Scope.READ, NOON)
    rows = await operator.file.run(operator_rows)
    await write_backup(opened.database, file, rows, key=KEY, at=NOON)
    await operator.file.close()
    await opened.database.close()


Preparing = Callable[[Path], Awaitable[Prepared]]


@pytest.fixture
def preparing(tmp_path: Path) -> Preparing:
    return lambda file: prepare(file, tmp_path / "data", key=KEY, at=NOON, finish=lambda _: None)


@pytest.fixture
def hostile(made: Made, tmp_path: Path) -> Callable[..., Path]:
    """Return a backup on which these statements were run."""

    def changed(*statements: str) -> Path:
        file = tmp_path / "hostile.backup"
        file.write_bytes(made.file.read_bytes())
        connection = duckdb.connect(str(file))
        for statement in statements:
            connection.execute(statement)
        connection.execute("CHECKPOINT")
        connection.close()
        return file

    return changed
