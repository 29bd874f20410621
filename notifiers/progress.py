"""How endpoints fared so far, from the attempts that are kept: for the schedule."""

from datetime import UTC, datetime, timedelta
from typing import Final

from app.core.alerts import LONGEST_STEP, EndpointProgress
from app.store import Connection, execute

_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def progress_of_all(connection: Connection) -> dict[str, EndpointProgress]:
    """How each failing endpoint fares, as it was last kept."""
    rows = connection.execute(
        "SELECT endpoint_id, epoch_us(failing_since), streak, epoch_us(next_attempt_at) "
        "FROM endpoint_progress"
    ).fetchall()
    return {
        row[0]: EndpointProgress(
            failing_since=moment(row[1]),
            streak=row[2],
            next_attempt_at=moment(row[3]),
            attempted_at=attempted_at,
            failing_for=failing_for,
        )
        for row in rows
        for attempted_at, failing_for in [_failing(connection, row[0], moment(row[1]))]
    }


def keep_progress(connection: Connection, endpoint_id: str, progress: EndpointProgress) -> None:
    execute(connection, "DELETE FROM endpoint_progress WHERE endpoint_id = ?", [endpoint_id])
    if progress != EndpointProgress():
        execute(
            connection,
            "INSERT INTO endpoint_progress VALUES (?, ?, ?, ?)",
            [endpoint_id, progress.failing_since, progress.streak, progress.next_attempt_at],
        )


def _failing(
    connection: Connection, endpoint_id: str, since: datetime | None
) -> tuple[datetime | None, timedelta]:
    """When it was last attempted, and how long it has failed, made of the waits between its attempts."""
    row = connection.execute(
        "SELECT epoch_us(max(attempted_at)), sum(waited)::BIGINT FROM ("
        "SELECT attempted_at, least(epoch_us(attempted_at) - lag(epoch_us(attempted_at)) "
        "OVER (ORDER BY attempted_at), $3) AS waited FROM attempts "
        "WHERE endpoint_id = $1 AND attempted_at >= $2)",
        [endpoint_id, since, LONGEST_STEP // _MICROSECOND],
    ).fetchone()
    at, waited = row or (None, None)
    return moment(at), (waited or 0) * _MICROSECOND


def moment(microseconds: int | None) -> datetime | None:
    """A moment as DuckDB counts it, in microseconds since 1970."""
    return None if microseconds is None else _EPOCH + microseconds * _MICROSECOND
