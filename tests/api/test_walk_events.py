"""Every type of event that some code emits, emitted by that code, says what its frozen schema says."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from app.api.models import DATA_OF, Event
from app.api.predictions import event_shape
from app.core.events import TO_ONE_ENDPOINT, EventType, Happening
from app.core.observations import AccuracyChanged, EndpointGivenUp, MemoryPressed, TransactionSeen
from app.core.questions import AskStatus
from app.core.scoring import Circumstances, WindowCount, change_of
from app.core.tracking.unloading import ALWAYS_KEPT
from app.store.records import numbered
from notifiers.messages import a_test
from tests.builders import a_block, a_whale
from tests.core.forecasting.test_forecaster import a_queue, received
from tests.core.story import WS, Story, forecasting
from tests.fakes import NOON, FakeClock
from tests.notifiers.lives import storm
from tests.notifiers.receivers import receiving
from tests.notifiers.stage import staged
from tests.notifiers.test_rules import pass_time
from tests.source.test_visibility_watch import BLOCKS, LIVE, Watch

OF_ENDPOINTS = set(map(str, TO_ONE_ENDPOINT))
WHALE = a_whale(150)


def whales() -> list[Happening]:
    """One is replaced, confirmed, undone and lost to another spend; one left and nobody knows why."""
    story = Story(forecast_source=forecasting())
    story.start()
    story.seen(WHALE)
    better = a_whale(150, fee=5_000)
    story.replaced(WHALE, by=better)
    story.connected(a_block(1, better))
    story.connected(a_block(1, branch="b", on=""))
    other = a_whale(150, fee=10, to="another")
    lost = a_block(2, other, branch="b")
    story.connected(lost)
    story.published(other, lost)
    unknown = a_whale(200, coins=("two",))
    story.seen(unknown)
    story.left(unknown)
    story.unanswered(AskStatus(unknown.txid))
    return story.events


def pressed() -> list[Happening]:
    story = Story()
    for number in range(ALWAYS_KEPT + 10):
        story.tracker.handle(
            TransactionSeen(tx=a_whale(150, coins=(number,)), source=WS), NOON + timedelta(seconds=number)
        )
    pressure = MemoryPressed(rss_mb=410.0, limit_mb=500, first=True)
    return list(story.tracker.handle(pressure, NOON + timedelta(hours=1)).happenings)


def spiked() -> list[Happening]:
    forecaster, said = received(None, median=5.0), list[Happening]()
    for minute in range(1, 95):
        said += forecaster.receive(a_queue(5.0 if minute < 90 else 100.0), NOON + timedelta(minutes=minute))
    return said


async def lost_and_found() -> list[Happening]:
    watch = await (await (await Watch().sees(LIVE, 1)).sees(BLOCKS, 60)).sees(LIVE, 60)
    return [Happening(type=kind, at=NOON, facts=dict(facts)) for kind, facts in watch.events]


def given_up() -> list[Happening]:
    story = Story()
    gone = EndpointGivenUp(endpoint_id="e1", name="my phone", because="it answers 410")
    return list(story.tracker.handle(gone, NOON).happenings)


def fell_and_recovered() -> list[Happening]:
    story = Story()
    changes = [
        change_of(
            WindowCount(window="1h", n=40, on_time=on_time),
            degraded=degraded,
            threshold=0.7,
            circumstances=Circumstances(),
        )
        for on_time, degraded in ((10, True), (39, False))
    ]
    return [
        happening
        for change in changes
        for happening in story.tracker.handle(AccuracyChanged(change=change), NOON).happenings
    ]


def tried() -> dict[str, Any]:
    """The one envelope that no store numbers: a test goes to the endpoint that asked, at once."""
    envelope: dict[str, Any] = json.loads(a_test(NOON, 7, ZoneInfo("UTC")).body)
    return envelope


async def of_endpoints(room: Path) -> list[dict[str, Any]]:
    """What is made for one endpoint alone, as it was received: what it watches, what was held back."""
    fees = [20.0]
    watch = {
        "fee_over": 50,
        "net_flow": [{"btc": 300, "hours": 24}],
        "report": {"every": "day", "at": "13:00"},
    }
    with receiving() as receiver:
        async with staged(room, clock=FakeClock(), fee=lambda: fees[0]) as stage:
            watching = await stage.add(receiver.url(), name="watches", watch=watch)
            await stage.add(receiver.url(), name="few", budget_per_hour=1)
            quiet = {"from": "11:00", "to": "13:30"}
            await stage.add(receiver.url(), name="sleeps", quiet_hours=quiet)
            await pass_time(stage, 10)
            await stage.alerts.test(watching.id)
            fees[0] = 60.0
            await storm(stage, [400, 500])
            await pass_time(stage, 61)
            await pass_time(stage, 3_600)
            await pass_time(stage, 1_800)
            said = list[dict[str, Any]]()
            async with asyncio.timeout(20):
                while OF_ENDPOINTS - {one["type"] for one in said}:
                    await pass_time(stage, 10)  # what was due may have been looked for a moment before it was
                    said = [json.loads(got.body) for got in receiver.got]
    return said


async def everything(room: Path) -> list[dict[str, Any]]:
    """As each is sent."""
    happenings = [
        *(*whales(), *pressed(), *spiked(), *given_up(), *fell_and_recovered()),
        *(await lost_and_found()),
    ]
    events = numbered(happenings, instance="walk", after=0)
    return [*(event_shape(event).body() for event in events), tried(), *(await of_endpoints(room))]


async def test_every_type_is_walked_and_what_is_emitted_says_what_its_schema_says(tmp_path: Path) -> None:
    """A type that nothing here makes some code emit is either not walked yet, or no type."""
    said = await everything(tmp_path)
    validator = validating(Event.model_json_schema())

    broken = [
        (event["type"], error.message)
        for event in said
        for check, reported in (
            (validator, event),
            (validating(DATA_OF[EventType(event["type"])].model_json_schema()), event["data"]),
        )
        for error in check.iter_errors(reported)
    ]

    assert ({one["type"] for one in said}, broken) == (set(map(str, EventType)), [])


def validating(schema: dict[str, object]) -> Draft202012Validator:
    return Draft202012Validator(schema, format_checker=FormatChecker())


@pytest.mark.parametrize("walk", [whales, pressed, spiked, given_up, fell_and_recovered])
def test_each_walk_emits(walk: Callable[[], list[Happening]]) -> None:
    assert walk() != []


def test_a_body_with_a_field_of_another_type_is_found() -> None:
    (event, *_) = numbered(whales(), instance="walk", after=0)
    wrong = event.body | {"moved_sat": "much"}

    assert not validating(DATA_OF[EventType.DETECTED].model_json_schema()).is_valid(wrong)
