"""`python -m tests.bench [name,...]`: run the benches, print a table, write bench.json.

Every module of this package with a `rows()` is a bench. A name picks the module of that name, or every row
whose name begins with it (`forecast`, `forecast.reference`). Exit 1 when a bar does not hold.
"""

import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import tests.bench
from tests.bench.rows import BenchRow

RESULT = Path("bench.json")


def main(arguments: Sequence[str]) -> int:
    wanted = [name for argument in arguments for name in argument.split(",") if name]
    kept: list[BenchRow] = []
    for module_name in _modules(wanted):
        module = importlib.import_module(f"tests.bench.{module_name}")
        if not hasattr(module, "rows"):
            continue
        for row in module.rows():
            if not wanted or any(_picks(name, module_name, row.name) for name in wanted):
                kept.append(row)
                print(_line(row), flush=True)
    if wanted and not kept:
        print(f"no bench is called {', '.join(wanted)}", file=sys.stderr)
        return 2
    RESULT.write_text(json.dumps([asdict(row) for row in kept], indent=1) + "\n", encoding="utf-8")
    missed = [row.name for row in kept if row.holds is False]
    barred = sum(row.holds is not None for row in kept)
    print(f"{barred - len(missed)} of {barred} bars hold; {len(kept)} figures in {RESULT}")
    for name in missed:
        print(f"does not hold: {name}")
    return 1 if missed else 0


def _modules(wanted: Sequence[str]) -> Iterator[str]:
    """Yield the modules that can make a wanted row: the first word of a row is its module's name, or not."""
    names = [found.name for found in pkgutil.iter_modules(tests.bench.__path__) if found.name[0] != "_"]
    heads = {name.split(".")[0] for name in wanted}
    chosen = [name for name in names if name in heads] if heads & set(names) else names
    yield from (sorted(chosen))


def _picks(wanted: str, module_name: str, row_name: str) -> bool:
    return row_name == wanted or row_name.startswith(f"{wanted}.") or wanted == module_name


def _line(row: BenchRow) -> str:
    verdict = {True: "holds", False: "DOES NOT HOLD", None: ""}[row.holds]
    return f"{row.name:<58} {row.value!s:>12} {row.unit:<12} {row.bar or '':<14} {verdict}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
