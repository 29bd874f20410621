"""Endpoints' secrets, planted in the whole program, are in no answer, figure, page, document or backup."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import structlog
from websockets.asyncio.client import connect

from app.clock import SystemClock
from app.composition import Composition
from app.core.access import Scope
from app.keyring import Keyring
from app.server import Server
from app.settings import read_settings
from app.store import KeyStore, open_operator
from tests.notifiers.builders import TOKEN
from tests.notifiers.receivers import Got, Receiver, Say, receiving

pytestmark = pytest.mark.asyncio(loop_scope="module")
PASSWORD, PATH = "pl4nted-p4ssword", "pl4nted-p4th-of-a-hook"
PLANTED = [PASSWORD, PATH, TOKEN.partition(":")[2]]
PAGES = ("/", "/system", "/wall", "/settings", "/accuracy", "/history")
"""Those without sessions hold their document in their text."""


@dataclass(frozen=True, slots=True)
class Running:
    http: httpx.AsyncClient
    secrets: list[str]
    port: int
    room: Path


def rude(got: Got) -> Say:
    """It says again whatever it was told."""
    return Say(500, f"{got.path} {got.headers}".encode() + got.body)


def endpoints(receiver: Receiver) -> list[dict[str, Any]]:
    at = f"127.0.0.1:{receiver.port}"
    mail = {"host": "127.0.0.1", "port": 9, "security": "none", "username": "me", "password": PASSWORD}
    return [
        {"name": "hook", "kind": "webhook", "url": f"http://{at}/{PATH}?key={PASSWORD}"},
        {
            "name": "chat",
            "kind": "telegram",
            "telegram": {"token": TOKEN, "chat_id": 42, "api_url": f"http://{at}"},
        },
        {"name": "ntfy", "kind": "apprise", "url": f"ntfy://me:{PASSWORD}@{at}/{PATH}"},
        {"name": "mail", "kind": "email", "email": {**mail, "from": "a@example.org", "to": "b@example.org"}},
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """The whole appliance playing its demo, with endpoints that were tried against a rude receiver."""
    room, clock, root = tmp_path_factory.mktemp("planted"), SystemClock(), logging.getLogger()
    handlers, level = root.handlers, root.level
    opened = await open_operator(room, at=clock.now())
    key = await KeyStore(opened.file).create("chief", Scope.ADMIN, clock.now())
    await opened.file.close()
    environ = {"SPOUT_PORT": "0", "SPOUT_DATA_DIR": str(room), "SPOUT_SOURCE": "demo"}
    settings = read_settings({**environ, "SPOUT_ALLOWED_TARGETS": "127.0.0.1"})
    keyring = Keyring(b"a secret of the tests, long enough")
    server = Server(settings, keyring, clock)
    server.listen()
    composition = Composition(settings, server, clock, keyring)
    living = asyncio.create_task(composition.live())
    base = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(
        base_url=base, headers={"X-API-Key": key}, trust_env=False, timeout=60
    ) as http:
        async with asyncio.timeout(60):
            while "ready" not in (await http.get("/healthz")).text:  # noqa: ASYNC110 - it has no bell
                await asyncio.sleep(0.05)
        with receiving(rude) as receiver:
            made = [(await http.post("/api/v1/endpoints", json=one)).json() for one in endpoints(receiver)]
            for one in made:
                await http.post(f"/api/v1/endpoints/{one['id']}/test")
        secret = made[0]["secret"].removeprefix("whsec_")
        yield Running(http, [*PLANTED, secret], server.port, room)
    living.cancel()
    await asyncio.wait({living})
    await server.close()
    await composition.close()
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


def found(running: Running, said: str | bytes) -> list[str]:
    text = said if isinstance(said, str) else said.decode("latin-1")
    return [secret for secret in running.secrets if secret in text]


async def test_no_answer_and_no_figure_has_them(running: Running) -> None:
    paths = (await running.http.get("/api/v1/openapi.json")).json()["paths"]
    asked = [path for path, methods in paths.items() if "get" in methods and "{" not in path]
    answers = {path: (await running.http.get(path)).text for path in (*asked, "/metrics", *PAGES)}

    assert {path: secrets for path, text in answers.items() if (secrets := found(running, text))} == {}
    assert '"hook"' in answers["/api/v1/endpoints"]


async def test_no_document_that_is_pulled_has_them(running: Running) -> None:
    pulled = dict[str, str]()
    for path in PAGES:
        page = await running.http.get(path, headers={"Accept": "text/html"})
        token = re.search(r'"token":"([^"]+)"', page.text)
        if token is not None:
            pulled[path] = await document(running, path, token.group(1), page)

    assert {path: found(running, text) for path, text in pulled.items() if found(running, text)} == {}


async def document(running: Running, path: str, token: str, page: httpx.Response) -> str:
    """Everything that a page's socket says until the document is there."""
    cookies = "; ".join(f"{name}={value}" for name, value in running.http.cookies.items())
    address = f"ws://127.0.0.1:{running.port}{path.rstrip('/')}/ws"
    origin = f"http://127.0.0.1:{running.port}"
    assert page.status_code == 200
    async with connect(
        address,
        proxy=None,
        origin=origin,  # type: ignore[arg-type]
        subprotocols=["bokeh", token],  # type: ignore[list-item]
        additional_headers={"Cookie": cookies},
        max_size=None,
    ) as socket:
        said = str(await socket.recv())  # the greeting: before it the session is not there
        for part in (json.dumps({"msgid": "1", "msgtype": "PULL-DOC-REQ"}), "{}", "{}"):
            await socket.send(part)
        async with asyncio.timeout(30):
            while "PULL-DOC-REPLY" not in said:
                said += str(await socket.recv())
            said += str(await socket.recv()) + str(await socket.recv())
    return said


async def test_no_file_has_them(running: Running) -> None:
    files = {path: path.read_bytes() for path in running.room.rglob("*") if path.is_file()}

    assert {path.name: found(running, held) for path, held in files.items() if found(running, held)} == {}
