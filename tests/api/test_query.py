from datetime import UTC, datetime

import pytest

from app.api.problems import Problem
from app.api.query import prediction_query
from app.core.classification import Flow
from app.core.prediction import Status, Urgency
from app.core.units import Script
from app.views import Order, PredictionQuery, SortKey


def test_every_filter_arrives_typed() -> None:
    query = prediction_query(
        {
            "status": "pending",
            "flow_type": "inflow",
            "min_btc_value": "100.00000001",
            "min_urgency": "high",
            "entity": "Kraken",
            "txid": "AB" * 32,
            "address": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "as_of": "2026-11-20T08:00:00Z",
            "sort": "-moved_sat",
            "start_date": "2026-11-01",
            "end_date": "2026-11-22T10:00:00Z",
            "limit": "1000",
            "cursor": "abc",
        }
    )

    assert query == PredictionQuery(
        status=Status.PENDING,
        flow=Flow.INFLOW,
        min_moved_sat=10_000_000_001,
        min_urgency=Urgency.HIGH,
        entity="Kraken",
        txid="ab" * 32,
        script=Script("0014751e76e8199196d454941c45d1b3a323f1433bd6"),
        as_of=datetime(2026, 11, 20, 8, tzinfo=UTC),
        order=Order(SortKey.MOVED, descending=True),
        start=datetime(2026, 11, 1, tzinfo=UTC),
        end=datetime(2026, 11, 22, 10, tzinfo=UTC),
        limit=1000,
        cursor="abc",
    )


def test_nothing_asked_is_the_default() -> None:
    assert prediction_query({"status": "", "limit": ""}) == PredictionQuery()


def test_a_bare_end_date_counts_whole() -> None:
    assert prediction_query({"end_date": "2026-11-22"}).end == datetime(2026, 11, 23, tzinfo=UTC)


def test_a_plus_that_became_a_space_is_understood() -> None:
    asked = {"start_date": "2026-11-22T12:00:00 02:00"}

    assert prediction_query(asked).start == datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "gone"),
        ("flow_type", "sideways"),
        ("min_btc_value", "lots"),
        ("min_btc_value", "-1"),
        ("min_btc_value", "NaN"),
        ("min_btc_value", "1e99999999"),
        ("min_btc_value", "0.000000001"),
        ("min_btc_value", "21000001"),
        ("min_urgency", "urgent"),
        ("entity", "x" * 101),
        ("entity", "a\x00b"),
        ("txid", "ab" * 31),
        ("txid", "zz" * 32),
        ("address", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"),
        ("address", "x" * 101),
        ("as_of", "then"),
        ("sort", "txid"),
        ("start_date", "yesterday"),
        ("start_date", "2026-13-01"),
        ("start_date", "0001-01-01T00:00:00+14:00"),
        ("limit", "0"),
        ("limit", "1001"),
        ("limit", "ten"),
        ("limit", "٣"),
        ("limit", "-5"),
        ("cursor", "x" * 501),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(Problem) as refused:
        prediction_query({name: value})

    assert refused.value.status_code == 400
    assert refused.value.message.startswith(f"{name} ")


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(Problem, match="400") as refused:
        prediction_query({"start_date": "2026-11-22", "end_date": "2026-11-01"})

    assert refused.value.message == "end_date must be after start_date"


def test_an_unknown_parameter_names_the_nearest() -> None:
    with pytest.raises(Problem) as refused:
        prediction_query({"flow": "inflow"})

    assert "did you mean flow_type?" in refused.value.message
