"""One word, one thing: the field's term in every identifier and file name, none of those it replaced."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
HERE = Path(__file__).name
WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+")

GONE = {
    "tell": "publish or emit",
    "tells": "publish or emit",
    "telling": "publish or emit",
    "told": "reply, reported or published",
    "hear": "receive",
    "hears": "receive",
    "heard": "received",
    "hearing": "topics",
    "glimpsed": "projected",
    "keeper": "event store",
    "asker": "question queue",
    "foretell": "forecast",
    "foreteller": "forecast source",
    "shed": "unloaded",
    "shedding": "unloading",
    "aside": "unloaded (whales) or quarantined (files)",
    "sight": "visibility, or seen by",
    "rung": "level",
    "rungs": "levels",
    "ladder": "visibility",
    "footing": "visibility",
    "whereabouts": "status",
    "heir": "replacement",
    "mend": "remedy",
    "mending": "remedy",
    "leftover": "backlog",
    "leftovers": "backlog",
    "prober": "pinger",
    "straightened": "recalibrated",
    "unstraightened": "raw",
    "equip": "set table",
    "learner": "recalibrator",
    "school": "recalibrator",
    "painter": "renderer",
    "painters": "renderers",
    "picture": "page state",
    "beat": "pulse",
    "house": "composition",
    "judging": "whale policy",
    "judgement": "whale policy",
    "inquire": "answering",
    "inquirer": "answering",
}
IN_ANOTHER_SENSE = {
    "beat": "of a heartbeat",
    "first_sight": "the first time a transaction is seen",
    "at_first_sight": "the first time a transaction is seen",
}
SEEN_OUTSIDE = {
    "rung": {"app/api/health.py", "app/api/models/health.py", "app/api/models/events.py"},
    "shed": {"app/api/models/events.py"},
    "tell": {
        "app/source/backend/connection.py",
        "app/source/recording/json_lines.py",
    },  # of a file: where it stands
}
"""Names that programs outside rely on, or that the standard library gave."""
ONE_CLASS = ("Sides", "Door", "Labels", "Session", "Moved", "Place", "Sight", "Listener", "VerboseTx")
"""Once each of them was two things; what crosses the edge (`api.models`) is named like what it shows."""


def files() -> Iterator[Path]:
    for top in ("app", "dashboard", "notifiers", "tests"):
        yield from (path for path in (ROOT / top).rglob("*.py") if path.name != HERE)


def identifiers(path: Path) -> Iterator[str]:
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                if not name.startswith("test_"):  # the name of a test is a sentence
                    yield name
            case ast.keyword(arg=str(name)):
                yield name
            case ast.alias(name=name, asname=asname):
                yield asname or name.rpartition(".")[2]
            case _:
                pass


def test_no_identifier_uses_a_word_that_was_replaced() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}: say {GONE[word]}"
        for path in files()
        for name in set(identifiers(path))
        if name not in IN_ANOTHER_SENSE
        for word in (part.lower() for part in WORD.findall(name))
        if word in GONE and str(path.relative_to(ROOT)) not in SEEN_OUTSIDE.get(name, ())
    }

    assert sorted(found) == []


def test_no_name_means_two_things() -> None:
    classes: dict[str, list[str]] = {}
    for path in files():
        where = str(path.relative_to(ROOT))
        if where.startswith(("tests/", "app/api/models/")):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                classes.setdefault(node.name, []).append(where)

    assert {name: where for name, where in classes.items() if name in ONE_CLASS and len(where) > 1} == {}
