"""One line of the bench: what was measured, and whether it holds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRow:
    """`bar` says in words what must hold; None, and `holds` None, for a figure that is only printed."""

    name: str
    value: float | int | str
    unit: str
    bar: str | None = None
    holds: bool | None = None


NEIGHBOUR: Final = {"rate": 3_815, "start_mb": 171, "start_s": 1.96}
"""A neighbouring program on the same stream (docs/performance.md), measured once and not here: transactions a
second, megabytes and seconds."""


class BenchModule(Protocol):
    """A module of tests.bench that measures something."""

    rows: Callable[[], object]


def at_most(name: str, value: float, limit: float, unit: str) -> BenchRow:
    return BenchRow(
        name=name, value=_rounded(value), unit=unit, bar=f"<= {limit:g}", holds=bool(value <= limit)
    )


def at_least(name: str, value: float, limit: float, unit: str) -> BenchRow:
    return BenchRow(
        name=name, value=_rounded(value), unit=unit, bar=f">= {limit:g}", holds=bool(value >= limit)
    )


def within(name: str, value: float, low: float, high: float, unit: str) -> BenchRow:
    holds = bool(low <= value <= high)
    return BenchRow(name=name, value=_rounded(value), unit=unit, bar=f"{low:g}..{high:g}", holds=holds)


def shown(name: str, value: float | int | str, unit: str) -> BenchRow:
    return BenchRow(name=name, value=_rounded(value) if isinstance(value, float) else value, unit=unit)


def _rounded(value: float) -> float:
    return float(f"{float(value):.4g}")
