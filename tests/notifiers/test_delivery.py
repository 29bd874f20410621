"""From an event that is stored to what a real receiver got of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from app.api.models import EndpointChange
from app.core.events import EventType
from app.views import DeliveryQuery
from tests.fakes import FakeClock
from tests.notifiers.builders import TOKEN
from tests.notifiers.receivers import Receiver, Say, receiving
from tests.notifiers.stage import Stage, staged, until, until_attempted, until_settled


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as stage:
        yield stage


def _sequences(receiver: Receiver) -> list[int]:
    return [json.loads(got.body)["sequence"] for got in receiver.got]


async def test_an_event_reaches_its_endpoint_signed_and_once(stage: Stage) -> None:
    with receiving() as receiver:
        endpoint = await stage.add(receiver.url())
        [event] = await stage.happen()
        await until(lambda: bool(receiver.got))

        [got] = receiver.got
    reported = Webhook(endpoint.secret or "").verify(got.body, got.headers)
    assert (reported["id"], reported["type"], got.headers["webhook-id"]) == (
        event.id,
        "fees.spiked",
        event.id,
    )


async def test_what_is_delivered_says_so_with_its_attempt(stage: Stage) -> None:
    with receiving() as receiver:
        await stage.add(receiver.url())
        await stage.happen()
        await until(lambda: bool(receiver.got))
        await until_settled(stage, ["delivered"])

    [delivery] = (await stage.alerts.deliveries(DeliveryQuery())).deliveries
    [attempt] = delivery.attempts
    assert (attempt.status_code, attempt.error, attempt.answer, delivery.next_attempt_at) == (
        200,
        None,
        None,
        None,
    )


async def test_quiet_types_write_no_delivery(stage: Stage) -> None:
    with receiving() as receiver:
        await stage.add(receiver.url())
        await stage.happen(type_=EventType.MEMORY_PRESSURE)

        assert await stage.statuses() == []


async def test_what_is_muted_is_recorded_and_not_sent(stage: Stage) -> None:
    with receiving() as receiver:
        await stage.add(receiver.url(), muted_until="2999-01-01T00:00:00Z")
        await stage.happen()

        [delivery] = (await stage.alerts.deliveries(DeliveryQuery())).deliveries
        assert (delivery.status, delivery.because, receiver.got) == ("dropped", "muted", [])


async def test_a_disabled_endpoint_gets_nothing_new(stage: Stage) -> None:
    with receiving() as receiver:
        await stage.add(receiver.url(), enabled=False)
        await stage.happen()

        assert await stage.statuses() == []


async def test_what_stood_open_at_a_stop_is_sent_after_the_start(tmp_path: Path) -> None:
    with receiving() as receiver:
        async with staged(tmp_path, run=False) as before:
            await before.add(receiver.url())
            await before.happen(5)
        async with staged(tmp_path):
            await until(lambda: len(receiver.got) == 5)

        assert _sequences(receiver) == [1, 2, 3, 4, 5]


async def test_a_dead_endpoint_holds_up_nobody_else(stage: Stage) -> None:
    with receiving() as receiver, receiving(lambda _got: Say(500)) as dead:
        await stage.add(dead.url(), name="dead")
        await stage.add(receiver.url(), name="alive")
        await stage.happen(30)
        await until(lambda: len(receiver.got) == 30)

        assert (_sequences(receiver), len(dead.got)) == (list(range(1, 31)), 1)


async def test_gone_disables_the_endpoint_and_tells_of_it(stage: Stage) -> None:
    with receiving(lambda _got: Say(410)) as receiver:
        endpoint = await stage.add(receiver.url(), name="gone")
        await stage.happen(3)
        await until(lambda: bool(stage.disabled))

        found = await stage.alerts.one(endpoint.id)
    assert stage.disabled == [("gone", "it answered 410: gone")]
    assert found is not None
    assert (found.enabled, found.state.disabled_because, len(receiver.got)) == (
        False,
        "it answered 410: gone",
        1,
    )


async def test_one_call_enables_it_again_and_what_waited_is_sent(stage: Stage) -> None:
    with receiving() as receiver:
        receiver.script.append(Say(410))
        endpoint = await stage.add(receiver.url())
        await stage.happen(3)
        await until(lambda: bool(stage.disabled))

        await stage.alerts.change(endpoint.id, EndpointChange.model_validate({"enabled": True}))
        await until(lambda: len(receiver.got) == 3)

    assert _sequences(receiver) == [1, 2, 3]


async def test_a_new_secret_signs_beside_the_old_one(stage: Stage) -> None:
    with receiving() as receiver:
        endpoint = await stage.add(receiver.url())
        rotated = await stage.alerts.rotate(endpoint.id, 3_600)
        await stage.happen()
        await until(lambda: bool(receiver.got))

        [got] = receiver.got
    assert rotated is not None
    for secret in (endpoint.secret, rotated.secret):
        assert Webhook(secret or "").verify(got.body, got.headers)


async def test_a_test_waits_for_its_answer(stage: Stage) -> None:
    with receiving(lambda _got: Say(403, b"no entry")) as receiver:
        endpoint = await stage.add(receiver.url())
        tested = await stage.alerts.test(endpoint.id)

    assert tested is not None
    assert (tested.delivered, tested.status_code, tested.error) == (False, 403, "answered 403: no entry")


async def test_redelivery_sends_it_again_under_the_same_id(stage: Stage) -> None:
    with receiving() as receiver:
        endpoint = await stage.add(receiver.url())
        await stage.happen(2)
        await until(lambda: len(receiver.got) == 2)
        await until_settled(stage, ["delivered"] * 2)

        counted = await stage.alerts.redeliver_since(endpoint.id, datetime(2020, 1, 1, tzinfo=UTC))
        await until(lambda: len(receiver.got) == 4)

    assert (counted, _sequences(receiver)) == (2, [1, 2, 1, 2])


async def test_hosts_that_were_called_are_listed_and_before_there_are_none(stage: Stage) -> None:
    assert await stage.alerts.hosts() == []
    with receiving() as receiver:
        await stage.add(receiver.url())
        await stage.happen()
        await until_settled(stage, ["delivered"])
        hosts = await stage.alerts.hosts()

    assert [(host, used_for) for host, used_for, _ in hosts] == [("127.0.0.1", "alerts")]


async def test_of_an_endpoint_removed_nothing_waits(stage: Stage) -> None:
    with receiving(lambda _got: Say(500)) as receiver:
        endpoint = await stage.add(receiver.url())
        await stage.happen(3)
        await until(lambda: bool(receiver.got))
        await stage.alerts.remove(endpoint.id)

        assert await stage.statuses(endpoint.id) == ["dropped"] * 3


async def test_a_supergroups_new_chat_is_followed_and_kept(stage: Stage) -> None:
    moved = {"ok": False, "parameters": {"migrate_to_chat_id": -1000000000001}}
    with receiving(lambda _got: Say(body=b'{"ok": true, "result": {}}')) as bot:
        bot.script.append(Say(400, json.dumps(moved).encode()))
        telegram = {"token": TOKEN, "chat_id": "-42", "api_url": f"http://127.0.0.1:{bot.port}"}
        endpoint = await stage.add(None, name="group", kind="telegram", telegram=telegram)
        await stage.happen()
        await until(lambda: len(bot.got) == 2)

        found = await stage.alerts.one(endpoint.id)
    assert [json.loads(got.body)["chat_id"] for got in bot.got] == ["-42", "-1000000000001"]
    assert found is not None
    assert found.telegram is not None
    assert found.telegram.chat_id == "-1000000000001"


async def test_a_supergroups_new_chat_is_told_the_operator_once_and_noted(stage: Stage) -> None:
    moved = {"ok": False, "parameters": {"migrate_to_chat_id": -1000000000001}}
    with receiving(lambda _got: Say(body=b'{"ok": true, "result": {}}')) as bot:
        bot.script.append(Say(400, json.dumps(moved).encode()))
        telegram = {"token": TOKEN, "chat_id": "-42", "api_url": f"http://127.0.0.1:{bot.port}"}
        await stage.add(None, name="group", kind="telegram", telegram=telegram)
        await stage.happen(2)
        await until(lambda: len(bot.got) == 3)

    words = "The Telegram group of group became a supergroup: its new chat is kept, and alerts go there"
    assert ([one.words for one in stage.alerts.notices()], stage.noted) == ([words], [words])


async def test_after_twenty_minutes_of_503_the_stamp_is_fresh_and_the_id_the_same(tmp_path: Path) -> None:
    clock = FakeClock()
    with receiving(lambda _got: Say(503)) as receiver:
        async with staged(tmp_path, clock=clock) as stage:
            await stage.add(receiver.url())
            await stage.happen()
            await until(lambda: len(receiver.got) == 1)
            for seconds in (6, 301, 1_801):
                so_far = len(receiver.got)
                await until_attempted(stage, so_far)
                await clock.advance(seconds)
                await until(lambda so_far=so_far: len(receiver.got) > so_far)  # type: ignore[misc]

    stamps = [int(got.headers["webhook-timestamp"]) for got in receiver.got]
    assert {got.headers["webhook-id"] for got in receiver.got} == {receiver.got[0].headers["webhook-id"]}
    assert [round(stamp - stamps[0], -1) for stamp in stamps] == [0, 10, 310, 2110]


async def test_twenty_five_messages_to_a_busy_group_all_arrive_in_order_and_none_too_soon(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    busy = {"ok": False, "error_code": 429, "parameters": {"retry_after": 31}}
    with receiving(lambda _got: Say(body=b'{"ok": true, "result": {}}')) as bot:
        bot.script.append(Say(429, json.dumps(busy).encode()))
        telegram = {"token": TOKEN, "chat_id": "-42", "api_url": f"http://127.0.0.1:{bot.port}"}
        at: list[timedelta] = []
        async with staged(tmp_path, clock=clock) as stage:
            began = clock.now()
            await stage.add(None, name="group", kind="telegram", telegram=telegram)
            for number in range(25):
                await stage.happen(words=f"event {number}")
            async with asyncio.timeout(60):
                while len(bot.got) < 26:
                    before = len(bot.got)
                    await asyncio.sleep(0.02)
                    if len(bot.got) == before:
                        await clock.advance(1)
                    at += [clock.now() - began] * (len(bot.got) - len(at))

    texts = [json.loads(got.body)["text"].splitlines()[1] for got in bot.got[1:]]
    assert texts == [f"event {number}" for number in range(25)]
    assert at[1] >= timedelta(seconds=30)
    assert all(
        later - earlier >= timedelta(seconds=59) for earlier, later in zip(at[1:], at[21:], strict=False)
    )
