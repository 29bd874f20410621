"""Backups over HTTP: made on the box and named, asked again in a tab that has been open for long."""

from datetime import datetime
from pathlib import Path

import pytest

from app.errors import StoreError
from app.store import AuditLog, open_operator
from tests.api.conftest import Composition, OpenServer
from tests.api.test_auth import PASSWORD, log_in
from tests.fakes import NOON

BACKUPS = "/api/v1/backups"


class Shelf:
    """A directory that holds what was made; `full`: the disk has no room."""

    def __init__(self, room: Path) -> None:
        self.room, self.full = room, False

    async def back_up(self) -> Path:
        if self.full:
            raise StoreError("the disk has no room")
        path = self.room / f"spout-{len(self.backups())}.backup"
        path.write_bytes(b"kept")
        return path

    def backups(self) -> list[tuple[Path, datetime]]:
        return [(path, NOON) for path in sorted(self.room.glob("*.backup"), reverse=True)]


@pytest.fixture
async def tab(open_server: OpenServer, tmp_path: Path) -> Composition:
    composition = await open_server(SPOUT_PASSWORD=PASSWORD)
    opened = await open_operator(tmp_path, at=NOON)
    composition.stack.push_async_callback(opened.file.close)
    composition.server.attach(
        composition.history, composition.keys, audit=AuditLog(opened.file), backups=Shelf(tmp_path)
    )
    await log_in(composition)
    composition.http.headers["Origin"] = f"http://{composition.host}"
    return composition


async def test_a_backup_that_is_made_is_named_listed_and_noted(tab: Composition) -> None:
    made = await tab.http.post(BACKUPS)
    listed = (await tab.http.get(BACKUPS)).json()
    changes = (await tab.http.get("/api/v1/audit")).json()["changes"]

    assert (made.status_code, made.json()["name"], made.json()["bytes"]) == (201, "spout-0.backup", 4)
    assert [one["name"] for one in listed["backups"]] == ["spout-0.backup"]
    assert changes[0]["what"] == "backup spout-0.backup made"


async def test_a_tab_that_was_open_for_long_is_asked_again(tab: Composition) -> None:
    await tab.clock.advance(11 * 60)

    refused = await tab.http.post(BACKUPS)

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "confirm_password")


async def test_why_none_was_made_is_said(tab: Composition, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.full = True
    tab.server.attach(tab.history, tab.keys, backups=shelf)

    refused = await tab.http.post(BACKUPS)

    assert refused.status_code == 409
    assert "no room" in refused.json()["error"]["message"]
