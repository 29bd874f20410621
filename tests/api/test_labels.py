from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.store.operator.file import open_operator
from app.store.operator.labels import LabelStore
from tests.api.conftest import ADMIN, READ, Composition, OpenServer
from tests.fakes import NOON

ADDRESS = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
OTHER = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
ASKING = {**ADMIN, "Prefer": "faults"}
LABELS = "/api/v1/labels"


@pytest.fixture
async def composition(open_server: OpenServer, tmp_path: Path) -> AsyncIterator[Composition]:
    composition = await open_server(SPOUT_PASSWORD="open sesame")
    opened = await open_operator(tmp_path, at=NOON)
    composition.server.attach(composition.history, composition.keys, LabelStore(opened.file))
    yield composition
    await opened.file.close()


async def listed(composition: Composition) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await composition.http.get(LABELS, headers=READ)).json()["labels"]
    return found


async def test_a_label_that_is_added_is_listed_as_documented(composition: Composition) -> None:
    answer = await composition.http.post(LABELS, headers=ADMIN, json={"address": ADDRESS, "entity": "Me"})

    schemas = (await composition.http.get("/api/v1/openapi.json", headers=READ)).json()["components"][
        "schemas"
    ]
    assert answer.status_code == 201
    assert await listed(composition) == answer.json()["labels"]
    assert set(answer.json()["labels"][0]) == set(schemas["Label"]["properties"])


async def test_a_known_name_brings_its_kind(composition: Composition) -> None:
    await composition.http.post(LABELS, headers=ADMIN, json={"address": ADDRESS, "entity": "kraken"})

    assert [(one["group"], one["kind"]) for one in await listed(composition)] == [("Kraken", "exchange")]


async def test_many_are_added_at_once(composition: Composition) -> None:
    many = [{"address": ADDRESS, "entity": "Me"}, {"address": OTHER, "entity": "You", "kind": "exchange"}]

    answer = await composition.http.post(LABELS, headers=ADMIN, json={"labels": many})

    assert answer.json()["total_count"] == 2
    assert [one["entity"] for one in await listed(composition)] == ["Me", "You"]


async def test_one_bad_label_of_many_adds_none_and_is_named(composition: Composition) -> None:
    many = [{"address": ADDRESS, "entity": "Me"}, {"address": "nonsense", "entity": "You"}]

    answer = await composition.http.post(LABELS, headers=ADMIN, json={"labels": many})

    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("labels[1]: nonsense")
    assert await listed(composition) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"address": ADDRESS},
        {"address": 7, "entity": "Me"},
        {"address": ADDRESS, "entity": "Me", "kind": "friend"},
        {"address": ADDRESS, "entity": "Me", "colour": "red"},
        {"address": ADDRESS, "entity": "Me", "created_at": "yesterday"},
        {"labels": []},
        {"labels": [[]]},
        {"labels": "all"},
    ],
)
async def test_what_is_no_label_is_refused(composition: Composition, body: dict[str, Any]) -> None:
    answer = await composition.http.post(LABELS, headers=ADMIN, json=body)

    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}


async def test_a_removed_label_is_gone_and_cannot_be_removed_again(composition: Composition) -> None:
    await composition.http.post(LABELS, headers=ADMIN, json={"address": ADDRESS, "entity": "Me"})

    first = await composition.http.delete(f"{LABELS}/{ADDRESS}", headers=ADMIN)
    second = await composition.http.delete(f"{LABELS}/{ADDRESS}", headers=ADMIN)

    assert (first.status_code, first.content, second.status_code) == (204, b"", 404)


async def test_labels_are_read_with_scope_read_and_changed_with_admin_only(composition: Composition) -> None:
    answers = [
        await composition.http.get(LABELS, headers=READ),
        await composition.http.post(LABELS, headers=READ, json={"address": ADDRESS, "entity": "Me"}),
        await composition.http.delete(f"{LABELS}/{ADDRESS}", headers=READ),
        await composition.http.get(LABELS),
    ]

    assert [answer.status_code for answer in answers] == [200, 403, 403, 401]


async def test_until_the_labels_are_open_it_says_so(open_server: OpenServer) -> None:
    composition = await open_server(attached=False)

    assert (await composition.http.get(LABELS)).status_code == 503


async def test_labels_come_in_pages_and_are_searched(composition: Composition) -> None:
    many = [{"address": ADDRESS, "entity": "Me"}, {"address": OTHER, "entity": "You"}]
    await composition.http.post(LABELS, headers=ADMIN, json={"labels": many})

    first = (await composition.http.get(LABELS, headers=READ, params={"limit": 1})).json()
    cursor = first["page_info"]["next_cursor"]
    second = (await composition.http.get(LABELS, headers=READ, params={"limit": 1, "cursor": cursor})).json()
    found = (await composition.http.get(LABELS, headers=READ, params={"search": "yOU"})).json()

    assert ([one["entity"] for one in first["labels"]], first["total_count"]) == (["Me"], 2)
    assert ([one["entity"] for one in second["labels"]], second["page_info"]["has_next"]) == (["You"], False)
    assert ([one["address"] for one in found["labels"]], found["total_count"]) == ([OTHER], 1)


@pytest.mark.parametrize(
    "params", [{"limit": "1001"}, {"limit": "0"}, {"cursor": "nonsense"}, {"serch": "x"}]
)
async def test_a_page_of_labels_that_cannot_be_is_refused(
    composition: Composition, params: dict[str, str]
) -> None:
    answer = await composition.http.get(LABELS, headers=READ, params=params)

    assert answer.status_code == 400
    assert next(iter(params)) in answer.json()["error"]["message"]


async def test_all_that_is_wrong_with_a_label_is_said_at_once_by_field(composition: Composition) -> None:
    body = {"address": "", "entity": " ", "kind": "friend", "created_at": "yesterday"}

    refused = (await composition.http.post(LABELS, headers=ASKING, json=body)).json()

    assert [one["name"] for one in refused["faults"]] == ["entity", "address", "kind", "created_at"]
    assert "the address is missing" in refused["error"]["message"]


async def test_of_many_labels_the_bad_one_is_named_by_its_place(composition: Composition) -> None:
    many = [{"address": ADDRESS, "entity": "Me"}, {"address": "nonsense"}]

    refused = (await composition.http.post(LABELS, headers=ASKING, json={"labels": many})).json()

    assert [one["name"] for one in refused["faults"]] == ["labels[1].entity", "labels[1].address"]
