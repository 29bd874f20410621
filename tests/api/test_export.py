"""What is filtered, as a file: every line of every page, and nothing that a spreadsheet runs."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from app.api.models import MempoolWhaleSignal
from app.core.classification import Party
from app.core.prediction import Prediction
from tests.api.builders import a_prediction
from tests.api.conftest import READ, Composition

WHALES = 1_203


def many(count: int) -> list[Prediction]:
    return [replace(a_prediction(1), prediction_id=f"whale-{number}") for number in range(count)]


def lines_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


async def test_every_whale_of_every_page_is_a_line(composition: Composition) -> None:
    composition.history.predictions = many(WHALES)

    answer = await composition.http.get("/api/v1/predictions.csv", headers=READ)

    assert answer.headers["content-disposition"] == 'attachment; filename="spout.csv"'
    assert [line["prediction_id"] for line in lines_of(answer.text)] == [f"whale-{n}" for n in range(WHALES)]


async def test_every_field_of_a_whale_is_a_column(composition: Composition) -> None:
    """But for the value at the price of now, and with the chance of each horizon in a column of its own."""
    composition.history.predictions = many(1)

    (line,) = lines_of((await composition.http.get("/api/v1/predictions.csv", headers=READ)).text)

    assert set(MempoolWhaleSignal.model_fields) - {"value_fiat", "confirmation_probability"} <= set(line)


async def test_parquet_says_what_csv_says(composition: Composition, tmp_path: Path) -> None:
    composition.history.predictions = many(WHALES)

    as_csv = await composition.http.get("/api/v1/predictions.csv", headers=READ)
    as_parquet = await composition.http.get("/api/v1/predictions.parquet", headers=READ)

    (tmp_path / "one.parquet").write_bytes(as_parquet.content)
    rows = duckdb.connect().execute(
        f"SELECT prediction_id, txid, moved_sat::VARCHAR, flow_type FROM '{tmp_path / 'one.parquet'}'"
    )
    names = ("prediction_id", "txid", "moved_sat", "flow_type")
    assert rows.fetchall() == [tuple(line[name] for name in names) for line in lines_of(as_csv.text)]


async def test_the_filters_of_the_list_hold(composition: Composition) -> None:
    await composition.http.get("/api/v1/predictions.csv?flow_type=inflow&min_btc_value=500", headers=READ)

    asked = composition.history.asked[-1]
    assert (asked.flow, asked.min_moved_sat) == ("inflow", 50_000_000_000)


@pytest.mark.parametrize("name", ["limit=3", "cursor=x", "flow=inflow"])
async def test_what_is_no_filter_is_refused(composition: Composition, name: str) -> None:
    answer = await composition.http.get(f"/api/v1/predictions.csv?{name}", headers=READ)

    assert answer.status_code == 400


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+cmd", "-2", "\tx"])
async def test_no_name_runs_as_a_formula(composition: Composition, name: str) -> None:
    whale = a_prediction(1)
    party = Party(name=name, kind="exchange", basis="published", labelled_at="2026-01-01")
    composition.history.predictions = [
        replace(whale, classification=replace(whale.classification, from_entities=(party,)))
    ]

    answer = await composition.http.get("/api/v1/predictions.csv", headers=READ)

    assert lines_of(answer.text)[0]["from_entities"].startswith("'")


async def test_of_nothing_only_the_header_is_sent(composition: Composition) -> None:
    composition.history.predictions = []

    answer = await composition.http.get("/api/v1/predictions.csv", headers=READ)

    assert lines_of(answer.text) == []
    assert answer.text.startswith("prediction_id,txid,status")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
async def test_nothing_is_left_on_the_disk(composition: Composition, tmp_path: Path, kind: str) -> None:
    await composition.http.get(f"/api/v1/predictions.{kind}", headers=READ)

    assert list(tmp_path.glob("export-*")) == []


async def test_without_a_key_or_login_it_is_refused(composition: Composition) -> None:
    answer = await composition.http.get("/api/v1/predictions.csv", headers={"X-API-Key": "nobody"})

    assert answer.status_code == 401
