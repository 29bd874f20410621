"""What each case changes around the fast part of the suite."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run of the fast part; what is not named here is as `make test` has it."""

    name: str
    ahead: timedelta = timedelta()
    """How far the wall clock is ahead of the machine's."""
    at: datetime | None = None
    """The moment at which the wall clock starts; comes before `ahead`."""
    zone: str | None = None
    locale: str | None = None
    random_order: bool = False
    workers: int = 3

    def shift(self, now: datetime) -> timedelta:
        """How far the wall clock must be moved, when the machine's says `now`."""
        return self.ahead if self.at is None else self.at - now


_ALL = (
    Case(name="days-40", ahead=timedelta(days=40)),
    Case(name="days-400", ahead=timedelta(days=400)),
    Case(
        name="year-2038", at=datetime(2038, 1, 20, 12, tzinfo=UTC)
    ),  # seconds do not fit into 31 bits since the 19th
    Case(name="kathmandu", zone="Asia/Kathmandu"),  # 5:45 ahead of UTC
    Case(name="st-johns", zone="America/St_Johns"),  # 3:30 behind, or 2:30 in summer
    Case(name="locale-c", locale="C"),
    Case(
        name="locale-de", locale="de_DE"
    ),  # a comma in numbers, and text in ISO 8859-1 where no encoding is named
    Case(name="random-order", random_order=True),
    Case(name="one-worker", workers=1),
    Case(name="four-workers", workers=4),
)
CASES = {case.name: case for case in _ALL}


def case_of_the_day(day: date) -> Case:
    """The case whose turn it is: each in turn, a day each."""
    return _ALL[day.toordinal() % len(_ALL)]
