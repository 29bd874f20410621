"""The page that shows the OpenAPI document: all of it, from here, for whoever may read the document."""

import re

import pytest

from app.api.docs_page import docs_page, kind_of
from app.api.openapi import document, paths
from tests.api.conftest import READ, Composition, OpenServer
from tests.api.test_auth import PASSWORD, log_in

BROWSER = {"Accept": "text/html,*/*"}


async def test_a_key_opens_it(composition: Composition) -> None:
    answer = await composition.http.get("/api/v1/docs", headers=READ)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


async def test_a_login_opens_it(open_server: OpenServer) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD)
    await log_in(composition)

    assert (await composition.http.get("/api/v1/docs", headers=BROWSER)).status_code == 200


async def test_a_browser_without_one_is_led_to_the_login(composition: Composition) -> None:
    answer = await composition.http.get("/api/v1/docs", headers=BROWSER)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/login?next=/api/v1/docs")


async def test_a_program_without_one_is_refused_in_json(composition: Composition) -> None:
    answer = await composition.http.get("/api/v1/docs")

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")


def test_every_operation_stands_on_it() -> None:
    page = docs_page(document())
    named = {one["operationId"] for operations in paths().values() for one in operations.values()}

    assert {name for name in named if f'id="{name}"' not in page} == set()


def test_every_link_leads_somewhere_on_it() -> None:
    page = docs_page(document())
    ids = set(re.findall(r' id="([^"]+)"', page))

    assert set(re.findall(r'href="#([^"]+)"', page)) <= ids


def test_it_needs_no_script_and_no_other_host() -> None:
    page = docs_page(document())

    assert not re.search(r"<script|<link|<img|src=|https?://|@import|url\(", page)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": ["number", "null"], "minimum": 0}, "number or null, from 0"),
        ({"type": "array", "items": {"type": "string"}}, "list of string"),
        ({"$ref": "#/components/schemas/Health"}, '<a href="#Health">Health</a>'),
        ({"enum": ["low", "high"]}, "low, high"),
        ({"const": "<b>"}, "&#34;&lt;b&gt;&#34;"),
        ({}, "anything"),
    ],
)
def test_a_kind_is_told_in_a_few_words(schema: dict[str, object], words: str) -> None:
    assert kind_of(schema) == words


async def test_while_the_demo_is_played_it_says_so(open_server: OpenServer) -> None:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD, demo=True)

    assert "DEMO" in (await composition.http.get("/api/v1/docs", headers=READ)).text
