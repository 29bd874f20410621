"""The figures, read from the store: by period, over a window, and what the monitor asks."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeVar

import msgspec

from app.core.classification import Flow
from app.core.events import EventType
from app.core.models import SourceName
from app.core.prediction import Outcome, Urgency
from app.core.scoring import (
    WINDOWS,
    Circumstances,
    Fate,
    Figures,
    ForecastOutcome,
    LeadTimes,
    Period,
    Sums,
    WindowCount,
    calibration_of,
    figures_of,
)
from app.core.units import Height, Txid
from app.store.accounts import misses, statements
from app.store.accounts.cube import Added, added, calibration_rows, of_forecasts
from app.store.accounts.days import Days, Totals, Touched, fetched, waiting
from app.store.accounts.ledger import day_of
from app.store.connections import Connection
from app.store.database import Database
from app.store.parsed_statements import execute, of_words
from app.store.records import microseconds, moment
from app.views import AccuracyState, Correlation, MissPage, PeriodFigures

T = TypeVar("T")
MOST_MISSES: Final = 2_000
"""Looked at for a reason; the latest."""
_SUMS: Final = msgspec.json.Decoder(Sums)
_FIRST_DAY: Final = date(1970, 1, 1)
_NEXT: Final = {
    Period.DAILY: lambda day: day + timedelta(days=1),
    Period.WEEKLY: lambda day: day + timedelta(days=7),
    Period.MONTHLY: lambda day: (day.replace(day=1) + timedelta(days=32)).replace(day=1),
    Period.QUARTERLY: lambda day: (day.replace(day=1) + timedelta(days=95)).replace(day=1),
}


class AccountStore:
    """Implements `app.views.Accounts`; reads only."""

    def __init__(self, database: Database, touched: Touched | None = None) -> None:
        """`touched`: of the store that writes; without it every day is added up anew for each answer."""
        self._database = database
        self._touched = touched
        self._days = Days(touched)

    async def statistics(self, period: Period, start: datetime, end: datetime) -> tuple[PeriodFigures, ...]:
        """Whole periods that [start, end) touches and in which anything came due or ended, oldest first."""
        return await self._read(lambda connection, days: _statistics(connection, days, period, start, end))

    async def correlation(self, start: datetime, end: datetime) -> Correlation:
        """Everything that came due or ended in [start, end)."""
        return await self._read(lambda connection, days: _correlation(connection, days, start, end))

    async def lead_time_counts(self, start: datetime, end: datetime) -> tuple[int, ...]:
        """How many whales confirmed in [start, end) by lead time, in the bins of LEAD_TIME_EDGES."""
        return await self._database.read(lambda connection: misses.lead_time_counts(connection, start, end))

    async def misses(self, start: datetime, end: datetime, *, offset: int, limit: int) -> MissPage:
        """What was missed in [start, end), newest first; `because` looks at spikes and at what was seen."""

        def work(connection: Connection) -> MissPage:
            around = _circumstances(connection, start, end, ())
            return misses.page(connection, start, end, around, offset=offset, limit=limit)

        return await self._database.read(work)

    async def windows(self, now: datetime) -> tuple[WindowCount, ...]:
        """What came due within each of the monitor's windows, shortest first."""
        return await self._database.read(lambda connection: _windows(connection, now))

    async def circumstances(self, start: datetime, end: datetime, empty: Iterable[datetime]) -> Circumstances:
        """What happened around the misses of [start, end); `empty`: when blocks came that held nothing."""
        blocks = tuple(empty)
        return await self._database.read(lambda connection: _circumstances(connection, start, end, blocks))

    async def last_change(self) -> AccuracyState | None:
        """Return the last accuracy event; None if there never was one."""
        return await self._database.read(_last_change)

    async def _read(self, work: Callable[[Connection, "_DaysOf"], T]) -> T:
        generation = self._touched.generation if self._touched is not None else 0
        return await self._database.read(
            lambda connection: work(connection, _DaysOf(self._days, connection, generation))
        )


@dataclass(frozen=True, slots=True)
class _DaysOf:
    """The sums of days as one read sees them; see `Days`."""

    days: Days
    connection: Connection
    generation: int

    def parts(self, first: int, end: int) -> list[Added]:
        return self.days.parts(self.connection, self.generation, first, end)

    def whole(self, first: int, end: int) -> Added:
        return self.days.whole(self.connection, self.generation, first, end)

    def between(self, day: int, start: datetime, end: datetime) -> Added:
        return self.days.rows(self.connection, self.generation, day).between(start, end)

    def totals(self, first: int, end: int) -> Totals:
        return self.days.totals(self.connection, self.generation, first, end)

    def has_kept(self, first: int, end: int) -> bool:
        return self.days.has_kept(self.connection, self.generation, first, end)

    def within(self, first: int, end: int) -> range:
        """The days of [first, end) that may have rows."""
        extent = self.days.extent(self.connection, self.generation)
        return range(0) if extent is None else range(max(first, extent[0]), min(end, extent[1] + 1))


def _statistics(
    connection: Connection, days: _DaysOf, period: Period, start: datetime, end: datetime
) -> tuple[PeriodFigures, ...]:
    first_day = (_floor(period, start.astimezone(UTC).date()) - _FIRST_DAY).days
    last_day = day_of(end - timedelta(microseconds=1))
    end_day = (_NEXT[period](_floor(period, _date(last_day))) - _FIRST_DAY).days
    where = f"day >= {first_day:d} AND day < {end_day:d}"
    waits: defaultdict[int, list[Added]] = defaultdict(list)
    for day, sums in waiting(connection, where, {}, _tip(connection)).items():
        waits[_begin(period, day)].append(sums)
    found: defaultdict[int, Sums] = defaultdict(Sums)
    leads: dict[int, LeadTimes] = {}
    for begins in {_begin(period, day) for day in days.within(first_day, end_day)} | waits.keys():
        one = _period(days, begins, _end(period, begins), waits.get(begins, ()))
        if not one.is_empty:
            found[begins], leads[begins] = one.sums, one.lead_times
    if days.has_kept(first_day, end_day):
        _add_kept(connection, period, where, found, leads)
    return tuple(
        PeriodFigures(
            start=_midnight(begins),
            end=_midnight(_end(period, begins)),
            figures=figures_of(found[begins], leads.get(begins, LeadTimes())),
        )
        for begins in sorted(found)
    )


def _period(days: _DaysOf, begins: int, ends: int, waits: Sequence[Added]) -> Totals:
    """The totals of one period, which are remembered where nothing of it waits any more."""
    if not waits:
        return days.totals(begins, ends)
    whole = added([*days.parts(begins, ends), *waits])
    return Totals(days.generation, whole.total(), whole.lead_times(), is_empty=False)


def _add_kept(
    connection: Connection,
    period: Period,
    where: str,
    found: defaultdict[int, Sums],
    leads: dict[int, LeadTimes],
) -> None:
    """Of days long gone there are sums. Their lead times stand by day alone: a longer period has none."""
    kept = execute(connection, of_words("SELECT day, sums FROM daily_accuracy WHERE", where)).fetchall()
    for day, sums in kept:
        begins = _begin(period, day)
        found[begins] += _SUMS.decode(sums)
        leads.pop(begins, None)
    if period is Period.DAILY:
        by_day: defaultdict[int, list[LeadTimes]] = defaultdict(list)
        for day, *quantiles in execute(connection, f"FROM daily_lead_times WHERE {where}").fetchall():
            by_day[day].append(LeadTimes(**dict(zip(("p10", "p50", "p90"), quantiles, strict=True))))
        leads |= {day: one[0] for day, one in by_day.items() if len(one) == 1}


def _correlation(connection: Connection, days: _DaysOf, start: datetime, end: datetime) -> Correlation:
    window, values = "counted_at >= $start AND counted_at < $end", {"start": start, "end": end}
    first_day, last_day = day_of(start), day_of(end)
    parts = [days.whole(first_day + 1, last_day)]
    parts += [days.between(day, start, end) for day in sorted({first_day, last_day})]
    parts += waiting(connection, window, values, _tip(connection)).values()
    whole = added(parts)
    return Correlation(
        start=start,
        end=end,
        figures=figures_of(whole.total(), whole.lead_times()),
        calibration=calibration_of(calibration_rows(whole.calibration)),
        by_flow=_by(whole, 0),
        by_urgency=_by(whole, 1),
        by_first_source=_by(whole, 2),
    )


def _by(whole: Added, dimension: int) -> dict[str, Figures]:
    return {name: figures_of(sums, leads) for name, (sums, leads) in whole.by(dimension).items()}


def _windows(connection: Connection, now: datetime) -> tuple[WindowCount, ...]:
    longest = max(WINDOWS.values())
    tip = _tip(connection)
    rows = fetched(
        connection,
        statements.forecasts("counted_at > $start AND counted_at <= $end"),
        {"start": now - longest, "end": now, "tip": -1 if tip is None else tip},
    )
    found = []
    for name, span in WINDOWS.items():
        within = rows["counted"] > microseconds(now - span)
        one = of_forecasts({column: values[within] for column, values in rows.items()}).total()
        found.append(
            WindowCount(
                window=name,
                n=one.on_time + one.late + one.dropped,
                on_time=one.on_time,
                baseline_n=one.baseline_n,
                baseline_on_time=one.baseline_on_time,
            )
        )
    return tuple(found)


def _circumstances(
    connection: Connection, start: datetime, end: datetime, empty: tuple[datetime, ...]
) -> Circumstances:
    misses = execute(
        connection,
        "SELECT prediction_id, epoch_us(counted_at), result, fate, blocks, epoch_us(made_at), at_height, "
        "due_height, projected_block, urgency, flow, first_seen_by FROM forecast_outcomes "
        "WHERE counted_at > ? AND counted_at <= ? AND result IN ('late', 'dropped') "
        "ORDER BY counted_at DESC LIMIT ?",
        [start, end, MOST_MISSES],
    ).fetchall()
    found = tuple(_miss(row) for row in reversed(misses))
    since = min((one.made_at for one in found), default=start)
    spikes = execute(
        connection,
        "SELECT epoch_us(told_at) FROM events WHERE type = 'fees.spiked' AND told_at >= ? ORDER BY sequence",
        [since],
    ).fetchall()
    steps = execute(
        connection, "SELECT epoch_us(since), rung <> 'live' FROM source_transitions ORDER BY since"
    ).fetchall()
    return Circumstances(
        misses=found,
        spikes=tuple(moment(at) for (at,) in spikes),
        empty_blocks=tuple(at for at in empty if at >= since),
        degraded=_spans([(moment(at), bool(low)) for at, low in steps], end),
    )


def _spans(steps: list[tuple[datetime, bool]], end: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """From steps up and down, ascending, the times between a step down and the next step up."""
    ends = [at for at, _ in steps[1:]] + [end]
    return tuple((at, until) for (at, low), until in zip(steps, ends, strict=True) if low) if steps else ()


def _miss(row: tuple[Any, ...]) -> ForecastOutcome:
    name, at, result, fate, blocks, made_at, at_height, due, projected, urgency, flow, source = row
    return ForecastOutcome(
        prediction_id=name,
        txid=Txid(""),
        at=moment(at),
        result=Outcome(result),
        fate=Fate(fate),
        blocks=blocks,
        made_at=moment(made_at),
        at_height=Height(at_height),
        due_height=Height(due),
        stated=(),
        projected_block=projected,
        urgency=Urgency(urgency),
        flow=Flow(flow),
        first_seen_by=SourceName(source),
    )


def _last_change(connection: Connection) -> AccuracyState | None:
    found = execute(
        connection,
        "SELECT type, epoch_us(told_at), body FROM events WHERE type LIKE 'accuracy.%' "
        "ORDER BY sequence DESC LIMIT 1",
    ).fetchone()
    if found is None:
        return None
    kind, at, body = found
    return AccuracyState(type=EventType(kind), since=moment(at), words=msgspec.json.decode(body)["words"])


def _tip(connection: Connection) -> Height | None:
    # Of an aggregate half the time of an order with a limit, which is planned for longer than it runs.
    found = execute(connection, "SELECT arg_max(height, ordinal) FROM blocks").fetchone()
    return Height(found[0]) if found and found[0] is not None else None


def _end(period: Period, begins: int) -> int:
    """Return the first day after the period that begins on that day."""
    ends: date = _NEXT[period](_date(begins))
    return (ends - _FIRST_DAY).days


def _begin(period: Period, day: int) -> int:
    """Return the first day of the period that holds `day`."""
    return (_floor(period, _date(day)) - _FIRST_DAY).days


def _floor(period: Period, day: date) -> date:
    match period:
        case Period.DAILY:
            return day
        case Period.WEEKLY:
            return day - timedelta(days=day.weekday())
        case Period.MONTHLY:
            return day.replace(day=1)
        case Period.QUARTERLY:
            return day.replace(month=3 * ((day.month - 1) // 3) + 1, day=1)


def _date(day: int) -> date:
    return _FIRST_DAY + timedelta(days=day)


def _midnight(day: int) -> datetime:
    at = _date(day)
    return datetime(at.year, at.month, at.day, tzinfo=UTC)
