"""The schema as numbered steps; each runs once, all in one transaction."""

from importlib.resources import files

from app.errors import StoreNewerError
from app.store.connections import Connection

FLOOR = "sequence_floor"
"""The key in `meta` of the last number given before a restore: no event gets it or a lower one again."""
LATEST = 11
"""To change the schema add `schema_<n>.sql` and raise this; a released step is never edited."""


def schema_version(connection: Connection) -> int:
    """Return the schema version; 0 for a database without tables."""
    if not has_table(connection, "meta"):
        return 0
    found = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    return int(found[0]) if found else 0


def has_table(connection: Connection, name: str) -> bool:
    found = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = ? AND NOT internal", [name]
    ).fetchone()
    return bool(found and found[0])


def refuse_newer(version: int) -> None:
    """Raise StoreNewerError for a schema newer than this Spout's."""
    if version > LATEST:
        raise StoreNewerError(
            f"the database has schema {version} and this Spout knows {LATEST}: it was written by a newer "
            "Spout. Install that one again, or choose another SPOUT_DATA_DIR; the files are left untouched"
        )


def build(connection: Connection, version: int) -> None:
    """Make the empty tables of that version in a new database; `meta` stays empty."""
    for step in range(1, version + 1):
        connection.execute((files("app.store") / f"schema_{step}.sql").read_text("utf-8"))


def migrate(connection: Connection, instance: str) -> None:
    """Migrate the schema to LATEST, inside a transaction. `instance` is the id of a new database."""
    version = schema_version(connection)
    refuse_newer(version)
    for step in range(version + 1, LATEST + 1):
        connection.execute((files("app.store") / f"schema_{step}.sql").read_text("utf-8"))
    if version == 0:
        connection.execute("INSERT INTO meta VALUES ('instance', ?), ('schema_version', '0')", [instance])
    if version != LATEST:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(LATEST)])
