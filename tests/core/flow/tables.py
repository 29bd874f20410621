"""Tables for eyes: the checks print what they found (`pytest -s`)."""

from collections import Counter
from collections.abc import Iterable, Sequence


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [list(head), *cells]) for column in range(len(head))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    first = "  ".join(name.rjust(width) for name, width in zip(head, widths, strict=True))
    return "\n".join(["", title, first, *lines, ""])


def confusion(title: str, pairs: Iterable[tuple[str, str]], names: Sequence[str]) -> str:
    """Rows are the truth, columns what was said."""
    counts = Counter(pairs)
    rows = [[name, *(counts[name, said] or "." for said in names)] for name in names]
    return table(title, ["truth \\ said", *names], rows)
