"""The operator's data in a backup: rows of `operator.db` as JSON, and how they are merged back.

Keys are there as hashes, endpoints' secrets sealed under SPOUT_SECRET: useless without that.
"""

import base64
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec

Row: TypeAlias = tuple[str, str]
"""A table's name, and a row of it as a JSON object."""


class _Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: str
    scope: str
    hash: str
    created_at: str
    revoked_at: str | None


class _Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    script: str
    address: str
    entity: str
    group: str
    kind: str
    basis: str
    created_at: str
    private: int = 0


class _Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    value: str
    changed_at: str


class _Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: str
    kind: str
    settings: str
    sealed: str
    enabled: int
    disabled_because: str | None
    created_at: str


_SHAPES: Final[dict[str, type[msgspec.Struct]]] = {
    "keys": _Key,
    "labels": _Label,
    "settings": _Setting,
    "endpoints": _Endpoint,
}
_MOST_ROWS: Final = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What of a backup would let somebody in, or send something out: listed before it is taken."""

    keys: tuple[str, ...]
    endpoints: tuple[str, ...]
    settings: tuple[str, ...]
    labels: int

    @property
    def any(self) -> bool:
        return bool(self.keys or self.endpoints or self.settings or self.labels)


def operator_rows(connection: sqlite3.Connection) -> list[Row]:
    """Return all that a backup takes of the operator's data."""
    found: list[Row] = []
    for table, shape in _SHAPES.items():
        names = ", ".join(f'"{name}"' for name in shape.__struct_fields__)
        for row in connection.execute(f"SELECT {names} FROM {table}"):  # noqa: S608 - our own words
            values = [base64.b64encode(one).decode() if isinstance(one, bytes) else one for one in row]
            body = dict(zip(shape.__struct_fields__, values, strict=True))
            found.append((table, msgspec.json.encode(body).decode()))
    return found


def parsed(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Return the rows as models by table; of an unknown table none.

    Raises:
        msgspec.DecodeError: if a row is not of its table's shape.
        ValueError: if there are too many.
    """
    if len(rows) > _MOST_ROWS:
        raise ValueError(f"more than {_MOST_ROWS} rows of keys, labels and endpoints")
    found: dict[str, list[Any]] = {table: [] for table in _SHAPES}
    for table, body in rows:
        if table in _SHAPES:
            found[table].append(msgspec.json.decode(body, type=_SHAPES[table]))
    return found


def access_of(found: dict[str, list[Any]]) -> Access:
    return Access(
        keys=tuple(f"{one.name} ({one.scope})" for one in found["keys"] if one.revoked_at is None),
        endpoints=tuple(f"{one.name} ({one.kind})" for one in found["endpoints"]),
        settings=tuple(f"{one.name}={one.value}" for one in found["settings"]),
        labels=len(found["labels"]),
    )


def merge(connection: sqlite3.Connection, found: dict[str, list[Any]], *, trusted: bool) -> list[str]:
    """Put the rows back; return the names of keys that a living key of the same name kept out.

    Whatever was revoked, here or in the backup, is revoked afterwards; without trust nothing else is taken.
    """
    kept_out = []
    if trusted:
        kept_out = [one.name for one in found["keys"] if not _put_key(connection, one)]
        _replace(connection, "labels", found["labels"])
        _replace(connection, "settings", found["settings"])
        for one in found["endpoints"]:
            _put_endpoint(connection, one)
    for one in found["keys"]:
        if one.revoked_at is not None:
            connection.execute(
                "UPDATE keys SET revoked_at = ? WHERE (id = ? OR hash = ?) AND revoked_at IS NULL",
                (one.revoked_at, one.id, one.hash),
            )
    return kept_out


def _put_key(connection: sqlite3.Connection, key: _Key) -> bool:
    """Insert a key that is not here yet; False if a living one has its name."""
    known = connection.execute("SELECT 1 FROM keys WHERE id = ? OR hash = ?", (key.id, key.hash)).fetchone()
    if known:
        return True
    taken = connection.execute(
        "SELECT 1 FROM keys WHERE name = ? AND revoked_at IS NULL", (key.name,)
    ).fetchone()
    if taken and key.revoked_at is None:
        return False
    _insert(connection, "INSERT", "keys", msgspec.structs.astuple(key), _Key.__struct_fields__)
    return True


def _put_endpoint(connection: sqlite3.Connection, endpoint: _Endpoint) -> None:
    """Put it in place of one of the same id or name; one that is disabled here stays so."""
    here = connection.execute(
        "SELECT enabled, disabled_because FROM endpoints WHERE id = ?", (endpoint.id,)
    ).fetchone()
    if here and not here[0]:
        endpoint = msgspec.structs.replace(endpoint, enabled=0, disabled_because=here[1])
    connection.execute("DELETE FROM endpoints WHERE id = ? OR name = ?", (endpoint.id, endpoint.name))
    values = list(msgspec.structs.astuple(endpoint))
    fields = _Endpoint.__struct_fields__
    values[fields.index("sealed")] = base64.b64decode(endpoint.sealed)
    _insert(connection, "INSERT", "endpoints", values, fields)


def _replace(connection: sqlite3.Connection, table: str, rows: Iterable[msgspec.Struct]) -> None:
    for row in rows:
        _insert(connection, "REPLACE", table, msgspec.structs.astuple(row), row.__struct_fields__)


def _insert(
    connection: sqlite3.Connection, how: str, table: str, values: Sequence[Any], fields: Sequence[str]
) -> None:
    names = ", ".join(f'"{name}"' for name in fields)
    places = ", ".join("?" * len(fields))
    connection.execute(f"{how} INTO {table} ({names}) VALUES ({places})", tuple(values))
