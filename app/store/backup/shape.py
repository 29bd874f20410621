"""The tables of a schema, and what a column of each kind may hold."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from app.store.connections import Connection

OPERATOR_TABLE: Final = "operator_rows"
"""The operator's rows in a backup: a table's name, a row as JSON."""
LATEST_TIME: Final = 7_258_118_400_000_000
"""The year 2200 in microseconds; 1970 is the earliest."""
LONGEST_TEXT: Final = 8 * 1024 * 1024
LARGEST_NUMBER: Final = 2**53
LONGEST_LIST: Final = 10_000
_INTEGERS: Final = {
    "BIGINT": LARGEST_NUMBER,
    "INTEGER": 2**31 - 1,
    "USMALLINT": 2**16 - 1,
    "UBIGINT": 2**64 - 1,
}


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: str
    nullable: bool

    @property
    def selected(self) -> str:
        """The expression that reads it, with the kind that it must have."""
        if self.kind.startswith("TIMESTAMP"):
            return f'epoch_us(CAST("{self.name}" AS TIMESTAMPTZ))'
        return f'CAST("{self.name}" AS {self.kind})'

    def fits(self, value: Any) -> bool:  # noqa: ANN401 - whatever a stranger sends
        if value is None:
            return self.nullable
        return _CHECKS[self.kind](value)


def columns_of(connection: Connection) -> dict[str, tuple[Column, ...]]:
    """Return the columns of each base table of our own schema."""
    rows = connection.execute(
        "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
        "WHERE NOT internal AND schema_name = 'main' AND database_name = current_database() "
        "ORDER BY table_name, column_index"
    ).fetchall()
    found: dict[str, tuple[Column, ...]] = {}
    for table, name, kind, nullable in rows:
        found[table] = (*found.get(table, ()), Column(name, kind, nullable))
    return found


def _integer(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _text(value: Any) -> bool:  # noqa: ANN401 - a foreign file holds anything
    return isinstance(value, str) and len(value) <= LONGEST_TEXT


_CHECKS: Final[dict[str, Callable[[Any], bool]]] = {
    **{kind: _integer(0 if kind[0] == "U" else -most, most) for kind, most in _INTEGERS.items()},
    "TIMESTAMP WITH TIME ZONE": _integer(0, LATEST_TIME),
    "VARCHAR": _text,
    "BLOB": lambda value: isinstance(value, bytes) and len(value) <= LONGEST_TEXT,
    "BOOLEAN": lambda value: isinstance(value, bool),
    "DOUBLE": lambda value: isinstance(value, float | int) and not isinstance(value, bool),
    "VARCHAR[]": lambda value: (
        isinstance(value, list) and len(value) <= LONGEST_LIST and all(map(_text, value))
    ),
}
