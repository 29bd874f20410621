"""The README tells of every call and of every file there is."""

import re
from pathlib import Path

from tests.backend.control import Control
from tests.backend.server import Backend
from tests.backend.world import World

HERE = Path(__file__).parent


def rows(heading: str, column: int) -> set[str]:
    """The words in backquotes of one column of the table under a heading."""
    _, _, after = (HERE / "README.md").read_text("utf-8").partition(f"## {heading}\n")
    lines = [line for line in after.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return {word for line in lines for word in re.findall(r"`(\w+)`", line.split("|")[column])}


def test_every_call_is_told() -> None:
    assert rows("Drive it", 1) == Control(Backend(World())).names


def test_every_file_is_told() -> None:
    files = {path.stem for path in HERE.glob("*.py") if not path.stem.startswith("test_")}

    assert rows("How it is built", 2) == files - {"__init__"}
