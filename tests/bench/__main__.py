"""`python -m tests.bench [name,...]`: run the benches, print a table, write bench.json.

Every module of this package with a `rows()` is a bench. A name picks every row whose name begins with it
(`forecast`, `forecast.reference`), or a module of that name. Exit 1 when a bar does not hold.
"""

import importlib
import json
import pkgutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import tests.bench
from tests.bench.rows import BenchRow

RESULT = Path("bench.json")
AREAS = frozenset(
    (
        "ingest",
        "latency",
        "memory",
        "start",
        "growth",
        "forecast",
        "history",
        "alerts",
        "dashboard",
        "recovery",
        "image",
    )
)
"""With what the name of a row may begin."""


def main(arguments: Sequence[str]) -> int:
    wanted = [name for argument in arguments for name in argument.split(",") if name]
    unknown = [name for name in wanted if name.split(".")[0] not in AREAS and not _modules([name])]
    if unknown:
        print(f"no bench is called {', '.join(unknown)}", file=sys.stderr)
        return 2
    kept: list[BenchRow] = []
    for module_name in _modules(wanted):
        for row in importlib.import_module(f"tests.bench.{module_name}").rows():
            if not wanted or any(_picks(name, module_name, row.name) for name in wanted):
                kept.append(row)
                print(_line(row), flush=True)
    RESULT.write_text(json.dumps([asdict(row) for row in kept], indent=1) + "\n", encoding="utf-8")
    missed = [row.name for row in kept if row.holds is False]
    barred = sum(row.holds is not None for row in kept)
    print(f"{barred - len(missed)} of {barred} bars hold; {len(kept)} figures in {RESULT}")
    for name in missed:
        print(f"does not hold: {name}")
    return 1 if missed else 0


def _modules(wanted: Sequence[str]) -> list[str]:
    """Return the fewest modules that make all wanted rows.

    A module `forecast_cost` makes the rows `forecast.cost.…`, and `forecast` those and more: so without a
    name only modules that are nobody's part are run. A name no module answers to may be a row of any.
    """
    parts = sorted(found.name for found in pkgutil.iter_modules(tests.bench.__path__) if found.name[0] != "_")
    benches = [name for name in parts if hasattr(importlib.import_module(f"tests.bench.{name}"), "rows")]
    whole = [name for name in benches if not any(name.startswith(f"{other}_") for other in benches)]
    chosen: set[str] = set()
    for name in wanted:
        makers = [one for one in benches if f"{_dotted(name)}.".startswith(f"{_dotted(one)}.")]
        if makers:
            chosen.add(max(makers, key=len))
        elif name.split(".")[0] in AREAS:
            chosen.update(whole)
    return sorted(chosen) if wanted else whole


def _dotted(module_name: str) -> str:
    return module_name.replace("_", ".")


def _picks(wanted: str, module_name: str, row_name: str) -> bool:
    return row_name == wanted or row_name.startswith(f"{wanted}.") or wanted == module_name


def _line(row: BenchRow) -> str:
    verdict = {True: "holds", False: "DOES NOT HOLD", None: ""}[row.holds]
    return f"{row.name:<58} {row.value!s:>12} {row.unit:<12} {row.bar or '':<14} {verdict}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
