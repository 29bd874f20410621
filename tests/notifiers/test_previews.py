"""A preview says what such an endpoint was really sent, by real rules, watches, store and receivers."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.api.models import EndpointPreview
from app.core.events import EventType
from tests.fakes import FakeClock
from tests.notifiers.lives import whale
from tests.notifiers.receivers import receiving
from tests.notifiers.stage import Stage, staged, until, until_as_time_passes
from tests.notifiers.test_rules import pass_time, types, until_quiet


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
async def test_a_preview_says_what_a_replay_of_that_history_really_sends(tmp_path: Path, zone: str) -> None:
    """The night of the change to winter time in Berlin, a week before New York's."""
    rules = {
        "quiet_hours": {"from": "22:00", "to": "07:00"},
        "budget_per_hour": 1,
        "rules": {"min_moved_btc": 150},
    }
    clock = FakeClock(datetime.fromisoformat("2026-10-24T12:00:00+00:00"))
    with receiving() as receiver:
        async with staged(tmp_path, clock=clock, zone=ZoneInfo(zone)) as stage:
            await stage.add(receiver.url(), **rules)
            for number in range(1, 16):
                await whale(stage, number, btc=100 + (number * 37) % 200)
                await whale(stage, 100 + number, btc=199)
                await pass_time(stage, 4_000)
            await pass_time(stage, 45_000)
            await until_quiet(stage)
            preview = await stage.alerts.preview(EndpointPreview.model_validate(rules))

    assert preview.periods[0].alerts == len(receiver.got)
    assert preview.last is not None
    assert preview.last.event_type == types(receiver)[-1]
    assert {"alert.digest", "alert.summary", "whale.detected"} <= set(types(receiver))


WATCHING = {
    "rules": {"types": ["whale.dropped"]},
    "quiet_hours": {"from": "22:00", "to": "07:00"},
    "watch": {
        "net_flow": [{"btc": 500, "hours": 6}, {"btc": 900, "hours": 24, "entity": "binance"}],
        "report": {"every": "day", "at": "08:00"},
    },
}


async def test_a_preview_of_watches_says_what_they_really_sent(tmp_path: Path) -> None:
    """Through the night that daylight saving makes longer; whales come, leave the window, one is dropped."""
    clock = FakeClock(datetime.fromisoformat("2026-10-24T12:00:00+00:00"))
    with receiving() as receiver:
        async with staged(tmp_path, clock=clock, zone=ZoneInfo("Europe/Berlin")) as stage:
            await stage.add(receiver.url(), **WATCHING)
            await ten_minutes(stage, clock)
            for number in range(1, 11):
                await whale(stage, number, btc=100 + (number * 61) % 250)
                await ten_minutes(stage, clock, times=3)
                if number == 3:
                    await whale(stage, 3, EventType.DROPPED, version=2, btc=283)
                await ten_minutes(stage, clock, times=30 if number == 5 else 7)
            await until_quiet(stage)
            preview = await stage.alerts.preview(EndpointPreview.model_validate(WATCHING))

    sent = types(receiver)
    assert {"flow.crossed", "report.periodic", "alert.digest", "whale.dropped"} <= set(sent)
    assert (preview.periods[0].alerts, preview.left_out) == (len(sent), None)
    assert preview.last is not None
    assert preview.last.event_type == sent[-1]


async def test_a_previewed_text_is_the_one_that_arrives_also_of_what_waits(tmp_path: Path) -> None:
    """A lost source is told five minutes later, with when it was lost; an empty text is the usual one."""
    draft = {"template": "$value"}
    with receiving() as receiver:
        async with staged(tmp_path, clock=FakeClock(), zone=ZoneInfo("Asia/Kathmandu")) as stage:
            url = f"ntfy://127.0.0.1:{receiver.port}/whales"
            await stage.add(url, name="phone", kind="apprise", **draft)
            await stage.happen(1, EventType.SOURCE_DEGRADED, reason="away", source="mempool")
            await pass_time(stage, 301)
            await until_as_time_passes(stage, lambda: len(receiver.got) == 1)
            preview = await stage.alerts.preview(EndpointPreview.model_validate(draft))

    assert preview.last is not None
    assert preview.last.text == json.loads(receiver.got[0].body)["message"]


async def test_a_preview_says_that_it_does_not_know_the_fees_of_the_past(tmp_path: Path) -> None:
    async with staged(tmp_path, run=False) as stage:
        draft = EndpointPreview.model_validate({"watch": {"fee_over": 50}})
        preview = await stage.alerts.preview(draft)

    assert "does not keep the fees" in (preview.left_out or "")


async def ten_minutes(stage: Stage, clock: FakeClock, times: int = 1) -> None:
    """So often is looked at what is watched, in this test."""
    for _ in range(times):
        asleep = len(clock.sleepers)
        await clock.advance(600)
        await until(lambda: len(clock.sleepers) >= asleep)  # noqa: B023 - awaited at once
        await until_quiet(stage)


async def test_without_a_whale_yet_the_text_is_shown_of_an_example(tmp_path: Path) -> None:
    async with staged(tmp_path, clock=FakeClock()) as stage:
        preview = await stage.alerts.preview(EndpointPreview.model_validate({"template": "$amount $route"}))

    assert preview.last is None
    assert preview.example is not None
    assert preview.example.text == "412.5 BTC to an exchange"
    assert preview.periods[1].alerts == 0


async def test_after_a_whale_there_is_no_example(tmp_path: Path) -> None:
    async with staged(tmp_path, clock=FakeClock()) as stage:
        await whale(stage, 1)
        preview = await stage.alerts.preview(EndpointPreview())

    assert (preview.last is not None, preview.example) == (True, None)


async def test_a_name_that_cannot_be_filled_in_is_said_and_the_rest_is_previewed(tmp_path: Path) -> None:
    async with staged(tmp_path, clock=FakeClock()) as stage:
        await whale(stage, 1, btc=300)
        preview = await stage.alerts.preview(EndpointPreview.model_validate({"template": "$amount $foo"}))

    assert preview.template_faults == "names $foo, which is unknown (did you mean $flow?)"
    assert preview.last is not None
    assert preview.last.text == "likely 300 BTC $foo"


async def test_a_mute_is_no_part_of_what_rules_would_have_sent(tmp_path: Path) -> None:
    clock = FakeClock()
    async with staged(tmp_path, clock=clock) as stage:
        await whale(stage, 1)
        muted = {"muted_until": (clock.now() + timedelta(hours=2)).isoformat()}
        preview = await stage.alerts.preview(EndpointPreview.model_validate(muted))

    assert preview.periods[0].alerts == 1
