"""A replay's summary for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from app.engine import Summary


def print_summary(summary: Summary) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for name, value in rows(summary.as_dict()):
        table.add_row(name, value)
    Console().print(table)


def rows(figures: Mapping[str, Any], indent: str = "") -> Iterator[tuple[str, str]]:
    """Yield each figure with its name, in the contract's order, groups indented; None is "unknown"."""
    for name, value in figures.items():
        label = indent + name.replace("_", " ")
        if isinstance(value, dict):
            yield label, ""
            yield from rows(value, indent + "  ")
        elif value is None:
            yield label, "unknown"
        else:
            yield label, f"{value:,}" if isinstance(value, int | float) else str(value)
