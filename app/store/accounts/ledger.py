"""The rows of outcomes, written in the transaction of the prediction they are of, when they change."""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from app.core.prediction import Prediction
from app.core.scoring import Fate, ForecastOutcome, WhaleOutcome, forecast_outcomes, whale_outcome
from app.store import packing
from app.store.accounts.days import Touched
from app.store.connections import Connection
from app.store.parsed_statements import execute, insert_columns
from app.store.records import microseconds

Life: TypeAlias = tuple[str, datetime]
"""A whale by its id and when it was first seen: one that was forgotten may return under its id."""
WHALES_REMEMBERED: Final = 4_000
DAY_MICROSECONDS: Final = 86_400 * 1_000_000


@dataclass(frozen=True, slots=True)
class Judged:
    """What is in the accounts of one prediction."""

    detected_at: datetime
    forecasts: tuple[ForecastOutcome, ...]
    end: WhaleOutcome | None


class Ledger:
    """Remembers what was written last, so that a revision that decides nothing costs nothing."""

    def __init__(self) -> None:
        self._written: OrderedDict[str, bytes] = OrderedDict()
        """By a whale's id, a digest of what was judged."""
        self._writing: dict[Life, bytes] = {}
        self._kept_before: int | None = None
        self._changed_days: set[int] = set()
        self.touched = Touched()
        """Which days have changed, for whoever remembers their sums."""

    def write(
        self, connection: Connection, whales: Iterable[Prediction], *, begun: Collection[Life] = ()
    ) -> None:
        """Bring the rows of these predictions up to date, inside a transaction; then call `committed`.

        Of those in `begun` nothing has been written before.
        """
        judged = {(one.prediction_id, one.detected_at): judge(one) for one in whales}
        names = {life: packing.digest(packing.plain(one)) for life, one in judged.items()}
        changed = {life: one for life, one in judged.items() if self._written.get(life[0]) != names[life]}
        self._writing = {life: names[life] for life in changed}
        self._changed_days = set()
        if not changed:
            return
        self._changed_days = {day for one in changed.values() for day in _days_of(one)}
        self._changed_days |= _delete(connection, [life for life in changed if life not in begun])
        if self._kept_before is None:
            self._kept_before = kept_before(connection)
        floor = self._kept_before
        insert_columns(connection, "forecast_outcomes", _columns(_forecast_rows(changed.values(), floor)))
        insert_columns(connection, "whale_outcomes", _columns(_whale_rows(changed.values(), floor)))

    def doubt(self) -> None:
        """Whether the last rows were kept is not known: forget what was written."""
        self._written.clear()
        self.forget_days()
        self.touched.note_all()

    def forget_days(self) -> None:
        """The days of which only sums are kept may have changed: read them again."""
        self._kept_before = None

    def committed(self) -> None:
        for (name, _), one in self._writing.items():
            self._written[name] = one
            self._written.move_to_end(name)
        self._writing = {}
        self.touched.note(self._changed_days)
        self._changed_days = set()
        while len(self._written) > WHALES_REMEMBERED:
            self._written.popitem(last=False)


def judge(whale: Prediction) -> Judged:
    return Judged(whale.detected_at, tuple(forecast_outcomes(whale)), whale_outcome(whale))


def kept_before(connection: Connection) -> int:
    """The day from which on there are rows; of earlier ones only sums are kept."""
    found = execute(connection, "SELECT max(value::INTEGER) FROM meta WHERE key = 'accounts_from'").fetchone()
    return found[0] if found and found[0] is not None else 0


def day_of(at: datetime) -> int:
    """Since 1970, UTC."""
    return microseconds(at) // DAY_MICROSECONDS


def _days_of(judged: Judged) -> Iterator[int]:
    yield from (day_of(one.at) for one in judged.forecasts)
    if judged.end is not None:
        yield day_of(judged.end.at)


def _delete(connection: Connection, lives: Iterable[Life]) -> set[int]:
    """A day of first sights at a time: of other days no row is looked at. Return the days of the rows."""
    days: dict[int, list[Life]] = {}
    for life in lives:
        days.setdefault(day_of(life[1]), []).append(life)
    gone: set[int] = set()
    for those in days.values():
        names, moments = [name for name, _ in those], [at for _, at in those]
        for table in ("forecast_outcomes", "whale_outcomes"):
            deleted = execute(
                connection,
                f"DELETE FROM {table} WHERE detected_at BETWEEN ? AND ? "  # noqa: S608 - a word of ours
                "AND (prediction_id, detected_at) IN "
                "(SELECT (unnest(?::VARCHAR[]), unnest(?::TIMESTAMPTZ[]))) RETURNING day",
                [min(moments), max(moments), names, moments],
            ).fetchall()
            gone |= {day for (day,) in deleted}
    return gone


def _forecast_rows(judged: Iterable[Judged], floor: int) -> list[tuple[Any, ...]]:
    return [
        (
            one.prediction_id,
            whale.detected_at,
            one.at,
            day_of(one.at),
            _final_day(whale, one),
            one.result.value,
            one.fate.value,
            one.blocks,
            one.made_at,
            one.at_height,
            one.due_height,
            *(round(chance * 10_000) for chance in one.stated),
            one.projected_block,
            one.urgency.value,
            one.flow.value,
            one.first_seen_by.value,
        )
        for whale in judged
        for one in whale.forecasts
        if (final := _final_day(whale, one)) is None or final >= floor
    ]


def _final_day(whale: Judged, one: ForecastOutcome) -> int | None:
    if one.fate is Fate.PENDING:
        return None
    return day_of(one.at if whale.end is None or one.fate is Fate.REPLACED else whale.end.at)


def _whale_rows(judged: Iterable[Judged], floor: int) -> list[tuple[Any, ...]]:
    return [
        (
            one.prediction_id,
            whale.detected_at,
            one.at,
            day_of(one.at),
            one.confirmed,
            one.lead_time_seconds,
            one.excused,
            one.flow_right,
            one.announced,
            one.urgency.value if one.urgency else None,
            one.flow.value,
            one.first_seen_by.value,
        )
        for whale in judged
        if (one := whale.end) is not None and day_of(one.at) >= floor
    ]


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
