"""From an endpoint as it is kept to what holds for it: policy, wording, whose names are hidden."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from app.api.models import EndpointKind, Every, QuietHours, Reach
from app.api.models import Rules as RulesShape
from app.api.models import Watch as WatchShape
from app.core.alerts import FlowWatch, Policy, ReportAt, Rules, Style, Threads, Watch, folded
from app.core.alerts import QuietHours as Quiet
from app.core.flow import OWN_BASIS, parse_table
from app.data import entities_table
from notifiers.directory import Stored
from notifiers.routes import RoutedEndpoint, Routes


def routes_of(stored: Iterable[Stored], zone: ZoneInfo, labels: Iterable[tuple[str, str, bool]]) -> Routes:
    """Return the routes of the endpoints that may be sent to; `labels`: entity, group, private."""
    public, own = label_names(labels)
    shown = {folded(name) for name in public}
    return Routes(
        each=tuple(
            RoutedEndpoint(one.id, policy_of(one.kind, one.settings, zone), watch_of(one.settings))
            for one in stored
            if one.active and one.kind is not EndpointKind.HEARTBEAT
        ),
        public=public,
        own=own,
        hidden=frozenset(folded(name) for name in own - public) - shown - {OWN_BASIS},
    )


def policy_of(kind: EndpointKind, settings: Mapping[str, Any], zone: ZoneInfo) -> Policy:
    threads = Threads.EDITED if kind is EndpointKind.TELEGRAM else Threads.ENDS
    every = kind is EndpointKind.WEBHOOK or not settings.get("one_thread", True)
    return Policy(
        rules=rules_of(settings),
        quiet=_quiet_of(settings.get("quiet_hours")),
        budget_per_hour=settings.get("budget_per_hour"),
        threads=Threads.EVERY if every else threads,
        muted_until=_moment(settings.get("muted_until")),
        degraded_after=timedelta(seconds=settings.get("degraded_after_s", 300)),
        follows=frozenset(settings.get("follows") or ()),
        zone=zone,
    )


def style_of(settings: Mapping[str, Any], zone: ZoneInfo, explorer: str | None) -> Style:
    """The operator's explorer is named to a public endpoint only if that is ticked."""
    link = settings.get("link")
    wants = settings.get("reach", Reach.PUBLIC) != Reach.PUBLIC if link is None else link
    return Style(zone=zone, template=settings.get("template"), link=explorer if wants else None)


def watch_of(settings: Mapping[str, Any]) -> Watch | None:
    if settings.get("watch") is None:
        return None
    reported = WatchShape.model_validate(settings["watch"])
    return Watch(
        fee_under=reported.fee_under,
        fee_over=reported.fee_over,
        net_flow=tuple(
            FlowWatch(entity=one.entity, btc=one.btc, hours=one.hours) for one in reported.net_flow
        ),
        report=None
        if reported.report is None
        else ReportAt(at=time.fromisoformat(reported.report.at), weekly=reported.report.every is Every.WEEK),
    )


def rules_of(settings: Mapping[str, Any]) -> Rules:
    """The rules among an endpoint's settings, for the core."""
    reported = RulesShape.model_validate(settings.get("rules") or {})
    return Rules(
        types=frozenset(reported.types),
        flow_types=frozenset(reported.flow_types),
        entities=frozenset(reported.entities),
        min_moved_btc=reported.min_moved_btc,
        min_urgency=reported.min_urgency,
        confirmed_only=reported.confirmed_only,
    )


def label_names(labels: Iterable[tuple[str, str, bool]]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that may be shown and all names of own labels, as `masked` takes them.

    Of an own label that carries a shipped name, the name is no secret: only whose address it is. A name that
    one label keeps private and another one, in whatever case, does not, is private.
    """
    labels = tuple(labels)
    private = {name for entity, group, hidden in labels if hidden for name in (entity, group)}
    folded = {name.casefold() for name in private}
    public = {
        name
        for entity, group, hidden in labels
        if not hidden
        for name in (entity, group)
        if name.casefold() not in folded
    }
    own = (public | private | {OWN_BASIS}) - _shipped_names()
    return frozenset(public), frozenset(own)


@cache
def _shipped_names() -> frozenset[str]:
    table = parse_table(entities_table())
    return frozenset(name for label in table for name in (label.entity, label.group))


def _quiet_of(settings: Mapping[str, Any] | None) -> Quiet | None:
    if settings is None:
        return None
    reported = QuietHours.model_validate(settings)
    return Quiet(
        start=time.fromisoformat(reported.from_),
        end=time.fromisoformat(reported.to),
        digest=reported.digest,
    )


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
