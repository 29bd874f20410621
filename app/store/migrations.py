"""The schema, one numbered step after the other; each runs once, all in one transaction."""

from importlib.resources import files

from app.errors import StoreNewerError
from app.store.database import Connection

LATEST = 3
"""Add `schema_<n>.sql` and raise this; a step that has shipped is never edited."""


def schema_version(connection: Connection) -> int:
    """0 for a database without tables."""
    known = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'meta' AND NOT internal"
    ).fetchone()
    if not known or not known[0]:
        return 0
    found = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    return int(found[0]) if found else 0


def refuse_newer(version: int) -> None:
    """Raise StoreNewerError for a schema that this Spout does not know."""
    if version > LATEST:
        raise StoreNewerError(
            f"the database has schema {version} and this Spout knows {LATEST}: it was written by a newer "
            "Spout. Install that one again, or choose another SPOUT_DATA_DIR; the files are left untouched"
        )


def migrate(connection: Connection, instance: str) -> None:
    """Bring the schema up to LATEST, inside a transaction. `instance` names the database if it is new."""
    version = schema_version(connection)
    refuse_newer(version)
    for step in range(version + 1, LATEST + 1):
        connection.execute((files("app.store") / f"schema_{step}.sql").read_text("utf-8"))
    if version == 0:
        connection.execute("INSERT INTO meta VALUES ('instance', ?), ('schema_version', '0')", [instance])
    if version != LATEST:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(LATEST)])
