"""Files of labels over HTTP: CSV and a wallet's export, all or nothing, large ones too."""

import json
from pathlib import Path

import pytest

from app.core.encoding import address_of
from app.store import AuditLog, LabelStore, open_operator
from tests.api.conftest import ADMIN, Composition, OpenServer
from tests.api.test_labels import ADDRESS, OTHER, listed
from tests.fakes import NOON

IMPORT = "/api/v1/labels/import"


@pytest.fixture
async def composition(open_server: OpenServer, tmp_path: Path) -> Composition:
    composition = await open_server(SPOUT_PASSWORD="open sesame")
    opened = await open_operator(tmp_path, at=NOON)
    composition.stack.push_async_callback(opened.file.close)
    file = opened.file
    composition.server.attach(composition.history, composition.keys, LabelStore(file), audit=AuditLog(file))
    return composition


def wallet_line(**said: object) -> str:
    return json.dumps({"type": "addr", "ref": ADDRESS, "label": "Cold", **said})


async def test_a_wallets_labels_are_private_unless_it_is_said(composition: Composition) -> None:
    lines = [wallet_line(), wallet_line(type="tx", ref="ab" * 32), wallet_line(label=None, ref=OTHER)]

    answer = await composition.http.post(IMPORT, headers=ADMIN, content="\n".join(lines))

    assert answer.json() == {"imported": 1, "others": 2}
    assert [(one["entity"], one["private"]) for one in await listed(composition)] == [("Cold", True)]


async def test_a_csv_is_public_unless_it_is_said(composition: Composition) -> None:
    content = f"address,entity,private\n{ADDRESS},Cold,\n{OTHER},Hot,true\n"

    await composition.http.post(IMPORT, headers=ADMIN, content=content)

    assert {one["entity"]: one["private"] for one in await listed(composition)} == {
        "Cold": False,
        "Hot": True,
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (wallet_line() + "\n{", "line 2"),
        (wallet_line() + "\n" + wallet_line(ref="nonsense"), "line 2"),
        (wallet_line(type="coin"), "type must be one of"),
        (wallet_line(label=7), "label must be text"),
        (wallet_line() + "\n[1]", "line 2"),
        (f"address,entity\n{ADDRESS},Me\nnonsense,You\n", "line 3"),
        ("address,entity\n" + f"{ADDRESS},Me\n" * 100_000, "more than 100,000 lines"),
        (b"address,entity\n\xff", "UTF-8"),
    ],
)
async def test_one_bad_line_imports_none_and_is_named(
    composition: Composition, content: str | bytes, words: str
) -> None:
    answer = await composition.http.post(IMPORT, headers=ADMIN, content=content)

    assert (answer.status_code, words in answer.json()["error"]["message"]) == (400, True)
    assert await listed(composition) == []


async def test_a_file_larger_than_other_bodies_is_taken(composition: Composition) -> None:
    rows = [f"{address_of('0014' + f'{number:040x}')},{'Me ' * 26}" for number in range(9_000)]
    content = "address,entity\n" + "\n".join(rows)

    answer = await composition.http.post(IMPORT, headers=ADMIN, content=content)

    assert (len(content) > 1_048_576, answer.json()["imported"]) == (True, 9_000)
