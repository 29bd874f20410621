"""A field that a whale gains in its shape and the mapping is in API, OpenAPI, events, stream and row."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MAPPING = Path("app/api/models/mapping.py")
SUBCLASS = '''

class MempoolWhaleSignal(MempoolWhaleSignal):
    """One whale, and the weather."""

    weather: str
'''
SAY_IT_ALL = """
import json, sys
from dashboard.feed.rows import row_of
from app.api.models import DATA_OF, MempoolWhaleSignal, PredictionLife, PredictionPage, signal_of
from app.api.openapi import document
from app.api.predictions import life_of
from app.api.stream.frames import event_text
from app.core.events import EventType, Happening
from app.store.records import numbered
from tests.api.builders import a_prediction
from tests.fakes import NOON

whale = a_prediction()
happening = Happening(type=EventType.DETECTED, at=NOON, prediction=whale)
(event,) = numbered([happening], instance="x", after=0)
schemas = document()["components"]["schemas"]
print(json.dumps({
    "API, one": life_of(whale, (event,)).body(),
    "API, list": signal_of(whale).body(),
    "stored event": event.body,
    "stream": json.loads(event_text(event))["data"],
    "row": row_of(whale),
    "OpenAPI": schemas["MempoolWhaleSignal"]["properties"],
    "OpenAPI, one": schemas["PredictionLife"]["properties"],
    "OpenAPI, list": PredictionPage.model_json_schema()["$defs"]["MempoolWhaleSignal"]["properties"],
    "event schema": DATA_OF[EventType.DETECTED].model_json_schema()["properties"],
}))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """By a copy of the code in which the mapping alone is another."""
    here = tmp_path_factory.mktemp("copy")
    for folder in ("app", "dashboard", "notifiers", "tests"):
        shutil.copytree(ROOT / folder, here / folder, ignore=shutil.ignore_patterns("__pycache__", "*.gz"))
    mapping = here / MAPPING
    before, found, after = mapping.read_text().partition("\n\ndef signal_of(")
    filled = after.replace("demo=prediction.demo,", 'demo=prediction.demo,\n        weather="rain",')
    mapping.write_text(before + SUBCLASS + found + filled)
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(here)!r})\n{SAY_IT_ALL}"],
        cwd=here,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    reported: dict[str, dict[str, Any]] = json.loads(ended.stdout)
    return reported


@pytest.mark.parametrize("where", ["API, one", "API, list", "stored event", "stream", "row"])
def test_a_new_field_is_said(said: dict[str, dict[str, Any]], where: str) -> None:
    assert said[where]["weather"] == "rain"


@pytest.mark.parametrize("where", ["OpenAPI", "OpenAPI, one", "OpenAPI, list", "event schema"])
def test_a_new_field_is_documented(said: dict[str, dict[str, Any]], where: str) -> None:
    assert said[where]["weather"]["type"] == "string"
