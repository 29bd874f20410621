"""`/api/v1/widgets/…`: Umbrel's home-screen widgets, made from the Snapshot.

umbrelOS asks from the host, past its own proxy and without a login, so they hold nothing of the operator's
own: amounts, flow and fees, but no name of an entity, which may be the operator's label.
"""

from datetime import datetime, timedelta

from app.api.base import ApiHandler
from app.api.guard import Caller, identify
from app.api.limits import PAGE
from app.api.models import FourStatsWidget, ListItem, ListWidget, ProgressWidget, Stat
from app.core.access import Scope
from app.core.classification import Flow
from app.core.prediction import Prediction, Status
from app.core.scoring import ENOUGH
from app.core.totals import moved_in_all, net_to_exchanges
from app.core.units import SATS_PER_BTC
from app.views import Snapshot
from app.web import let_in

SHOWN = 5
NET_OVER = timedelta(hours=24)
_FLOWS = {
    Flow.INFLOW: "to an exchange",
    Flow.OUTFLOW: "from an exchange",
    Flow.INTER_EXCHANGE: "exchange to exchange",
    Flow.INTERNAL: "internal",
    Flow.UNKNOWN: "flow unknown",
}
_UNKNOWN = "unknown"


class WidgetHandler(ApiHandler):
    """Behind a proxy that asks for the login, a program that asks past it needs no key."""

    REVALIDATED = True

    async def recognise_caller(self) -> Caller:
        gate = self.parts.gate
        brings_key = any(name in self.request.headers for name in ("X-API-Key", "Authorization"))
        if not brings_key and gate.is_asked_past_proxy(self.request):
            let_in(self.request)
            peer = gate.visitor(self.request).peer
            return Caller(name=f"widgets:{peer}", scope=Scope.READ, quota=PAGE)
        return await identify(self.request, self.parts)


class LatestWhalesHandler(WidgetHandler):
    async def get(self) -> None:
        self.answer(latest_whales(self.parts.live.snapshot, self.parts.clock.now()))


class MarketHandler(WidgetHandler):
    async def get(self) -> None:
        self.answer(market(self.parts.live.snapshot, self.parts.clock.now()))


class AccuracyWidgetHandler(WidgetHandler):
    async def get(self) -> None:
        self.answer(accuracy(self.parts.live.snapshot))


def latest_whales(snapshot: Snapshot, now: datetime) -> ListWidget:
    known = sorted((*snapshot.pending, *snapshot.ended), key=lambda one: one.detected_at, reverse=True)
    shown = [one for one in known if one.status is not Status.REPLACED][:SHOWN]
    return ListWidget(
        refresh="10s",
        link="",
        noItemsText="No whale yet",
        items=[ListItem(text=_amount(one.classification.moved), subtext=_about(one, now)) for one in shown],
    )


def market(snapshot: Snapshot, now: datetime) -> FourStatsWidget:
    net = net_to_exchanges((*snapshot.pending, *snapshot.ended), now - NET_OVER)
    fees, figures = snapshot.fees, snapshot.figures
    return FourStatsWidget(
        refresh="10s",
        link="",
        items=[
            Stat(title="Whales waiting", text=f"{len(snapshot.pending):,}", subtext="in the mempool"),
            Stat(title="They move", text=_number(moved_in_all(snapshot.pending)), subtext="BTC"),
            Stat(
                title="Exchanges, 24 h",
                text=f"{'+' if net > 0 else ''}{_number(net)}",
                subtext="BTC net in" if net >= 0 else "BTC net out",
            ),
            Stat(
                title="Next block",
                text=_UNKNOWN if fees is None else f"{fees.fastest:,.1f}".removesuffix(".0"),
                subtext="sat/vB" if figures is None else f"sat/vB, {figures.congestion or _UNKNOWN}",
            ),
        ],
    )


def accuracy(snapshot: Snapshot) -> ProgressWidget:
    """Below 20 forecasts that came due no rate is stated: the bar shows how many there are."""
    seen = snapshot.accuracy
    n = seen.n if seen else 0
    if seen is None or n < ENOUGH:
        return ProgressWidget(
            refresh="1m",
            link="",
            title="Forecasts that held",
            text="Learning",
            subtext=f"no rate is stated below {ENOUGH}",
            progressLabel=f"{n} of {ENOUGH}",
            progress=n / ENOUGH,
        )
    return ProgressWidget(
        refresh="1m",
        link="",
        title="Forecasts that held",
        text=f"{seen.on_time / n:.0%}",
        subtext=f"in {seen.window}",
        progressLabel=f"{seen.on_time} of {n}",
        progress=seen.on_time / n,
    )


def _about(one: Prediction, now: datetime) -> str:
    minutes = max(0, int((now - one.detected_at).total_seconds()) // 60)
    ago = f"{minutes} min ago" if minutes < 60 else f"{minutes // 60} h ago"
    status = "" if one.status is Status.PENDING else f", {one.status.value}"
    demo = "demo: " if one.demo else ""
    return f"{demo}{_FLOWS[one.classification.flow]}{status}, {ago}"


def _amount(sats: int) -> str:
    return f"{_number(sats)} BTC"


def _number(sats: int) -> str:
    coins = sats / SATS_PER_BTC
    return f"{coins:,.0f}" if abs(coins) >= 10 else f"{coins:,.1f}"
