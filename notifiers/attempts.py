"""Attempts as rows, and what follows of each for its delivery, its whale's message and its endpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.core.alerts import EndpointProgress, Result
from app.store import Connection, execute
from notifiers.model import AttemptOutcome
from notifiers.progress import keep_progress
from notifiers.rows import insert


class CountAttempt(Protocol):
    """Counts an attempt to send an alert, for /metrics."""

    def __call__(self, *, delivered: bool) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """One attempt and what follows from it; `delivery` is None for a heartbeat."""

    endpoint_id: str
    delivery: str | None
    at: datetime
    outcome: AttemptOutcome
    result: Result
    because: str | None
    progress: EndpointProgress
    prediction_id: str | None = None
    refusals: int = 0
    """How often the delivery was permanently refused since it began to wait, this attempt included."""
    progressed: bool
    """Whether `progress` differs from what is kept."""


def keep_attempts(connection: Connection, attempts: Sequence[Attempted]) -> None:
    """Write attempts, and what follows of them for their deliveries, threads and endpoints."""
    insert(
        connection,
        "attempts",
        [
            (
                one.delivery,
                one.endpoint_id,
                one.at,
                one.outcome.delivered,
                one.outcome.ms,
                one.outcome.status_code,
                one.outcome.error,
                one.outcome.answer,
            )
            for one in attempts
        ],
    )
    settled: dict[tuple[str, str | None], list[str]] = {}
    for one in attempts:
        if one.delivery is not None and one.result is not Result.WAITING:
            settled.setdefault((one.result.value, one.because), []).append(one.delivery)
    for (status, because), ids in settled.items():
        # What a receiver has taken is delivered, also where it was dropped while it was on its way.
        execute(
            connection,
            "UPDATE deliveries SET status = ?, because = ? "
            "WHERE (status = 'waiting' OR ?) AND id IN (SELECT unnest(?))",
            [status, because, status == Result.DELIVERED.value, ids],
        )
    for one in attempts:
        if one.outcome.permanent and one.result is Result.WAITING:
            execute(
                connection, "UPDATE deliveries SET refusals = ? WHERE id = ?", [one.refusals, one.delivery]
            )
    for one in attempts:
        if one.outcome.message_id is not None and one.prediction_id is not None:
            execute(
                connection,
                "UPDATE alert_threads SET message_id = ? WHERE endpoint_id = ? AND prediction_id = ?",
                [one.outcome.message_id, one.endpoint_id, one.prediction_id],
            )
    for one in attempts:
        if one.progressed:
            keep_progress(connection, one.endpoint_id, one.progress)
