"""Forty bad requests and what is said of each: the words of before (`before`), the same or better."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.store import LabelStore, open_operator
from tests.api.conftest import ADMIN, Composition
from tests.fakes import NOON

REFUSED: list[dict[str, Any]] = json.loads(Path(__file__).with_name("refused_requests.json").read_text())


async def answered(composition: Composition, case: dict[str, Any]) -> tuple[int, str, str]:
    body = case["body"] if isinstance(case["body"], str | None) else json.dumps(case["body"])
    if case["method"] == "WS":
        socket = await composition.socket(additional_headers=ADMIN)
        await socket.recv()
        await socket.send(body or "")
        error = json.loads(await socket.recv())["error"]
        await socket.wait_closed()
        return int(socket.close_code or 0), error["code"], error["message"]
    answer = await composition.http.request(case["method"], case["path"], headers=ADMIN, content=body)
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


async def test_a_bad_request_is_refused_in_these_words(composition: Composition, tmp_path: Path) -> None:
    opened = await open_operator(tmp_path, at=NOON)
    composition.stack.push_async_callback(opened.file.close)
    composition.server.attach(composition.history, composition.keys, LabelStore(opened.file))

    said = [await answered(composition, case) for case in REFUSED]

    assert said == [(case["status"], case["code"], case["now"]) for case in REFUSED]


@pytest.mark.parametrize("case", [case for case in REFUSED if case["now"] != case["before"]], ids=str)
def test_what_is_worded_anew_says_more_or_leaves_out_what_cannot_be_had(case: dict[str, Any]) -> None:
    empty = case["before"].endswith("known are ") and case["now"].endswith("this takes none")

    assert empty or case["now"].startswith(case["before"]) or case["before"] == f"{case['now']}, test"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"name": "\\ud800"}', "has half a character (\\ud800 to \\udfff alone)"),
        ('{"name": "a", "name": "b"}', "names 'name' twice"),
        ('{"rules": {"types": [], "types": []}}', "names 'types' twice"),
    ],
)
async def test_a_body_that_readers_differ_about_is_refused(
    composition: Composition, body: str, words: str
) -> None:
    answer = await composition.http.post("/api/v1/endpoints", headers=ADMIN, content=body)

    assert (answer.status_code, answer.json()["error"]["message"]) == (400, f"The body {words}")


async def test_a_message_that_readers_differ_about_is_refused_in_the_same_words(
    composition: Composition,
) -> None:
    case = {"method": "WS", "body": '{"after": 1, "after": 2}'}

    code, _, words = await answered(composition, case)

    assert (code, words.partition("; ")[2]) == (4400, "this one names 'after' twice")
