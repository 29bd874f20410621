"""A secret goes in and never comes out: also not to a server that somebody names in its place."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.api.models import Endpoint, EndpointChange
from app.errors import EndpointError
from tests.notifiers.builders import TOKEN
from tests.notifiers.stage import Stage, staged

MAIL = {
    "host": "127.0.0.1",
    "port": 587,
    "security": "starttls",
    "username": "me",
    "password": "kept-here",
    "from": "spout@example.org",
    "to": "me@example.org",
}
CHAT = {"token": TOKEN, "chat_id": "42", "api_url": "http://127.0.0.1:8081"}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path, run=False) as stage:
        yield stage


async def _changed(stage: Stage, kind: str, kept: dict[str, Any], change: dict[str, Any]) -> Endpoint | None:
    endpoint = await stage.add(None, name=kind, kind=kind, **{kind: kept})
    return await stage.alerts.change(endpoint.id, EndpointChange.model_validate({kind: change}))


@pytest.mark.parametrize(
    ("kind", "kept", "change", "field"),
    [
        ("email", MAIL, {"host": "localhost"}, "email.password"),
        ("email", MAIL, {"security": "none"}, "email.password"),
        ("telegram", CHAT, {"api_url": "http://127.0.0.1:8082"}, "telegram.token"),
    ],
)
async def test_a_kept_secret_does_not_follow_to_another_server(
    stage: Stage, kind: str, kept: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    with pytest.raises(EndpointError, match=f"{field} must be given again"):
        await _changed(stage, kind, kept, change)


@pytest.mark.parametrize(
    ("kind", "kept", "change"),
    [
        ("email", MAIL, {"host": "localhost", "security": "none", "password": "given-again"}),
        ("email", MAIL, {"host": "localhost", "username": None}),
        ("email", MAIL, {"host": "127.0.0.1", "port": 465, "security": "tls"}),
        ("telegram", CHAT, {"api_url": "http://127.0.0.1:8082", "token": TOKEN}),
        ("telegram", CHAT, {"api_url": None}),
        ("telegram", CHAT, {"api_url": "http://127.0.0.1:8081", "chat_id": "43"}),
    ],
)
async def test_a_server_is_changed_with_the_secret_given_again_or_without_one(
    stage: Stage, kind: str, kept: dict[str, Any], change: dict[str, Any]
) -> None:
    assert await _changed(stage, kind, kept, change) is not None


async def test_who_an_email_is_from_and_whom_it_goes_to_may_be_changed(stage: Stage) -> None:
    changed = await _changed(stage, "email", MAIL, {"from": "other@example.org", "to": "you@example.org"})

    assert changed is not None
    assert changed.email is not None
    assert (changed.email.from_, changed.email.to) == ("other@example.org", "you@example.org")


async def test_a_url_as_it_is_shown_changes_nothing(stage: Stage) -> None:
    endpoint = await stage.add("http://127.0.0.1:9/a-secret-path")
    await stage.alerts.change(endpoint.id, EndpointChange.model_validate({"url": endpoint.url}))

    kept = await stage.directory.one(endpoint.id)
    assert kept is not None
    assert kept.target is not None
    assert (endpoint.url, kept.target.url) == ("http://127.0.0.1:9/***", "http://127.0.0.1:9/a-secret-path")


@pytest.mark.parametrize("url", ["http://localhost:9/***", "http://127.0.0.1:8/***"])
async def test_a_url_of_which_a_part_is_masked_is_refused(stage: Stage, url: str) -> None:
    endpoint = await stage.add("http://127.0.0.1:9/a-secret-path")
    with pytest.raises(EndpointError, match="leave it out to keep it"):
        await stage.alerts.change(endpoint.id, EndpointChange.model_validate({"url": url}))


async def test_a_new_url_of_which_a_part_is_masked_is_refused(stage: Stage) -> None:
    with pytest.raises(EndpointError, match="or write all of it"):
        await stage.add("http://127.0.0.1:9/***")


async def test_a_bot_api_server_as_it_is_shown_changes_nothing(stage: Stage) -> None:
    server = "http://127.0.0.1:8081/a-secret-path"
    endpoint = await stage.add(None, name="chat", kind="telegram", telegram=CHAT | {"api_url": server})
    assert endpoint.telegram is not None
    shown = {"api_url": endpoint.telegram.api_url}
    await stage.alerts.change(endpoint.id, EndpointChange.model_validate({"telegram": shown}))

    kept = await stage.directory.one(endpoint.id)
    assert kept is not None
    assert kept.target is not None
    assert kept.target.telegram is not None
    assert kept.target.telegram.api_url == server
