"""Writes docs/schema/v1 from the models: `python -m tests.api.freeze [NAME…]`.

A shape that would break what its file promises is refused, unless it is named: only a shape that no
version of Spout has shipped may be frozen anew.
"""

import json
import sys
from pathlib import Path
from typing import Any

from app.api.models import ASKED, SHAPES, Request, Shape
from app.api.settings_change import SettingsChange
from tests.api.compatibility import breaks

FROZEN: dict[str, type[Shape | Request]] = {**SHAPES, **ASKED, SettingsChange.__name__: SettingsChange}
FOLDER = Path(__file__).parents[2] / "docs" / "schema" / "v1"


def frozen(name: str) -> dict[str, Any]:
    reported: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return reported


def main(anew: list[str]) -> int:
    refused = 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, shape in FROZEN.items():
        path, schema = FOLDER / f"{name}.json", shape.model_json_schema()
        broken = (
            breaks(frozen(name), schema, request=issubclass(shape, Request))
            if path.exists() and name not in anew
            else []
        )
        for words in broken:
            print(f"{name} {words}", file=sys.stderr)
        refused += bool(broken)
        if not broken:
            path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
