"""The backups that lie in the data directory."""

from pydantic import Field

from app.api.models.kinds import Answer, Count, Moment, Shape


class Backup(Shape):
    """One file of `backups/` in the data directory; `spout restore FILE` brings it back."""

    name: str = Field(description="of the file", examples=["spout-20261127T031500Z.backup"])
    bytes: Count = Field(description="the size of the file")
    made_at: Moment


class Backups(Answer):
    """`GET /api/v1/backups`."""

    backups: list[Backup] = Field(description="newest first; the newest three are kept")
    directory: str = Field(description="where they lie on the box")
    total_count: Count


class MadeBackup(Answer, Backup):
    """`POST /api/v1/backups`: the one that was made."""
