"""`spout story` of a Spout that does not run; of a running one: tests/journey/test_story.py."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.core.classification import Party
from app.core.events import EventType
from app.core.prediction import Outcome, Prediction, Status
from app.core.units import Height
from app.store.opening import open_database
from app.store.predictions import PredictionStore
from tests.builders import numbered_txid
from tests.commands.conftest import Spout, one_line
from tests.store.builders import NOON, a_classification, a_prediction, detected, reported

OWN = Party(name="Grandma", kind="other", basis="own label, same key", group="family")
ADDRESS = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"


def confirmed(whale: Prediction) -> Prediction:
    return replace(
        whale,
        version=2,
        status=Status.CONFIRMED,
        confirmed_height=Height(900_002),
        confirmed_at=NOON,
        ended_at=NOON,
        outcome=Outcome.ON_TIME,
    )


@pytest.fixture
def filled(here: Path) -> Path:
    """A whale that was told and confirmed, from somebody whom the operator has a name for."""
    whale = a_prediction(
        1,
        classification=replace(
            a_classification(),
            from_entities=(OWN,),
            evidence=("1 input is labelled Grandma (other; own label)", "output 1 pays family"),
        ),
        reason="not answered by http://umbrel.local:8999/api, nor by 192.168.1.7:50001",
    )
    end = confirmed(whale)

    async def work() -> None:
        opened = await open_database(here / "kept", at=NOON)
        store = PredictionStore(opened)
        await store.append([detected(whale)], [whale])
        await store.append([reported(EventType.CONFIRMED, end)], [end])
        await opened.database.close()

    asyncio.run(work())
    return here


def story(spout: Spout, *arguments: str) -> dict[str, Any]:
    ended = spout("story", *arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("name", [numbered_txid(1), numbered_txid(1).upper(), "whale-1"])
def test_a_whale_in_the_history_is_told_by_txid_and_by_id(spout: Spout, name: str) -> None:
    found = story(spout, name)

    assert found["prediction_id"] == "whale-1"
    assert [event["type"] for event in found["events"]] == ["whale.detected", "whale.confirmed"]
    assert len(found["forecasts"]) == 1
    assert found["outcome_detail"]["result"] == "on_time"
    assert found["observed"] == []


@pytest.mark.usefixtures("filled")
def test_people_read_what_why_when_and_what_came_of_it(spout: Spout) -> None:
    lines = spout("story", "whale-1").stdout.splitlines()

    at = [lines.index(title) for title in ("Why", "Transactions", "Forecasts", "Told", "Outcome")]
    assert at == sorted(at)
    assert any("190.00000000 BTC moved (likely" in line for line in lines)
    assert any("#2 whale.confirmed: confirmed, inflow" in line for line in lines)
    assert "  on_time (excused: known too shortly before its block)" in lines


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("form", [["--json"], []])
def test_what_is_passed_on_names_no_own_label_no_url_and_no_host(spout: Spout, form: list[str]) -> None:
    spout("labels", "add", ADDRESS, "Uncle")

    ended = spout("story", "whale-1", *form, SPOUT_MEMPOOL_URL="http://umbrel.local:8999")

    named = [word for word in ("Grandma", "family", "umbrel", ":8999", "192.168") if word in ended.stdout]
    assert named == []
    assert "Binance" in ended.stdout


@pytest.mark.usefixtures("filled")
def test_for_oneself_everything_is_named(spout: Spout) -> None:
    shown = spout("story", "whale-1", "--private").stdout

    assert "Grandma" in shown
    assert "http://umbrel.local:8999/api" in shown


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("name", "words"),
    [("f" * 64, "no whale has or had ffff"), ("what is this", "TXID must be a transaction id")],
)
def test_what_nobody_knows_is_one_line(spout: Spout, name: str, words: str) -> None:
    ended = spout("story", name)

    assert ended.returncode == 2
    assert words in one_line(ended.stderr)
