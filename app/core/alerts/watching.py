"""What an endpoint watches besides whales: the next block's fee, net flow, a report at a chosen hour."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.core.alerts.phrases import amount, feerate, local, moved, route
from app.core.alerts.quiet import instant
from app.core.classification import Flow
from app.core.contract import iso
from app.core.prediction import Prediction, Status
from app.core.units import SATS_PER_BTC

HYSTERESIS: Final = 0.1
"""Once crossed, a limit counts again only after the figure went back by this share of it."""
_FEE_WAYS: Final = ("under", "over")
_FLOW_WAYS: Final = ("inflow", "outflow")
_MICROSECOND: Final = timedelta(microseconds=1)
_LOST: Final = (Status.DROPPED, Status.REPLACED)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowWatch:
    """`entity` None: all exchanges together; a name or a group."""

    entity: str | None
    btc: Decimal
    hours: int

    @property
    def limit_sat(self) -> int:
        return int(self.btc * SATS_PER_BTC)

    def named(self, way: str) -> str:
        """Return the name of this limit among what is crossed."""
        return f"{way} {self.entity or ''} {self.hours} {self.limit_sat}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportAt:
    """Every day, or every Monday, when the clock shows `at`."""

    at: time
    weekly: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    fee_under: float | None = None
    fee_over: float | None = None
    net_flow: tuple[FlowWatch, ...] = ()
    report: ReportAt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What was crossed and is not back yet, by name; and the end of the last report's period."""

    crossed: frozenset[str] = frozenset()
    reported_until: datetime | None = None


def asked_anew(watched: Watched, before: Watch | None, after: Watch | None) -> Watched:
    """Return what is remembered once the operator changed what is watched from `before` to `after`.

    A limit that was not asked for before has not been crossed yet, a report's first period begins now.
    """
    stays = before is not None and after is not None and before.report == after.report
    return Watched(
        crossed=watched.crossed & _limits(before) & _limits(after),
        reported_until=watched.reported_until if stays else None,
    )


def _limits(watch: Watch | None) -> frozenset[str]:
    if watch is None:
        return frozenset()
    flows = [flow.named(way) for flow in watch.net_flow for way in _FLOW_WAYS]
    return frozenset((*(f"{way} {limit}" for way, limit in _fee_limits(watch)), *flows))


def crossing(
    crossed: frozenset[str], name: str, figure: float, limit: float, *, over: bool
) -> tuple[frozenset[str], bool]:
    """Return what is crossed now, and whether this limit has just been."""
    beyond = figure > limit if over else figure < limit
    if name not in crossed:
        return (crossed | {name}, True) if beyond else (crossed, False)
    back = figure <= limit * (1 - HYSTERESIS) if over else figure >= limit * (1 + HYSTERESIS)
    return (crossed - {name} if back else crossed), False


def fees_crossed(
    watch: Watch, crossed: frozenset[str], rate: float
) -> tuple[frozenset[str], list[dict[str, Any]]]:
    """Return what is crossed at this fee of the next block (sat/vB), and the facts of each new crossing."""
    facts = []
    limits = {f"{way} {limit}": (way, limit) for way, limit in _fee_limits(watch)}
    crossed = frozenset(name for name in crossed if name in limits or name.split()[0] not in _FEE_WAYS)
    for name, (direction, limit) in limits.items():
        crossed, new = crossing(crossed, name, rate, limit, over=direction == "over")
        if new:
            words = f"The next block costs {feerate(rate)} sat/vB, {direction} {feerate(limit)}"
            facts.append({"direction": direction, "fee_rate": rate, "limit": limit, "words": words})
    return crossed, facts


def _fee_limits(watch: Watch) -> list[tuple[str, float]]:
    both = zip(_FEE_WAYS, (watch.fee_under, watch.fee_over), strict=True)
    return [(way, limit) for way, limit in both if limit is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """What one whale counts for in net flows; `senders` and `receivers` are names and groups, case folded."""

    flow: Flow
    moved_sat: int
    lost: bool = False
    senders: frozenset[str] = frozenset()
    receivers: frozenset[str] = frozenset()

    def net_sat(self, entity: str | None) -> int:
        """Return what it brings to exchanges, less than 0 where it takes; or to one entity."""
        if self.lost:
            return 0
        if entity is None:
            return self.moved_sat * ((self.flow is Flow.INFLOW) - (self.flow is Flow.OUTFLOW))
        if self.flow is Flow.INTERNAL:
            return 0
        wanted = entity.casefold()
        return self.moved_sat * ((wanted in self.receivers) - (wanted in self.senders))


def moving(whale: Prediction) -> Moving:
    """Return what a whale counts for as it is."""
    seen = whale.classification
    return Moving(
        flow=seen.flow,
        moved_sat=seen.moved,
        lost=whale.status in _LOST,
        senders=_named((party.name, party.group) for party in seen.from_entities),
        receivers=_named((party.name, party.group) for party in seen.to_entities),
    )


def moving_of(body: Mapping[str, Any]) -> Moving:
    """Return what a whale counted for at one of its events, by the contract's `data`."""
    return Moving(
        flow=Flow(body.get("flow_type", Flow.UNKNOWN)),
        moved_sat=int(body.get("moved_sat") or 0),
        lost=body.get("status") in _LOST,
        senders=_named((one.get("name"), one.get("group")) for one in body.get("from_entities") or ()),
        receivers=_named((one.get("name"), one.get("group")) for one in body.get("to_entities") or ()),
    )


def net_flow_sat(whales: Iterable[Moving], entity: str | None) -> int:
    """Return what went to exchanges less what came from them, or of one entity; lost ones do not count."""
    return sum(whale.net_sat(entity) for whale in whales)


def flow_crossed(
    watch: FlowWatch, crossed: frozenset[str], net_sat: int
) -> tuple[frozenset[str], list[dict[str, Any]]]:
    """Return what is crossed at this net flow of the last `hours`, and the facts of each new crossing."""
    limit = watch.limit_sat
    facts = []
    for direction, figure in zip(_FLOW_WAYS, (net_sat, -net_sat), strict=True):
        crossed, new = crossing(crossed, watch.named(direction), figure, limit, over=True)
        if new:
            way = "to" if direction == "inflow" else "from"
            where = watch.entity or "exchanges"
            words = f"{amount(figure)} BTC net {way} {where} within {watch.hours} h, over {amount(limit)}"
            facts.append(
                {
                    "entity": watch.entity,
                    "direction": direction,
                    "net_sat": figure,
                    "limit_sat": limit,
                    "hours": watch.hours,
                    "words": words,
                }
            )
    return crossed, facts


def report_due(report: ReportAt, zone: ZoneInfo, since: datetime, now: datetime) -> datetime | None:
    """Return the latest moment of a report after `since` and up to `now`; None if there is none."""
    today = now.astimezone(zone).date()
    days = (today - timedelta(days=back) for back in range(8))  # of which one is a Monday that is over
    moments = (instant(zone, day, report.at) for day in days if not report.weekly or day.weekday() == 0)
    latest = next(due for due in moments if due <= now)
    return latest if latest > since else None


def report_moments(report: ReportAt, zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """Return every moment of a report in (start, end], ascending."""
    found, at = list[datetime](), report_due(report, zone, start, end)
    while at is not None:
        found.append(at)
        at = report_due(report, zone, start, at - _MICROSECOND)
    return found[::-1]


def report_start(report: ReportAt, zone: ZoneInfo, end: datetime) -> datetime:
    """Return when the period of a report that is due at `end` begins: when the one before it was due."""
    day = end.astimezone(zone).date() - timedelta(days=7 if report.weekly else 1)
    return instant(zone, day, report.at)


def report_facts(
    whales: Sequence[Moving],
    bodies: Sequence[dict[str, Any]],
    *,
    start: datetime,
    end: datetime,
    zone: ZoneInfo,
    due: int,
    hit_rate: float | None,
    uptime_s: float | None = None,
) -> dict[str, Any]:
    """Return a report on [start, end); `bodies`: the whales as the contract has them, largest first.

    Its words name the hours of `zone`.
    """
    net = net_flow_sat(whales, None)
    largest = max((whale.moved_sat for whale in whales), default=None)
    count = f"{len(whales)} {'whale' if len(whales) == 1 else 'whales'}"
    way = "to" if net >= 0 else "from"
    lines = [f"{count} from {local(start, zone)} to {local(end, zone)}"]
    lines.append(f"{amount(abs(net))} BTC net {way} exchanges" if net else "no net flow to or from exchanges")
    if bodies:
        lines.append(f"largest: {moved(bodies[0])} {route(bodies[0])}")
    judged = "too few to judge" if hit_rate is None else f"{hit_rate:.0%} on time"
    lines.append(f"{due} {'forecast' if due == 1 else 'forecasts'} came due, {judged}")
    return {
        "start": iso(start),
        "end": iso(end),
        "whales": len(whales),
        "net_flow_sat": net,
        "largest_sat": largest,
        "due": due,
        "hit_rate": hit_rate,
        "uptime_s": uptime_s,
        "words": "\n".join(lines),
    }


def _named(parties: Iterable[tuple[str | None, str | None]]) -> frozenset[str]:
    return frozenset(name.casefold() for party in parties for name in party if name)
