"""`/api/v1/settings`, with the operator's real file behind it."""

import gc
from contextlib import suppress
from pathlib import Path

import pytest

from app.api.problems import Problem
from app.api.query import asked
from app.api.settings_change import SettingsChange
from app.errors import SettingsError
from app.settings import SettingsInForce, read_settings
from app.store import SettingStore, open_operator
from tests.api.conftest import ADMIN, READ, Composition, OpenServer
from tests.fakes import NOON

PATH = "/api/v1/settings"


@pytest.fixture
async def settled(open_server: OpenServer, tmp_path: Path) -> tuple[Composition, SettingsInForce]:
    composition = await open_server(SPOUT_PASSWORD="open sesame")
    opened = await open_operator(tmp_path, at=NOON)
    composition.stack.push_async_callback(opened.file.close)
    in_force = SettingsInForce(read_settings({"SPOUT_WHALE_THRESHOLD_BTC": "200"}))
    own = SettingStore(opened.file, in_force, composition.clock.now)
    composition.server.attach(composition.history, composition.keys, None, own)
    return composition, in_force


async def test_a_change_holds_at_once_and_says_where_it_comes_from(
    settled: tuple[Composition, SettingsInForce],
) -> None:
    composition, in_force = settled

    answer = await composition.http.patch(PATH, headers=ADMIN, json={"SPOUT_WHALE_THRESHOLD_BTC": 50.5})

    shown = answer.json()["settings"][0]
    assert (answer.status_code, shown["value"], shown["without"], shown["comes_from"]) == (
        200,
        50.5,
        200,
        "operator",
    )
    assert in_force.current.whale_threshold_sat == 50_5000_0000


async def test_null_goes_back_to_the_environments(settled: tuple[Composition, SettingsInForce]) -> None:
    composition, in_force = settled
    await composition.http.patch(PATH, headers=ADMIN, json={"SPOUT_WHALE_THRESHOLD_BTC": 50})

    answer = await composition.http.patch(PATH, headers=ADMIN, json={"SPOUT_WHALE_THRESHOLD_BTC": None})

    assert answer.json()["settings"][0]["comes_from"] == "environment"
    assert in_force.current.whale_threshold_btc == 200


async def test_a_number_of_json_is_one_whatever_way_it_is_written(
    settled: tuple[Composition, SettingsInForce],
) -> None:
    composition, in_force = settled
    body = b'{"SPOUT_RETENTION_DAYS": 3e1, "SPOUT_WHALE_THRESHOLD_BTC": 1e-8}'

    answer = await composition.http.patch(PATH, headers=ADMIN, content=body)

    assert answer.status_code == 200
    assert (in_force.current.retention_days, in_force.current.whale_threshold_sat) == (30, 1)


async def test_a_reader_may_not_even_look(settled: tuple[Composition, SettingsInForce]) -> None:
    composition, _ = settled

    assert (await composition.http.get(PATH, headers=READ)).status_code == 403


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"SPOUT_RETENTION_DAY": 1}, "did you mean SPOUT_RETENTION_DAYS?"),
        ({"SPOUT_PASSWORD": "x"}, "in the environment only"),
        ({"SPOUT_RETENTION_DAYS": 0}, "must be a whole number of days from 1 to 36500"),
        ({"SPOUT_RETENTION_DAYS": True}, "must be a text, a number, or null"),
        ({"SPOUT_CURRENCY": ""}, "must not be empty"),
        ({}, "Name what shall change"),
    ],
)
async def test_what_cannot_be_set_is_refused_in_words_and_changes_nothing(
    settled: tuple[Composition, SettingsInForce], body: dict[str, object], words: str
) -> None:
    composition, in_force = settled

    answer = await composition.http.patch(PATH, headers=ADMIN, json=body)

    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
    assert in_force.current == in_force.base


async def test_all_that_is_wrong_is_said_at_once_and_nothing_is_changed(
    settled: tuple[Composition, SettingsInForce],
) -> None:
    composition, in_force = settled
    wrong = {"SPOUT_RETENTION_DAYS": 0, "SPOUT_TIMEZONE": "Mars", "SPOUT_ACCURACY_ALERT_BELOW": 0.5}

    answer = await composition.http.patch(PATH, headers={**ADMIN, "Prefer": "faults"}, json=wrong)

    assert [one["name"] for one in answer.json()["faults"]] == ["SPOUT_RETENTION_DAYS", "SPOUT_TIMEZONE"]
    assert in_force.current == in_force.base


def test_nothing_of_a_change_that_was_refused_is_kept() -> None:
    def refused() -> int:
        for _ in range(10):
            with suppress(Problem):
                asked(SettingsChange, {"SPOUT_WHALE_THRESHOLD_BTC": "many"})
        gc.collect()
        return sum(isinstance(one, SettingsError) for one in gc.get_objects())

    assert refused() == refused()
