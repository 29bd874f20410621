"""A muted phone stays silent, and its one message of a whale tells the truth all the same."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from app.api.models import EndpointChange
from app.core.events import EventType
from tests.fakes import NOON, FakeClock
from tests.notifiers.builders import TOKEN
from tests.notifiers.lives import whale
from tests.notifiers.receivers import Receiver, Say, receiving
from tests.notifiers.stage import Stage, staged, until_settled
from tests.notifiers.test_rules import LIFE, bot, pass_time

MUTED = {"muted_until": (NOON + timedelta(minutes=30)).isoformat()}
QUIET = {"quiet_hours": {"from": "12:00", "to": "13:00"}}


@asynccontextmanager
async def a_sent_whale(
    room: Path,
) -> AsyncIterator[tuple[Stage, Receiver, dict[int, str], Callable[[dict[str, Any]], Any]]]:
    """A chat that was sent a whale's first message; and how its endpoint is changed."""
    chat, answer = bot(count(1))
    with receiving(answer) as telegram:
        target = {"token": TOKEN, "chat_id": "42", "api_url": f"http://127.0.0.1:{telegram.port}"}
        async with staged(room, clock=FakeClock()) as stage:
            made = await stage.add(None, name="chat", kind="telegram", telegram=target)
            await whale(stage, 1)
            await until_settled(stage, ["delivered"])

            async def change(settings: dict[str, Any]) -> None:
                await stage.alerts.change(made.id, EndpointChange.model_validate(settings))

            yield stage, telegram, chat, change


@pytest.mark.parametrize("settings", [MUTED, QUIET])
async def test_the_one_message_holds_the_last_truth_through_mute_and_quiet_hours(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    async with a_sent_whale(tmp_path) as (stage, telegram, chat, change):
        await change(settings)
        for version, type_ in enumerate(LIFE[1:], 2):
            await whale(stage, 1, type_, version=version)
            await pass_time(stage, 2)
        await whale(stage, 2)
        await until_settled(stage, ["delivered"] * 5 + ["dropped"])

    assert list(chat) == [1]
    assert "900,005" in chat[1]
    assert [got.path.rpartition("/")[2] for got in telegram.got] == ["sendMessage"] + ["editMessageText"] * 4


async def test_what_waited_for_a_receiver_and_is_sent_during_mute_makes_no_sound(tmp_path: Path) -> None:
    async with a_sent_whale(tmp_path) as (stage, telegram, _, change):
        telegram.script.append(Say(500))
        await whale(stage, 2)
        await pass_time(stage, 2)
        await until_settled(stage, ["delivered", "waiting"])
        await change(MUTED)
        await pass_time(stage, 10)
        await until_settled(stage, ["delivered", "delivered"])

    assert json.loads(telegram.got[-1].body)["disable_notification"] is True


async def test_mute_holds_back_a_new_whale_and_says_so(tmp_path: Path) -> None:
    async with a_sent_whale(tmp_path) as (stage, _, chat, change):
        await change(MUTED)
        await whale(stage, 2, EventType.DETECTED)
        await until_settled(stage, ["delivered", "dropped"])

    assert list(chat) == [1]
