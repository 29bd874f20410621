"""Budgets, quiet hours, threads, previews: through the real store and dispatcher, to real receivers."""

import asyncio
import json
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.api.models import EndpointChange
from app.core.events import EventType
from app.store import open_database
from app.views import DeliveryQuery
from notifiers import drop_open
from tests.fakes import NOON, FakeClock
from tests.notifiers.builders import TOKEN
from tests.notifiers.lives import storm, whale
from tests.notifiers.receivers import Got, Receiver, Say, receiving
from tests.notifiers.stage import Stage, staged, until, until_as_time_passes, until_settled

LIFE = [
    EventType.DETECTED,
    EventType.REPLACED,
    EventType.CONFIRMED,
    EventType.REORGED,
    EventType.CONFIRMED,
]


def types(receiver: Receiver) -> list[str]:
    return [json.loads(got.body)["type"] for got in receiver.got]


async def pass_time(stage: Stage, seconds: float) -> None:
    """Second by second, as the timekeeper looks."""
    clock = stage.clock
    assert isinstance(clock, FakeClock)
    await clock.advance(seconds)
    for _ in range(3):
        await asyncio.sleep(0.05)
        await clock.advance(1.1)


def bot(numbers: Any) -> Any:
    """Telegram's Bot API, as far as it keeps messages: each has a number and the text it has now."""
    chat: dict[int, str] = {}

    def answer(got: Got) -> Say:
        asked = json.loads(got.body)
        number = asked.get("message_id") or next(numbers)
        if chat.get(number) == asked["text"]:
            refusal = {"ok": False, "error_code": 400, "description": "Bad Request: message is not modified"}
            return Say(400, json.dumps(refusal).encode())
        chat[number] = asked["text"]
        return Say(body=json.dumps({"ok": True, "result": {"message_id": number}}).encode())

    return chat, answer


async def test_a_storm_of_500_whales_is_the_budget_and_one_summary_and_the_muted_one_records(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    with receiving() as loud, receiving() as silent:
        async with staged(tmp_path, clock=clock) as stage:
            budgeted = await stage.add(loud.url(), name="loud", budget_per_hour=30)
            muted = await stage.add(
                silent.url(), name="muted", muted_until=(NOON + timedelta(hours=2)).isoformat()
            )
            await storm(stage, [101 + number for number in range(500)])
            await until(lambda: len(loud.got) >= 30)
            await pass_time(stage, 3_601)
            await until_as_time_passes(stage, lambda: len(loud.got) >= 31)

            statuses = await stage.statuses(budgeted.id)
            recorded = await stage.statuses(muted.id)
    summary = json.loads(loud.got[-1].body)
    assert types(loud) == ["whale.detected"] * 30 + ["alert.summary"]
    assert (summary["data"]["count"], summary["data"]["moved_sat"]) == (
        470,
        sum(101 + number for number in range(30, 500)) * 10**8,
    )
    assert (statuses.count("dropped"), recorded, silent.got) == (470, ["dropped"] * 500, [])


@pytest.mark.parametrize(
    ("zone", "evening", "morning"),
    [
        ("Europe/Berlin", "2026-10-24T19:30", "2026-10-25T06:00"),  # the longer night
        ("Europe/Berlin", "2027-03-27T20:30", "2027-03-28T05:00"),  # the shorter one
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T12:00"),
        ("America/New_York", "2027-03-14T02:30", "2027-03-14T11:00"),
    ],
)
async def test_what_quiet_hours_hold_back_comes_as_one_digest_at_their_end(
    tmp_path: Path, zone: str, evening: str, morning: str
) -> None:
    begins, ends = (datetime.fromisoformat(text + ":00+00:00") for text in (evening, morning))
    clock = FakeClock(begins)
    with receiving() as receiver:
        async with staged(tmp_path, clock=clock, zone=ZoneInfo(zone)) as stage:
            await stage.add(receiver.url(), quiet_hours={"from": "22:00", "to": "07:00"})
            await whale(stage, 1)
            await until(lambda: len(receiver.got) == 1)
            await pass_time(stage, 3_600)
            await whale(stage, 2, btc=300)
            await pass_time(stage, (ends - clock.now()).total_seconds() - 60)
            held = len(receiver.got)
            await pass_time(stage, 60)
            await until_as_time_passes(stage, lambda: len(receiver.got) == 2)

    digest = json.loads(receiver.got[-1].body)
    assert (held, digest["type"], digest["data"]["moved_sat"]) == (1, "alert.digest", 300 * 10**8)
    assert digest["data"]["end"] == f"{morning}:00.000Z"


@pytest.mark.parametrize(
    ("changed", "passed", "rings"),
    [(None, 60, 1), ({"from": "22:00", "to": "09:00"}, 8.5 * 3_600, 0)],
)
async def test_quiet_hours_changed_in_the_night_hold_from_then_on(
    tmp_path: Path, changed: dict[str, Any] | None, passed: float, rings: int
) -> None:
    clock = FakeClock(datetime.fromisoformat("2026-11-22T22:30:00+00:00"))
    with receiving() as receiver:
        async with staged(tmp_path, clock=clock) as stage:
            made = await stage.add(receiver.url(), quiet_hours={"from": "22:00", "to": "07:00"})
            await whale(stage, 1)
            await stage.alerts.change(made.id, EndpointChange.model_validate({"quiet_hours": changed}))
            await pass_time(stage, passed)
            await until_as_time_passes(stage, lambda: len(receiver.got) >= rings)
            await until_quiet(stage)

    assert types(receiver) == ["alert.digest"] * rings


async def test_telegram_holds_one_message_with_the_last_truth_and_a_webhook_every_event(
    tmp_path: Path,
) -> None:
    chat, answer = bot(count(1))
    with receiving(answer) as telegram, receiving() as hook:
        target = {"token": TOKEN, "chat_id": "42", "api_url": f"http://127.0.0.1:{telegram.port}"}
        async with staged(tmp_path) as stage:
            await stage.add(None, name="chat", kind="telegram", telegram=target)
            await stage.add(hook.url(), name="hook")
            for version, type_ in enumerate(LIFE, 1):
                await whale(stage, 1, type_, version=version)
            await until_settled(stage, ["delivered"] * 10)

    assert list(chat) == [1]
    assert chat[1].startswith("<b>Confirmed: likely 200 BTC")
    assert "900,005" in chat[1]
    assert types(hook) == [type_.value for type_ in LIFE]


async def test_a_message_that_somebody_deleted_is_sent_anew(tmp_path: Path) -> None:
    gone = {"ok": False, "error_code": 400, "description": "Bad Request: message to edit not found"}
    chat, answer = bot(count(1))
    with receiving(answer) as telegram:
        target = {"token": TOKEN, "chat_id": "42", "api_url": f"http://127.0.0.1:{telegram.port}"}
        async with staged(tmp_path) as stage:
            await stage.add(None, name="chat", kind="telegram", telegram=target)
            await whale(stage, 1)
            await until_settled(stage, ["delivered"])
            telegram.script.append(Say(400, json.dumps(gone).encode()))
            await whale(stage, 1, EventType.CONFIRMED, version=2)
            await until_settled(stage, ["delivered"] * 2)

    assert list(chat) == [1, 2]


async def test_a_source_that_comes_back_in_time_rings_no_phone(tmp_path: Path) -> None:
    clock = FakeClock()
    with receiving() as receiver:
        async with staged(tmp_path, clock=clock) as stage:
            await stage.add(receiver.url())
            await stage.happen(1, EventType.SOURCE_DEGRADED, reason="away")
            await pass_time(stage, 200)
            await stage.happen(1, EventType.SOURCE_RECOVERED)
            await stage.happen(1, EventType.SOURCE_DEGRADED, reason="away again")
            await pass_time(stage, 310)
            await until_as_time_passes(stage, lambda: len(receiver.got) == 1)
            statuses = await stage.statuses()

    assert json.loads(receiver.got[0].body)["data"] == {"reason": "away again"}
    assert statuses == ["dropped", "dropped", "delivered"]


async def until_quiet(stage: Stage) -> None:
    async with asyncio.timeout(60):
        while "waiting" in await stage.statuses():  # noqa: ASYNC110 - the store has no event
            await asyncio.sleep(0.02)


async def test_why_says_of_each_endpoint_when_it_was_sent_or_which_rule_held_it_back(tmp_path: Path) -> None:
    with receiving() as receiver:
        async with staged(tmp_path) as stage:
            await stage.add(receiver.url(), name="all")
            await stage.add(receiver.url(), name="large", rules={"min_moved_btc": 1_000})
            await stage.add(receiver.url(), name="off", enabled=False)
            event = await whale(stage, 1)
            await until(lambda: len(receiver.got) == 1)
            await until_quiet(stage)
            found = await stage.alerts.why(str(event.prediction_id))

    assert found is not None
    said = {one.name: (one.because, one.words) for one in found.endpoints}
    assert said["all"][0] is None
    assert said["all"][1].startswith("sent 20")
    assert said["large"] == ("rule", "too little moved for its rules")
    assert said["off"] == ("disabled", "the endpoint is disabled: by you")


async def test_a_test_is_numbered_and_stands_among_the_deliveries(tmp_path: Path) -> None:
    with receiving() as receiver:
        async with staged(tmp_path) as stage:
            made = await stage.add(receiver.url())
            await stage.happen(1)
            await until_settled(stage, ["delivered"])
            await stage.alerts.test(made.id)
            receiver.script.append(Say(500))
            await stage.alerts.test(made.id)
            statuses = await stage.statuses()

    assert [json.loads(got.body)["sequence"] for got in receiver.got] == [1, 2, 3]
    assert statuses == ["delivered", "delivered", "failed"]


async def test_a_url_with_several_targets_becomes_an_endpoint_for_each(tmp_path: Path) -> None:
    with receiving() as receiver:
        url = f"ntfy://127.0.0.1:{receiver.port}/one/two?priority=high"
        async with staged(tmp_path) as stage:
            await stage.add(url, name="phones", kind="apprise")
            listed = [one.name for one in await stage.alerts.listed()]
            await stage.happen(1)
            await until_settled(stage, ["delivered"] * 2)

    topics = sorted(json.loads(got.body)["topic"] for got in receiver.got)
    assert (listed, topics) == (["phones", "phones 2"], ["one", "two"])


async def test_what_is_watched_reaches_the_endpoint_that_watches_it(tmp_path: Path) -> None:
    clock, fees = FakeClock(), [20.0]
    watch = {
        "fee_over": 50,
        "net_flow": [{"btc": 300, "hours": 24}],
        "report": {"every": "day", "at": "13:00"},
    }
    with receiving() as receiver, receiving() as other:
        async with staged(tmp_path, clock=clock, fee=lambda: fees[0]) as stage:
            await stage.add(receiver.url(), name="watches", watch=watch, rules={"types": ["whale.dropped"]})
            await stage.add(other.url(), name="does not", rules={"types": ["whale.dropped"]})
            await pass_time(stage, 10)
            fees[0] = 60.0
            await whale(stage, 1, btc=400)
            await pass_time(stage, 61)
            await until_as_time_passes(stage, lambda: len(receiver.got) == 2)
            await pass_time(stage, 3_600)
            await until_as_time_passes(stage, lambda: len(receiver.got) == 3)

    said = {one["type"]: one["data"] for one in map(json.loads, [got.body for got in receiver.got])}
    assert (said["fees.crossed"]["direction"], said["flow.crossed"]["net_sat"]) == ("over", 400 * 10**8)
    assert (said["report.periodic"]["whales"], said["report.periodic"]["end"]) == (
        1,
        "2026-11-22T13:00:00.000Z",
    )
    assert other.got == []


async def test_of_a_backup_no_digest_of_long_ago_is_sent_and_nothing_unreadable_holds_up_an_event(
    tmp_path: Path,
) -> None:
    clock = FakeClock(datetime.fromisoformat("2026-11-22T23:00:00+00:00"))
    with receiving() as receiver:
        async with staged(tmp_path, clock=clock) as stage:
            await stage.add(receiver.url(), quiet_hours={"from": "22:00", "to": "07:00"})
            await whale(stage, 1)
        opened = await open_database(tmp_path, at=clock.now())
        await opened.database.run(drop_open)
        damage = "INSERT INTO alert_memory SELECT endpoint_id, '{' FROM deliveries"
        await opened.database.run(lambda connection: connection.execute(damage))
        await opened.database.close()
        clock = FakeClock(datetime.fromisoformat("2026-11-23T12:00:00+00:00"))
        async with staged(tmp_path, clock=clock) as stage:
            await pass_time(stage, 3_600)
            await whale(stage, 2)
            await until_as_time_passes(stage, lambda: len(receiver.got) == 1)

    assert types(receiver) == ["whale.detected"]


async def test_what_a_rule_held_back_can_be_sent_all_the_same(tmp_path: Path) -> None:
    with receiving() as receiver:
        async with staged(tmp_path) as stage:
            await stage.add(receiver.url(), rules={"min_moved_btc": 1_000})
            await whale(stage, 1)
            await until_settled(stage, ["dropped"])
            [held] = (await stage.alerts.deliveries(DeliveryQuery())).deliveries
            await stage.alerts.redeliver(held.id)
            await until_settled(stage, ["delivered"])

    assert (held.because, types(receiver)) == ("rule", ["whale.detected"])
