"""What a lane makes of receivers that answer oddly, of a clock that is set, and of a store that refuses."""

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from app.api.models import EndpointChange, NewEndpoint
from app.errors import EndpointError
from app.store import open_operator
from app.views import DeliveryQuery
from notifiers.dispatcher import STORE_AGAIN_SECONDS
from notifiers.watcher import LOOK_SECONDS
from tests.fakes import NOON, FakeClock
from tests.notifiers.builders import TOKEN
from tests.notifiers.receivers import Got, Receiver, Say, receiving
from tests.notifiers.stage import Stage, alerts_over, staged, until, until_attempted, until_settled

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def _sequences(receiver: Receiver) -> list[int]:
    return [json.loads(got.body)["sequence"] for got in receiver.got]


async def _tried_again(stage: Stage, clock: FakeClock, receiver: Receiver, seconds: float) -> None:
    """Let the time pass until the next attempt, which must then be made."""
    await until(lambda: bool(receiver.got))
    so_far = len(receiver.got)
    await until_attempted(stage, so_far)
    await clock.advance(seconds)
    async with asyncio.timeout(60):
        while len(receiver.got) == so_far:
            await asyncio.sleep(0.02)
            await clock.advance(seconds)  # the lane may have gone to sleep only after the time was moved on


@pytest.mark.parametrize("reported", ["0", "-4", "Thu, 01 Jan 2026 00:00:00 GMT"])
async def test_who_wants_to_be_called_at_once_is_called_by_the_schedule(
    tmp_path: Path, reported: str
) -> None:
    clock = FakeClock()
    with receiving(lambda _got: Say(503, headers={"Retry-After": reported})) as receiver:
        async with staged(tmp_path, clock=clock) as stage:
            await stage.add(receiver.url())
            await stage.happen()
            await until_attempted(stage, 1)
            await clock.advance(4)
            early = len(receiver.got)
            await _tried_again(stage, clock, receiver, 2)

    assert early == 1


async def test_a_first_failure_by_a_wrong_clock_disables_nobody_once_it_is_right(tmp_path: Path) -> None:
    clock = FakeClock(datetime(2025, 10, 19, tzinfo=UTC))
    with receiving(lambda _got: Say(500)) as receiver:
        async with staged(tmp_path, clock=clock) as stage:
            endpoint = await stage.add(receiver.url())
            await stage.happen()
            await until_attempted(stage, 1)
            clock.step(timedelta(days=400))
            await _tried_again(stage, clock, receiver, 6)
            await until_attempted(stage, 2)
            await _tried_again(stage, clock, receiver, 300)
            await until_attempted(stage, 3)
            found = await stage.alerts.one(endpoint.id)

    assert found is not None
    assert (stage.disabled, found.enabled) == ([], True)


async def test_a_clock_that_is_set_back_holds_no_alert_up(tmp_path: Path) -> None:
    clock = FakeClock()
    with receiving() as receiver:
        receiver.script.append(Say(500))
        async with staged(tmp_path, clock=clock) as stage:
            endpoint = await stage.add(receiver.url())
            await stage.happen()
            await until_attempted(stage, 1)
            clock.step(timedelta(hours=-6))
            found, due = await stage.alerts.one(endpoint.id), clock.now() + timedelta(seconds=5)
            await _tried_again(stage, clock, receiver, 6)

    assert found is not None
    assert (found.state.next_attempt_at, clock.now() < due + timedelta(minutes=1)) == (due, True)


async def test_a_refusal_after_two_other_failures_is_the_first_of_three(tmp_path: Path) -> None:
    clock = FakeClock()
    with receiving() as receiver:
        receiver.script += [Say(500), Say(500), Say(404)]
        async with staged(tmp_path, clock=clock) as stage:
            await stage.add(receiver.url())
            await stage.happen()
            await _tried_again(stage, clock, receiver, 6)
            await _tried_again(stage, clock, receiver, 301)
            await until_attempted(stage, 3)

            assert await stage.statuses() == ["waiting"]


async def test_what_was_refused_three_times_has_three_tries_again_once_redelivered(tmp_path: Path) -> None:
    clock = FakeClock()
    with receiving(lambda _got: Say(404)) as receiver:
        async with staged(tmp_path, clock=clock) as stage:
            endpoint = await stage.add(receiver.url())
            await stage.happen()
            await _tried_again(stage, clock, receiver, 6)
            await _tried_again(stage, clock, receiver, 301)
            await until_settled(stage, ["failed"])
            await stage.alerts.redeliver_since(endpoint.id, LONG_AGO)
            await until_attempted(stage, 4)

            assert await stage.statuses() == ["waiting"]


async def test_what_went_out_while_the_store_refused_goes_out_once(tmp_path: Path) -> None:
    clock = FakeClock()
    with receiving() as receiver:
        async with staged(tmp_path, clock=clock) as stage:
            endpoint = await stage.add(receiver.url(host="localhost"))
            await stage.happen()
            await until_settled(stage, ["delivered"])
            # A store that refuses what a lane writes, and nothing that it reads.
            await stage.database.run(lambda store: store.execute("ALTER TABLE called_hosts RENAME TO away"))
            await stage.alerts.change(endpoint.id, EndpointChange.model_validate({"url": receiver.url()}))
            await stage.happen(29)
            await until(lambda: len(receiver.got) >= 17)
            for _ in range(5):
                await clock.advance(5)
                await asyncio.sleep(0.02)
            meanwhile = len(receiver.got)
            await stage.database.run(lambda store: store.execute("ALTER TABLE away RENAME TO called_hosts"))
            while len(receiver.got) < 30:
                await asyncio.sleep(0.02)
                await clock.advance(5)
            await until_settled(stage, ["delivered"] * 30)

    assert (meanwhile, _sequences(receiver)) == (17, list(range(1, 31)))


async def test_what_waits_for_an_endpoint_that_a_command_removed_is_dropped(tmp_path: Path) -> None:
    with receiving(lambda _got: Say(500)) as receiver:
        async with staged(tmp_path) as stage:
            endpoint = await stage.add(receiver.url())
            await stage.happen(3)
            await until_attempted(stage, 0)
            await stage.directory.remove(endpoint.id)

            await until_settled(stage, ["dropped"] * 3)


async def test_what_waits_for_an_endpoint_that_was_removed_while_spout_stood_is_dropped(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, run=False) as before:
        endpoint = await before.add("http://127.0.0.1:9/")
        await before.happen(2)
        await before.directory.remove(endpoint.id)
    async with staged(tmp_path) as stage:
        await until_settled(stage, ["dropped"] * 2)


async def test_what_was_being_sent_as_its_endpoint_was_removed_is_kept_as_it_went(tmp_path: Path) -> None:
    with receiving(lambda _got: Say(wait_seconds=1.0)) as receiver:
        async with staged(tmp_path) as stage:
            endpoint = await stage.add(receiver.url())
            await stage.happen(2)
            await until(lambda: bool(receiver.got))
            await stage.alerts.remove(endpoint.id)
            await until_settled(stage, ["delivered", "dropped"])
            hosts = [host for host, *_ in await stage.alerts.hosts()]

    assert (hosts, len(receiver.got)) == (["127.0.0.1"], 1)


async def test_what_cannot_be_written_fails_alone(tmp_path: Path) -> None:
    with receiving() as receiver:
        async with staged(tmp_path, run=False) as before:
            await before.add(receiver.url())
            await before.happen(2)
            await before.database.run(
                lambda connection: connection.execute("UPDATE alerts SET body = '{' WHERE sequence = 1")
            )
        async with staged(tmp_path) as stage:
            await until_settled(stage, ["failed", "delivered"])

    assert _sequences(receiver) == [2]


async def test_an_endpoint_is_found_by_its_id_before_one_is_by_its_name(tmp_path: Path) -> None:
    async with staged(tmp_path, run=False) as stage:
        older = await stage.add("http://127.0.0.1:9/older")
        newer = await stage.add("http://127.0.0.1:9/")
        named = EndpointChange.model_validate({"name": newer.id})
        await stage.alerts.change(older.id, named)
        found = await stage.directory.one(newer.id)

    assert found is not None
    assert found.id == newer.id


async def test_what_was_for_an_endpoint_that_is_gone_is_not_sent_again(tmp_path: Path) -> None:
    with receiving() as receiver:
        async with staged(tmp_path) as stage:
            endpoint = await stage.add(receiver.url())
            await stage.happen()
            await until_settled(stage, ["delivered"])
            [delivery] = (await stage.alerts.deliveries(DeliveryQuery())).deliveries
            await stage.alerts.remove(endpoint.id)

            again = await stage.alerts.redeliver(delivery.id)
            since = await stage.alerts.redeliver_since(endpoint.id, LONG_AGO)
            assert (again, since, await stage.statuses()) == (None, 0, ["delivered"])


async def test_what_waits_already_is_not_counted_as_sent_again(tmp_path: Path) -> None:
    with receiving(lambda _got: Say(500)) as receiver:
        async with staged(tmp_path, clock=FakeClock()) as stage:
            endpoint = await stage.add(receiver.url(), name="hook")
            await stage.happen()
            await until_attempted(stage, 1)
            [delivery] = (await stage.alerts.deliveries(DeliveryQuery())).deliveries

            assert endpoint.name == "hook"
            assert await stage.alerts.redeliver(delivery.id) == ("fees.spiked to 'hook'", 0)


async def test_a_chat_that_becomes_a_group_gets_a_groups_pace(tmp_path: Path) -> None:
    clock = FakeClock()
    with receiving(lambda _got: Say(body=b'{"ok": true, "result": {}}')) as bot:
        telegram = {"token": TOKEN, "chat_id": "42", "api_url": f"http://127.0.0.1:{bot.port}"}
        async with staged(tmp_path, clock=clock) as stage:
            endpoint = await stage.add(None, name="chat", kind="telegram", telegram=telegram)
            await clock.advance(1)
            await stage.alerts.change(
                endpoint.id, EndpointChange.model_validate({"telegram": {"chat_id": "-42"}})
            )
            for number in range(25):
                await stage.happen(words=f"event {number}")
            for _ in range(40):
                await clock.advance(1)
                await asyncio.sleep(0.03)

    assert len(bot.got) <= 20


async def test_of_an_apprise_url_whose_names_are_taken_nothing_is_kept(tmp_path: Path) -> None:
    async with staged(tmp_path, run=False) as stage:
        await stage.add("http://127.0.0.1:9/", name="x 2")
        with pytest.raises(EndpointError):
            await stage.add("ntfy://127.0.0.1/a/b/c", name="x", kind="apprise")

        assert [one.name for one in await stage.alerts.listed()] == ["x 2"]


async def sent_after_rotations(room: Path, *overlaps: int) -> tuple[str, Got]:
    """Return the first secret, and what is sent after rotations with these overlaps, in seconds."""
    with receiving() as receiver:
        async with staged(room) as stage:
            endpoint = await stage.add(receiver.url())
            for overlap in overlaps:
                await stage.alerts.rotate(endpoint.id, overlap)
            await stage.happen()
            await until(lambda: bool(receiver.got))
    return endpoint.secret or "", receiver.got[0]


async def test_a_second_rotation_leaves_the_first_secret_its_time(tmp_path: Path) -> None:
    first, got = await sent_after_rotations(tmp_path, 3_600, 3_600)

    assert Webhook(first).verify(got.body, got.headers)


async def test_a_rotation_without_overlap_ends_every_older_secret(tmp_path: Path) -> None:
    _, got = await sent_after_rotations(tmp_path, 3_600, 0)

    assert len(got.headers["webhook-signature"].split(" ")) == 1


async def test_a_host_that_a_command_or_a_demo_called_is_listed_also_after_a_start(tmp_path: Path) -> None:
    with receiving() as receiver:
        file = await open_operator(tmp_path, at=NOON)
        alerts = alerts_over(file.file, FakeClock())
        tested = await alerts.test_new(
            NewEndpoint.model_validate(
                {"name": "x", "kind": "webhook", "reach": "lan", "url": receiver.url()}
            )
        )
        here = await alerts.hosts()
        alerts.close()
        await file.file.close()
        async with staged(tmp_path) as stage:
            later = await stage.alerts.hosts()

    assert (tested.delivered, here, later) == (True, [("127.0.0.1", "alerts", NOON)], here)


async def test_a_host_that_takes_no_connection_counts_as_called(tmp_path: Path) -> None:
    with receiving() as receiver:
        url = receiver.url()
    async with staged(tmp_path, run=False) as stage:
        await stage.alerts.test_new(
            NewEndpoint.model_validate({"name": "x", "kind": "webhook", "reach": "lan", "url": url})
        )

        assert [host for host, *_ in await stage.alerts.hosts()] == ["127.0.0.1"]


async def test_a_410_of_where_an_endpoint_led_before_disables_it_not(tmp_path: Path) -> None:
    with receiving() as before, receiving() as after:
        before.script.append(Say(410, wait_seconds=0.3))
        async with staged(tmp_path) as stage:
            endpoint = await stage.add(before.url())
            await stage.happen(2)
            await until(lambda: bool(before.got))
            await stage.alerts.change(endpoint.id, EndpointChange.model_validate({"url": after.url()}))
            await until_settled(stage, ["delivered"] * 2)

    assert (stage.disabled, _sequences(after)) == ([], [1, 2])


async def test_a_410_disables_what_was_given_only_another_name_meanwhile(tmp_path: Path) -> None:
    with receiving() as receiver:
        receiver.script.append(Say(410, wait_seconds=0.3))
        async with staged(tmp_path) as stage:
            endpoint = await stage.add(receiver.url())
            await stage.happen()
            await until(lambda: bool(receiver.got))
            await stage.alerts.change(endpoint.id, EndpointChange.model_validate({"name": "another"}))
            await until(lambda: bool(stage.disabled))

    assert [name for name, _ in stage.disabled] == ["another"]


async def test_an_endpoint_that_is_given_another_address_does_not_wait_for_the_schedule_of_the_old_one(
    tmp_path: Path,
) -> None:
    with receiving(lambda _got: Say(500)) as before, receiving() as after:
        async with staged(tmp_path, clock=FakeClock()) as stage:
            endpoint = await stage.add(before.url())
            await stage.happen()
            await until_attempted(stage, 1)
            await stage.alerts.change(endpoint.id, EndpointChange.model_validate({"url": after.url()}))
            await until_settled(stage, ["delivered"])

    assert len(after.got) == 1


async def test_an_endpoint_that_could_not_be_disabled_is_disabled_later(tmp_path: Path) -> None:
    clock = FakeClock()
    with receiving(lambda _got: Say(410)) as receiver:
        async with staged(tmp_path, clock=clock) as stage:
            await stage.add(receiver.url())
            with closing(sqlite3.connect(tmp_path / "operator.db", isolation_level=None)) as operator:
                operator.execute(
                    "CREATE TRIGGER full BEFORE INSERT ON endpoints BEGIN SELECT RAISE(ABORT, 'no room'); END"
                )
                await until(lambda: LOOK_SECONDS in (due for due, _ in clock.sleepers))
                await clock.advance(1)  # what waits as long as the lane will is told from it
                await stage.happen()
                await until_settled(stage, ["failed"])
                # The endpoint, too, was refused: its lane waits before it tries again.
                await until(lambda: 1 + STORE_AGAIN_SECONDS in (due for due, _ in clock.sleepers))
                operator.execute("DROP TRIGGER full")
            await stage.happen()
            # Once: time that goes on while a busy machine answers would be a timeout of the receiver's.
            await clock.advance(STORE_AGAIN_SECONDS)
            await until(lambda: bool(stage.disabled))

    assert len(receiver.got) == 2
