"""`app/__init__.py` is the map of the house: it names every room and every file, and no other."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOM = re.compile(r"^([a-z_/]+)/(?:  |$)")
LINE = re.compile(r"^  ([a-z_0-9]+) ")


def on_the_map() -> set[str]:
    page = ast.get_docstring(ast.parse((ROOT / "app/__init__.py").read_text("utf-8")), clean=False) or ""
    named, room = set[str](), ""
    for line in page.splitlines():
        if found := ROOM.match(line):
            room = found.group(1)
            named.add(f"{room}/__init__.py")
        elif room and (found := LINE.match(line)):
            named.add(f"{room}/{found.group(1)}.py")
    return named


def in_the_tree() -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for top in ("app", "dashboard", "notifiers")
        for path in (ROOT / top).rglob("*.py")
    }


def test_every_file_has_a_line_on_the_map() -> None:
    assert sorted(in_the_tree() - on_the_map()) == []


def test_the_map_names_nothing_that_is_not_there() -> None:
    assert sorted(on_the_map() - in_the_tree()) == []


@pytest.mark.parametrize("top", ["app", "dashboard", "notifiers"])
def test_every_room_has_a_front_door(top: str) -> None:
    rooms = {path.parent for path in (ROOT / top).rglob("*.py")}

    assert sorted(str(room.relative_to(ROOT)) for room in rooms if not (room / "__init__.py").exists()) == []
