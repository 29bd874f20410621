"""Every route, read and written, of the running demo answers what OpenAPI says, and no list of it is empty.

What only a node's alerts have (deliveries, called hosts) is asked of real alerts beside a server.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import structlog
from jsonschema import Draft202012Validator, FormatChecker
from websockets.asyncio.client import connect

from app.api.models import DATA_OF
from app.api.openapi import document
from app.clock import SystemClock
from app.composition import Composition
from app.core.access import Scope
from app.core.events import EventType
from app.keyring import Keyring
from app.server import Server
from app.settings import read_settings
from app.store import KeyStore, open_operator
from tests.api.conftest import ADMIN, OpenServer
from tests.notifiers.lives import whale
from tests.notifiers.receivers import Receiver, receiving
from tests.notifiers.stage import staged, until_settled

pytestmark = pytest.mark.asyncio(loop_scope="module")
OTHERWISE = {
    "/healthz": "no JSON schema: a few bytes",
    "/metrics": "Prometheus' own text",
    "/api/v1/openapi.json": "the document itself",
    "/api/v1/docs": "a page",
    "/api/v1/predictions.csv": "a file; tests/api/test_export.py",
    "/api/v1/predictions.parquet": "a file; tests/api/test_export.py",
    "/api/v1/stream": "a socket, walked below",
    "/api/v1/live": "the dashboard's own socket, promised to nobody",
}
OF_A_NODE = {"/api/v1/deliveries": "a demo sends nothing", "/api/v1/hosts": "so it calls nobody"}
API = "/api/v1"
EMPTY = {f"{API}/backups"}
"""A demo has nothing to keep; tests/api/test_backups.py."""
REDELIVERIES = {("post", f"{API}/deliveries/redeliver"), ("post", f"{API}/deliveries/{{id}}/redeliver")}
ADDRESS = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
OTHER = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
LOOPBACK = {"SPOUT_ALLOWED_TARGETS": "127.0.0.1"}
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Demo:
    http: httpx.AsyncClient
    document: dict[str, Any]
    key: str
    port: int

    def schema(self, path: str) -> dict[str, Any]:
        """Of the answer 200 to GET, with what it refers to."""
        answer = self.document["paths"][path]["get"]["responses"]["200"]
        found: dict[str, Any] = answer["content"]["application/json"]["schema"]
        return {**found, "components": self.document["components"]}

    def of_write(self, method: str, path: str, status: int) -> dict[str, Any] | None:
        """Of this answer; None if it has no body."""
        answer = self.document["paths"][path][method]["responses"][str(status)]
        if "content" not in answer:
            return None
        return {**answer["content"]["application/json"]["schema"], "components": self.document["components"]}

    def named(self, name: str) -> dict[str, Any]:
        return {"$ref": f"#/components/schemas/{name}", "components": self.document["components"]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """The whole appliance with the bundled recording, once it has predictions; asked with an admin's key."""
    tmp_path, root = tmp_path_factory.mktemp("demo"), logging.getLogger()
    handlers, level, clock = root.handlers, root.level, SystemClock()
    opened = await open_operator(tmp_path, at=clock.now())
    key = await KeyStore(opened.file).create("walker", Scope.ADMIN, clock.now())
    await opened.file.close()
    settings = read_settings(
        {"SPOUT_PORT": "0", "SPOUT_DATA_DIR": str(tmp_path), "SPOUT_SOURCE": "demo", **LOOPBACK}
    )
    keyring = Keyring(b"a secret of the tests, long enough")
    server = Server(settings, keyring, clock)
    server.listen()
    composition = Composition(settings, server, clock, keyring)
    living = asyncio.create_task(composition.live())
    address = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(
        base_url=address, headers={"X-API-Key": key}, trust_env=False, timeout=30.0
    ) as http:
        async with asyncio.timeout(60):
            while not (await reported(http, "/api/v1/predictions")).get("predictions"):  # noqa: ASYNC110 - no bell
                await asyncio.sleep(0.05)
        reported_document = (await http.get("/api/v1/openapi.json")).json()
        yield Demo(http, reported_document, key, server.port)
    living.cancel()
    await asyncio.wait({living})
    await server.close()
    await composition.close()
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


async def filled(http: httpx.AsyncClient, path: str) -> str:
    """The path of the first thing its list has."""
    listing, brace, rest = path.partition("/{")
    name, _, beyond = rest.partition("}")
    if not brace:
        return path
    body = await reported(http, listing)
    things = next(value for value in body.values() if isinstance(value, list))
    return f"{listing}/{things[0][name]}{beyond}"


@dataclass(frozen=True, slots=True)
class Written:
    method: str
    path: str
    """As in the document."""
    answer: httpx.Response


class Writer:
    """Writes, and keeps what was answered."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.written: list[Written] = []
        self._http = http

    async def __call__(self, method: str, path: str, body: Any = None, **of: str) -> dict[str, Any]:
        """`of`: what stands in the path; a body that is text is sent as it is."""
        sent = {"content": body} if isinstance(body, str) else {"json": body} if body is not None else {}
        answer = await self._http.request(method, path.format(**of), **sent)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        self.written.append(Written(method, path, answer))
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found


async def write_everything(write: Writer, receiver: Receiver) -> None:
    """What a reader finds afterwards, by every route that writes; of two of a kind the second goes again."""
    hook = {"kind": "webhook", "reach": "lan", "url": receiver.url()}
    first = await write("post", f"{API}/endpoints", {"name": "stays", **hook})
    second = await write("post", f"{API}/endpoints", {"name": "goes", **hook})
    await write("post", f"{API}/endpoints/test", {"name": "never kept", **hook})
    await write("post", f"{API}/endpoints/preview", {"rules": {"min_moved_btc": 100}})
    await write("patch", f"{API}/endpoints/{{id}}", {"name": "renamed"}, id=first["id"])
    await write("post", f"{API}/endpoints/{{id}}/test", id=first["id"])
    await write("post", f"{API}/endpoints/{{id}}/rotate-secret", {}, id=first["id"])
    await write("delete", f"{API}/endpoints/{{id}}", id=second["id"])
    await write("post", f"{API}/labels", {"address": ADDRESS, "entity": "Cold"})
    await write("post", f"{API}/labels/import", f"address,entity\n{OTHER},Savings\n")
    await write("delete", f"{API}/labels/{{address}}", address=OTHER)
    await write("post", f"{API}/keys", {"name": "goes", "scope": "read"})
    await write("delete", f"{API}/keys/{{name}}", name="goes")
    await write("post", f"{API}/tokens", {})
    await write("patch", f"{API}/settings", {"SPOUT_RETENTION_DAYS": 30})
    await write("post", f"{API}/password", {"new": PASSWORD})
    await write("post", f"{API}/confirm", {"password": PASSWORD})


async def redeliver_everything(write: Writer, delivery: str, endpoint: str, since: str) -> None:
    await write("post", f"{API}/deliveries/{{id}}/redeliver", id=delivery)
    await write("post", f"{API}/deliveries/redeliver", {"endpoint_id": endpoint, "since": since})


async def reported(http: httpx.AsyncClient, path: str) -> dict[str, Any]:
    body: dict[str, Any] = (await http.get(path)).json()
    return body


async def test_every_route_that_is_written_and_every_one_that_is_read_answers_as_documented(
    demo: Demo,
) -> None:
    write = Writer(demo.http)
    with receiving() as receiver:
        await write_everything(write, receiver)
    paths = [path for path, methods in demo.document["paths"].items() if "get" in methods]

    broken, empty = broken_in(demo, write.written), set[str]()
    for path in [path for path in paths if path not in OTHERWISE | OF_A_NODE]:
        answer = await demo.http.get(await filled(demo.http, path))
        broken += [(path, words) for words in problems(demo.schema(path), answer.json())]
        broken += [(path, str(answer.status_code))] if answer.status_code != 200 else []
        empty |= {path} if answer.json().get("total_count") == 0 else set()

    unwritten = writes_of(demo.document) - {(one.method, one.path) for one in write.written}
    assert (broken, empty, unwritten) == ([], EMPTY, REDELIVERIES | {("post", f"{API}/backups")})


@pytest.mark.asyncio(loop_scope="function")
async def test_what_only_a_nodes_alerts_have_is_answered_as_documented(
    open_server: OpenServer, tmp_path: Path
) -> None:
    served = await open_server(SPOUT_PASSWORD="open sesame")
    served.http.headers.update(ADMIN)
    walked = Demo(served.http, document(), "chief", served.server.port)
    write = Writer(served.http)
    broken, empty = list[tuple[str, str]](), set[str]()
    with receiving() as receiver:
        async with staged(tmp_path / "alerts") as stage:
            served.server.attach(served.history, served.keys, endpoints=stage.alerts)
            made = await stage.add(receiver.url())
            await whale(stage, 1)
            await until_settled(stage, ["delivered"])
            for path in OF_A_NODE:
                answer = await served.http.get(path)
                broken += [(path, words) for words in problems(walked.schema(path), answer.json())]
                empty |= {path} if answer.json()["total_count"] == 0 else set()
            (delivery,) = (await reported(served.http, f"{API}/deliveries"))["deliveries"]
            began = delivery["attempts"][0]["at"][:11] + "00:00:00Z"
            await redeliver_everything(write, delivery["id"], made.id, began)

    assert (broken + broken_in(walked, write.written), empty) == ([], set())
    assert {(one.method, one.path) for one in write.written} == REDELIVERIES


def writes_of(document: dict[str, Any]) -> set[tuple[str, str]]:
    paths = document["paths"].items()
    return {(method, path) for path, methods in paths for method in methods if method != "get"}


def broken_in(demo: Demo, written: list[Written]) -> list[tuple[str, str]]:
    """What of the answers is not as documented; a refusal is none of what a write promises."""
    broken = list[tuple[str, str]]()
    for one in written:
        documented = demo.document["paths"][one.path][one.method]["responses"]
        if str(one.answer.status_code) not in documented:
            broken.append((one.path, f"{one.answer.status_code}: {one.answer.text}"))
            continue
        schema = demo.of_write(one.method, one.path, one.answer.status_code)
        if schema is None:
            broken += [(one.path, "has a body")] if one.answer.content else []
        else:
            broken += [(one.path, words) for words in problems(schema, one.answer.json())]
    return broken


async def test_what_the_stream_says_is_as_documented(demo: Demo) -> None:
    said = list[dict[str, Any]]()
    async with connect(f"ws://127.0.0.1:{demo.port}/api/v1/stream", proxy=None) as socket:
        await socket.send(json.dumps({"key": demo.key, "subscribe": {}, "after": 0}))
        while not said or "sequence" not in said[-1]:
            said.append(json.loads(await asyncio.wait_for(socket.recv(), 20)))

    event = said[-1]
    shapes = {"authenticated": "Authenticated", "subscribed": "Subscribed", event["type"]: "Event"}
    broken = [words for one in said for words in problems(demo.named(shapes[one["type"]]), one)]
    assert broken + problems(demo.named(DATA_OF[EventType(event["type"])].__name__), event["data"]) == []


async def test_a_refusal_is_as_documented(demo: Demo) -> None:
    answers = [await demo.http.get(path) for path in ("/api/v1/nothing", "/api/v1/predictions?limit=0")]

    assert [problems(demo.named("Error"), answer.json()) for answer in answers] == [[], []]


def problems(schema: dict[str, Any], body: object) -> list[str]:
    found = Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(body)
    return [f"{error.json_path}: {error.message}" for error in found]
