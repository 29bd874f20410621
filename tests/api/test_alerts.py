"""Previews, why an alert came or did not, and called hosts, over HTTP with real receivers behind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.conftest import ADMIN, READ, Composition
from tests.notifiers.lives import whale
from tests.notifiers.receivers import receiving
from tests.notifiers.stage import Stage, staged, until_settled

PREVIEW, HOSTS = "/api/v1/endpoints/preview", "/api/v1/hosts"


@pytest.fixture
async def stage(composition: Composition, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path / "alerts") as stage:
        composition.server.attach(composition.history, composition.keys, endpoints=stage.alerts)
        yield stage


async def test_a_preview_says_what_such_rules_would_have_sent(composition: Composition, stage: Stage) -> None:
    await whale(stage, 1, btc=150)
    await whale(stage, 2, btc=900)
    body = {"kind": "telegram", "rules": {"min_moved_btc": 500}, "template": "$amount $route"}

    found = (await composition.http.post(PREVIEW, headers=ADMIN, json=body)).json()

    assert [(one["days"], one["alerts"], one["held"]) for one in found["periods"]] == [
        (7, 1, {"rule": 1}),
        (30, 1, {"rule": 1}),
    ]
    assert found["last"]["text"] == "likely 900 BTC to Binance"


@pytest.mark.usefixtures("stage")
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"template": "x" * 4_097}, "template must be at most 4096"),
        ({"rules": {"min_moved": 1}}, "did you mean min_moved_btc?"),
        ({"quiet_hours": {"from": "25:00", "to": "07:00"}}, "quiet_hours.from"),
    ],
)
async def test_what_cannot_be_previewed_is_refused_in_words(
    composition: Composition, body: dict[str, object], words: str
) -> None:
    refused = await composition.http.post(PREVIEW, headers=ADMIN, json=body)

    assert (refused.status_code, words in refused.json()["error"]["message"]) == (400, True)


async def test_of_a_whale_each_endpoint_says_what_it_was_sent(composition: Composition, stage: Stage) -> None:
    with receiving() as receiver:
        await stage.add(receiver.url(), name="hook")
        event = await whale(stage, 1)
        await until_settled(stage, ["delivered"])
    path = f"/api/v1/predictions/{event.body['txid']}/alerts"

    found = (await composition.http.get(path, headers=ADMIN)).json()["endpoints"]

    assert [(one["name"], one["because"], len(one["deliveries"])) for one in found] == [("hook", None, 1)]


async def test_of_no_whale_there_is_nothing_to_say(composition: Composition, stage: Stage) -> None:
    assert stage.alerts is not None
    answer = await composition.http.get(f"/api/v1/predictions/{'ab' * 32}/alerts", headers=ADMIN)

    assert answer.status_code == 404


async def test_every_host_that_was_called_is_listed_and_none_before(
    composition: Composition, stage: Stage
) -> None:
    before = (await composition.http.get(HOSTS, headers=ADMIN)).json()
    with receiving() as receiver:
        made = await stage.add(receiver.url())
        await stage.alerts.test(made.id)
    after = (await composition.http.get(HOSTS, headers=ADMIN)).json()

    assert (before["hosts"], [one["host"] for one in after["hosts"]]) == ([], ["127.0.0.1"])


@pytest.mark.usefixtures("stage")
async def test_a_reader_may_ask_none_of_it(composition: Composition) -> None:
    answers = [
        await composition.http.post(PREVIEW, headers=READ, json={}),
        await composition.http.get(HOSTS, headers=READ),
        await composition.http.get(f"/api/v1/predictions/{'ab' * 32}/alerts", headers=READ),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
