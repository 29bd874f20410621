"""Every route that is read, asked of the running demo, answers what its schema in OpenAPI says."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
import structlog
from jsonschema import Draft202012Validator, FormatChecker
from websockets.asyncio.client import connect

from app.api.models import DATA_OF
from app.clock import SystemClock
from app.composition import Composition
from app.core.access import Scope
from app.core.events import EventType
from app.keyring import Keyring
from app.server import Server
from app.settings import read_settings
from app.store import KeyStore, open_operator

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
    settings = read_settings({"SPOUT_PORT": "0", "SPOUT_DATA_DIR": str(tmp_path), "SPOUT_SOURCE": "demo"})
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
        document = (await http.get("/api/v1/openapi.json")).json()
        yield Demo(http, document, key, server.port)
    living.cancel()
    await asyncio.wait({living})
    await server.close()
    await composition.close()
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


async def filled(http: httpx.AsyncClient, path: str) -> str | None:
    """The path of the first thing its list has; None if the list is empty."""
    listing, brace, rest = path.partition("/{")
    name, _, beyond = rest.partition("}")
    if not brace:
        return path
    body = await reported(http, listing)
    things = next(value for value in body.values() if isinstance(value, list))
    return f"{listing}/{things[0][name]}{beyond}" if things else None


async def reported(http: httpx.AsyncClient, path: str) -> dict[str, Any]:
    body: dict[str, Any] = (await http.get(path)).json()
    return body


async def test_every_route_that_is_read_answers_as_documented(demo: Demo) -> None:
    paths = [path for path, methods in demo.document["paths"].items() if "get" in methods]

    broken = []
    for path in [path for path in paths if path not in OTHERWISE]:
        place = await filled(demo.http, path)
        if place is None:
            continue
        answer = await demo.http.get(place)
        broken += [(path, words) for words in problems(demo.schema(path), answer.json())]
        broken += [(path, str(answer.status_code))] if answer.status_code != 200 else []

    assert broken == []


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
