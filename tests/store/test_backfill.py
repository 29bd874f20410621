"""A database from before the accounts and the search by address: what it holds is brought up to date."""

import random
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import duckdb

from app.core.prediction import Prediction
from app.core.units import Txid
from app.store.accounts import AccountStore
from app.store.backfill import WHALES_AT_ONCE
from app.store.opening import DATABASE_FILE, open_database
from app.store.predictions import PredictionStore
from app.views import Correlation, PredictionQuery
from tests.builders import a_coinjoin, a_txid
from tests.core.scoring.lives import START, TIP, a_block, lived
from tests.store.builders import NOON, a_prediction
from tests.store.test_accounts import LONG_AFTER, a_random_life

WHALES = WHALES_AT_ONCE + 40
KEPT = ("predictions", "superseded", "parts", "forecasts", "lineage", "events", "blocks", "blocks_read")
SCRIPT = a_prediction(1).tx.outputs[0].script


async def written(folder: Path) -> Correlation:
    """By this Spout; return the figures over all."""
    chance = random.Random(6)
    opened = await open_database(folder, at=NOON)
    store = PredictionStore(opened)
    whales = [lived(a_random_life(chance), number) for number in range(WHALES)]
    await store.append([], [*whales, a_prediction(1)], [a_block(TIP)])
    found = await over_all(AccountStore(opened.database))
    await opened.database.close()
    return found


def as_schema_5(source: Path, folder: Path) -> None:
    """The same whales in a database as the Spout before the accounts made it."""
    folder.mkdir()
    connection = duckdb.connect(str(folder / DATABASE_FILE))
    for step in range(1, 6):
        connection.execute((files("app.store") / f"schema_{step}.sql").read_text("utf-8"))
    connection.execute("INSERT INTO meta VALUES ('schema_version', '5'), ('instance', 'abc')")
    connection.execute(f"ATTACH '{source / DATABASE_FILE}' AS whole (READ_ONLY)")
    for table in KEPT:
        connection.execute(f"INSERT INTO {table} BY NAME FROM whole.{table}")
    connection.close()


async def over_all(accounts: AccountStore) -> Correlation:
    return await accounts.correlation(START - timedelta(days=1), LONG_AFTER)


def rounded(found: object) -> object:
    """The rows may stand in another order, and so be added in another."""
    if isinstance(found, float):
        return round(found, 9)
    if isinstance(found, Mapping):
        return {name: rounded(one) for name, one in found.items()}
    if is_dataclass(found):
        return {one.name: rounded(getattr(found, one.name)) for one in fields(found)}
    return [rounded(one) for one in found] if isinstance(found, tuple) else found


async def test_an_old_database_gets_its_accounts_and_scripts_over_restarts(tmp_path: Path) -> None:
    expected = await written(tmp_path / "new")
    as_schema_5(tmp_path / "new", tmp_path / "old")
    more = True
    while more:
        opened = await open_database(tmp_path / "old", at=NOON)
        store = PredictionStore(opened)
        more = await store.backfill()
        found = await over_all(AccountStore(opened.database, store.touched))
        paid = await store.page(PredictionQuery(script=SCRIPT))
        await opened.database.close()

    assert rounded(found) == rounded(expected)
    assert [one.prediction_id for one in paid.predictions] == [a_prediction(1).prediction_id]


async def test_a_whale_of_an_older_spout_is_found_by_each_txid_it_had(tmp_path: Path) -> None:
    before = a_prediction(1)
    after = replace(before, version=2, tx=replace(before.tx, txid=a_txid(77)), replaces=(before.txid,))
    opened = await open_database(tmp_path / "new", at=NOON)
    await PredictionStore(opened).append([], [before, a_prediction(2)])
    await PredictionStore(opened).append([], [after])
    await opened.database.close()
    as_schema_5(tmp_path / "new", tmp_path / "old")
    opened = await open_database(tmp_path / "old", at=NOON)
    store = PredictionStore(opened)

    migrated = [await found_by(store, txid) for txid in (before.txid, after.txid)]
    while await store.backfill():
        pass
    filled = [await found_by(store, txid) for txid in (before.txid, after.txid)]
    await opened.database.close()

    assert migrated == filled == [[after], [after]]


async def found_by(store: PredictionStore, txid: Txid) -> list[Prediction]:
    return list((await store.page(PredictionQuery(txid=txid))).predictions)


async def test_a_new_database_has_nothing_to_bring_up_to_date(tmp_path: Path) -> None:
    await written(tmp_path)
    opened = await open_database(tmp_path, at=NOON)

    assert await PredictionStore(opened).backfill() is False
    await opened.database.close()


async def test_a_coinjoin_of_an_older_spout_is_found_by_what_may_have_moved(tmp_path: Path) -> None:
    opened = await open_database(tmp_path / "new", at=NOON)
    whale = a_prediction(1, classification=a_coinjoin(btc=700))
    await PredictionStore(opened).append([], [whale])
    await opened.database.close()
    as_schema_5(tmp_path / "new", tmp_path / "old")
    older = duckdb.connect(str(tmp_path / "old" / DATABASE_FILE))
    older.execute("UPDATE predictions SET moved_sat = 0")
    older.close()

    opened = await open_database(tmp_path / "old", at=NOON)
    store = PredictionStore(opened)
    while await store.backfill():
        pass
    found = await store.page(PredictionQuery(min_moved_sat=100 * 100_000_000))
    await opened.database.close()

    assert [one.prediction_id for one in found.predictions] == [whale.prediction_id]
