"""`/api/v1/endpoints` and `/deliveries` over HTTP, with real receivers behind."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import ADMIN, READ, Composition
from tests.notifiers.receivers import Receiver, Say, receiving
from tests.notifiers.stage import Stage, staged, until_settled

URL = "/api/v1/endpoints"


@pytest.fixture
async def stage(composition: Composition, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path / "alerts") as stage:
        composition.server.attach(composition.history, composition.keys, endpoints=stage.alerts)
        yield stage


def _hook(receiver: Receiver, **more: Any) -> dict[str, Any]:
    return {"name": "hook", "kind": "webhook", "reach": "lan", "url": receiver.url("/a-long-path"), **more}


@pytest.mark.usefixtures("stage")
@pytest.mark.parametrize("path", [URL, f"{URL}/ep_1", "/api/v1/deliveries"])
async def test_to_read_them_needs_admin(composition: Composition, path: str) -> None:
    assert (await composition.http.get(path, headers=READ)).status_code == 403


@pytest.mark.usefixtures("stage")
async def test_a_secret_stands_in_the_answer_once(composition: Composition) -> None:
    with receiving() as receiver:
        made = await composition.http.post(URL, headers=ADMIN, json=_hook(receiver))
    again = await composition.http.get(f"{URL}/{made.json()['id']}", headers=ADMIN)

    assert (made.status_code, made.json()["secret"][:6], again.json()["secret"]) == (201, "whsec_", None)
    assert "a-long-path" not in made.text + again.text


@pytest.mark.usefixtures("stage")
async def test_what_is_left_out_has_its_default(composition: Composition) -> None:
    with receiving() as receiver:
        made = (await composition.http.post(URL, headers=ADMIN, json=_hook(receiver))).json()

    assert made["enabled"] is True
    assert (made["rules"]["types"], made["budget_per_hour"], made["one_thread"]) == ([], None, True)
    assert made["state"]["queued"] == 0


@pytest.mark.usefixtures("stage")
@pytest.mark.parametrize(
    ("reported", "words"),
    [
        ({"name": "x", "kind": "webhook", "urll": "http://a"}, "url"),
        ({"name": "x", "kind": "webhook"}, "needs url"),
        ({"name": "x", "kind": "email", "url": "http://a.example"}, "has no url"),
        ({"name": "x", "kind": "webhook", "url": "http://10.0.0.1/"}, "set reach to lan"),
        ({"name": "x", "kind": "webhook", "url": "http://169.254.169.254/"}, "metadata"),
        ({"name": "x", "kind": "webhook", "url": "http://u:p@a.example/"}, "user or password"),
        ({"name": "x", "kind": "apprise", "url": "syslog://"}, "syslog"),
        ({"name": "x", "kind": "telegram", "telegram": {"token": "x", "chat_id": 1}}, "BotFather"),
    ],
)
async def test_what_cannot_be_is_refused_in_words(
    composition: Composition, reported: dict[str, Any], words: str
) -> None:
    refused = await composition.http.post(URL, headers=ADMIN, json=reported)

    assert (refused.status_code, words in refused.json()["error"]["message"]) == (400, True)


@pytest.mark.usefixtures("stage")
async def test_all_that_is_wrong_is_said_at_once_each_by_its_name(composition: Composition) -> None:
    wrong = {
        "kind": "webhook",
        "budget": 3,
        "budget_per_hour": 0,
        "template": "$foo",
        "quiet_hours": {"from": "22:00", "till": "7"},
        "rules": {"min_moved_btc": "many", "types": ["whale.seen"]},
    }
    refused = await composition.http.post(URL, headers=ADMIN, json=wrong)

    error = refused.json()["error"]
    named = [fault.split(" ")[0].rstrip(":") for fault in error["message"].split("; ")]
    assert (refused.status_code, error["code"]) == (400, "unknown_parameter")
    assert sorted(named) == sorted(
        [
            *("'budget'", "budget_per_hour", "name", "quiet_hours", "quiet_hours.to"),
            *("rules.min_moved_btc", "rules.types[0]", "template", "url"),
        ]
    )


@pytest.mark.usefixtures("stage")
async def test_of_a_chat_token_and_number_are_refused_together(composition: Composition) -> None:
    wrong = {"name": "x", "kind": "telegram", "telegram": {"token": "x", "chat_id": "me"}}
    refused = await composition.http.post(URL, headers=ADMIN, json=wrong)

    assert refused.json()["error"]["message"] == (
        "telegram.token must be what BotFather gave, like 123456789:AA…; "
        "telegram.chat_id must be a number, or @ and a channel's name"
    )


@pytest.mark.usefixtures("stage")
async def test_of_very_many_faults_the_first_ten_are_said(composition: Composition) -> None:
    refused = await composition.http.post(URL, headers=ADMIN, json={f"x{n}": n for n in range(100)})

    assert refused.json()["error"]["message"].endswith("; and 92 more")


@pytest.mark.usefixtures("stage")
async def test_of_very_many_faults_each_is_listed_by_its_name(composition: Composition) -> None:
    rules = {"entities": [""] * 20, "min_moved_btc": "many"}
    refused = await composition.http.post(
        URL, headers={**ADMIN, "Prefer": "faults"}, json={"kind": "heartbeat", "rules": rules}
    )

    names = {one["name"] for one in refused.json()["faults"]}
    expected = {f"rules.entities[{place}]" for place in range(20)}
    assert names == {"name", "url", "rules.min_moved_btc", *expected}


@pytest.mark.usefixtures("stage")
async def test_a_change_keeps_what_it_does_not_name(composition: Composition) -> None:
    with receiving() as receiver:
        made = (await composition.http.post(URL, headers=ADMIN, json=_hook(receiver))).json()
        path = f"{URL}/{made['id']}"
        changed = await composition.http.patch(path, headers=ADMIN, json={"name": "other"})
        tested = await composition.http.post(f"{path}/test", headers=ADMIN)

    assert (changed.json()["name"], changed.json()["reach"]) == ("other", "lan")
    assert (tested.json()["delivered"], receiver.got[0].path) == (True, "/a-long-path")


@pytest.mark.usefixtures("stage")
async def test_a_name_is_taken_once(composition: Composition) -> None:
    with receiving() as receiver:
        await composition.http.post(URL, headers=ADMIN, json=_hook(receiver))
        second = await composition.http.post(URL, headers=ADMIN, json=_hook(receiver))

    assert (second.status_code, "take another name" in second.text) == (400, True)


@pytest.mark.usefixtures("stage")
async def test_of_one_that_is_only_tested_nothing_is_kept(composition: Composition) -> None:
    with receiving(lambda _got: Say(404)) as receiver:
        tested = await composition.http.post(f"{URL}/test", headers=ADMIN, json=_hook(receiver))
    listed = await composition.http.get(URL, headers=ADMIN)

    assert (tested.json()["delivered"], tested.json()["status_code"]) == (False, 404)
    assert listed.json() == {"endpoints": [], "total_count": 0}


@pytest.mark.usefixtures("stage")
async def test_a_heartbeat_of_no_pace_of_its_own_has_the_pace_that_the_contract_says(
    composition: Composition,
) -> None:
    with receiving() as receiver:
        new = {**_hook(receiver), "kind": "heartbeat", "every_minutes": 7}
        made = (await composition.http.post(URL, headers=ADMIN, json=new)).json()
        path = f"{URL}/{made['id']}"
        changed = await composition.http.patch(path, headers=ADMIN, json={"every_minutes": None})

    assert (made["every_minutes"], changed.json()["every_minutes"]) == (7, 5)


@pytest.mark.usefixtures("stage")
async def test_one_that_is_removed_is_gone(composition: Composition) -> None:
    with receiving() as receiver:
        made = (await composition.http.post(URL, headers=ADMIN, json=_hook(receiver))).json()
    path = f"{URL}/{made['id']}"

    answers = [(await composition.http.delete(path, headers=ADMIN)).status_code for _ in range(2)]
    assert answers == [204, 404]


async def test_deliveries_come_in_pages_newest_first(composition: Composition, stage: Stage) -> None:
    with receiving() as receiver:
        await composition.http.post(URL, headers=ADMIN, json=_hook(receiver))
        await stage.happen(3)
        await until_settled(stage, ["delivered"] * 3)
    path = "/api/v1/deliveries?limit=2"
    first = (await composition.http.get(path, headers=ADMIN)).json()
    cursor = first["page_info"]["next_cursor"]
    second = (await composition.http.get(f"{path}&cursor={cursor}", headers=ADMIN)).json()

    found = [one["sequence"] for page in (first, second) for one in page["deliveries"]]
    assert (found, first["total_count"], second["page_info"]["has_next"]) == ([3, 2, 1], 3, False)


@pytest.mark.usefixtures("stage")
async def test_a_page_after_a_number_that_no_event_can_have_is_refused(composition: Composition) -> None:
    cursor = base64.urlsafe_b64encode(f"{10**40} x".encode()).decode()

    answer = await composition.http.get("/api/v1/deliveries", headers=ADMIN, params={"cursor": cursor})

    assert (answer.status_code, answer.json()["error"]["message"].split()[0]) == (400, "cursor")


@pytest.mark.usefixtures("stage")
async def test_a_delivery_that_never_was_is_not_sent_again(composition: Composition) -> None:
    answer = await composition.http.post("/api/v1/deliveries/dlv_1_none/redeliver", headers=ADMIN)

    assert (answer.status_code, "There is no delivery dlv_1_none" in answer.text) == (404, True)


@pytest.mark.usefixtures("stage")
async def test_to_an_endpoint_that_never_was_nothing_is_sent_again(composition: Composition) -> None:
    asked = {"endpoint_id": "ep_none", "since": "2020-01-01T00:00:00Z"}
    answer = await composition.http.post("/api/v1/deliveries/redeliver", headers=ADMIN, json=asked)

    assert (answer.status_code, "There is no endpoint ep_none" in answer.text) == (404, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v1/deliveries"), ("POST", "/api/v1/deliveries/dlv_1_none/redeliver"), ("GET", URL)],
)
async def test_until_they_can_be_read_that_is_said(composition: Composition, method: str, path: str) -> None:
    answer = await composition.http.request(method, path, headers=ADMIN)

    assert answer.status_code == 503
