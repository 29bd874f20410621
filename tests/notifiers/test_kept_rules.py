"""What the store and the clock make of random rules and histories is what a preview of them says."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from app.core.alerts import HeldBack, HoldReason, Policy, QuietHours, RuleReplay
from app.core.events import TO_ONE_ENDPOINT, Event, EventType, Happening
from app.core.prediction import Status
from app.core.units import Sats
from app.store import Connection, PredictionStore, open_database
from notifiers.outbox import Outbox
from notifiers.routes import RoutedEndpoint, Routes
from notifiers.routing import Router
from notifiers.timekeeper import Timekeeper
from tests.core.alerts.builders import BEGINNING, a_policy
from tests.core.alerts.test_policy import SOURCES, UNTIL, lines, policies
from tests.fakes import FakeClock
from tests.notifiers.lives import STATUSES
from tests.soak import share
from tests.store.builders import a_prediction

ENDPOINT = "ep_1"
SUMS = (EventType.ALERT_DIGEST, EventType.ALERT_SUMMARY)


class Kept:
    """One endpoint's rules over a real store, without its sender."""

    def __init__(self, policy: Policy, opened: Any) -> None:
        self.clock = FakeClock(BEGINNING)
        self._router = Router()
        self._router.routes = Routes(each=(RoutedEndpoint(ENDPOINT, policy),))
        self._opened = opened
        self._store = PredictionStore(opened, (self._router.ride,))
        outbox = Outbox(opened.database)
        self._timekeeper = Timekeeper(self._router, outbox, self._store, self.clock, lambda: None)

    async def pass_time(self, until: datetime) -> None:
        """As the timekeeper looks, which is every second: here only where there is something to do."""
        await self._timekeeper.tick()
        while (due := self._router.next_due()) is not None and due <= until:
            await self.clock.advance((due - self.clock.now()).total_seconds())
            await self._timekeeper.tick()
        await self.clock.advance((until - self.clock.now()).total_seconds())

    async def append(self, happening: Happening) -> Event:
        return (await self._store.append([happening], ()))[0]

    async def rows(self) -> tuple[list[tuple[Any, ...]], list[dict[str, Any]]]:
        """Every delivery but digests and summaries, and the facts of those."""

        def work(connection: Connection) -> tuple[list[tuple[Any, ...]], list[dict[str, Any]]]:
            rows = connection.execute(
                "SELECT sequence, d.event_type, because, body "
                "FROM deliveries d LEFT JOIN alerts USING (sequence) ORDER BY sequence"
            ).fetchall()
            sums = [json.loads(row[3])["data"] for row in rows if row[1] in SUMS and row[2] is None]
            return [row[:3] for row in rows if row[1] not in SUMS], sums

        return await self._opened.database.run(work)


def happening(number: int, line: tuple[int, EventType, str, int], at: datetime) -> Happening:
    _, type_, whale, btc = line
    if type_ in SOURCES:
        return Happening(type=type_, at=at, facts={"rung": "blind", "reason": "away", "since": None})
    one = a_prediction(int(whale[3:]), version=number, detected_at=at)
    seen = replace(one.classification, moved=Sats(btc * 10**8))
    one = replace(one, status=STATUSES.get(type_, Status.PENDING), classification=seen)
    return Happening(type=type_, at=at, prediction=one)


async def lived(
    policy: Policy, drawn: list[tuple[int, EventType, str, int]], room: Path
) -> tuple[list[Event], list[tuple[Any, ...]], list[dict[str, Any]]]:
    opened = await open_database(room, at=BEGINNING)
    kept, events = Kept(policy, opened), list[Event]()
    for number, line in enumerate(sorted(drawn, key=lambda one: one[0]), 1):
        at = BEGINNING + timedelta(minutes=line[0])
        await kept.pass_time(at)
        events.append(await kept.append(happening(number, line, at)))
    await kept.pass_time(UNTIL)
    rows, sums = await kept.rows()
    await opened.database.close()
    return events, rows, sums


RIPENS_AT_NIGHT = a_policy(
    quiet=QuietHours(start=time(14, 2), end=time(14, 50)), degraded_after=timedelta(minutes=30)
)
"""In Berlin: the loss is before the quiet hours, the end of the wait within."""


def unrecorded(one: HeldBack) -> bool:
    """That a rule holds back what is no whale's, or one of many revised forecasts, is not kept."""
    if one.because not in (HoldReason.RULE, HoldReason.THREAD):
        return False
    return one.event.prediction_id is None or one.event.type is EventType.UPDATED


@settings(max_examples=share(50), deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(policies, st.lists(lines, max_size=40))
@example(RIPENS_AT_NIGHT, [(0, EventType.SOURCE_DEGRADED, "wh_1", 100)])
def test_what_is_really_sent_held_back_and_summed_up_is_what_a_replay_says(
    policy: Policy, drawn: list[tuple[int, EventType, str, int]]
) -> None:
    with TemporaryDirectory() as room:
        events, rows, sums = asyncio.run(lived(policy, drawn, Path(room)))
    replay = RuleReplay(policy)
    replay.run(events, UNTIL)

    said = [(one.event.sequence, one.event.type, None) for one in replay.sent if one.event.type not in SUMS]
    said += [
        (one.event.sequence, one.event.type, one.because.value)
        for one in replay.held
        if one.event.type not in TO_ONE_ENDPOINT and not unrecorded(one)
    ]
    assert sorted(rows, key=repr) == sorted(said, key=repr)
    summed = [one.event.body for one in replay.sent if one.event.type in SUMS]
    assert sums == [{"endpoint_id": ENDPOINT, **facts} for facts in summed]
