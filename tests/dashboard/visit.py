"""A session of a page without a browser: what goes over its line, in Bokeh's protocol."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

PATIENCE_SECONDS = 60
Json = dict[str, Any]
Found = TypeVar("Found")


class Visit:
    """What a browser asks and sets, and is shown: `async with visiting(address, "/fees") as visit`."""

    def __init__(self, line: ClientConnection, document: Json) -> None:
        self._line = line
        self._models = dict(_models(document))
        self._changes: list[Json] = []
        """What the page has changed or sent and nobody has looked at."""

    async def choose(self, place: str, value: object) -> None:
        """Set the value of the field at this place, as its input does."""
        data = self._models[self.root(place)]["data"]["id"]
        await self._send({"kind": "ModelChanged", "model": {"id": data}, "attr": "value", "new": value})

    async def press(self, place: str, name: str) -> None:
        await self.say(place, pressed=name)

    async def rows(self, place: str, **asked: object) -> Json:
        """A page of the table at this place: `total`, `rows` and `ids`."""
        await self.say(place, id=1, **asked)
        return await self.until(lambda change: _sent_map(change, "rows"))

    async def say(self, place: str, **data: object) -> None:
        """Send what the module of a component sends."""
        await self.event("data_event", self.root(place), data=_map(data))

    async def event(self, name: str, model: str, **values: object) -> None:
        await self._send(_message(name, model={"id": model}, **values))

    async def shows(self, words: str) -> str:
        """Wait for a text of the page with these words in it; the whole text."""
        return await self.until(lambda change: next((one for one in _texts(change) if words in one), None))

    async def until(self, look: Callable[[Json], Found | Literal[False] | None]) -> Found:
        """Wait for a change in which `look` finds something."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                while self._changes:
                    found = look(self._changes.pop(0))
                    if found:
                        return found
                kind, content = await _receive(self._line)
                if kind == "PATCH-DOC":
                    self._changes += content["events"]

    def root(self, place: str) -> str:
        return self.named(f"page-{place}")

    def named(self, name: str) -> str:
        """The id of the model that has this name."""
        return next(key for key, one in self._models.items() if one.get("name") == name)

    async def _send(self, event: Json) -> None:
        await _ask(self._line, "PATCH-DOC", {"events": [event]})


@asynccontextmanager
async def visiting(address: str, path: str) -> AsyncIterator[Visit]:
    """Open the page at `path` and its session."""
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        page = (await http.get(f"{address}{path}")).text
        cookies = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
    token = re.search(r'"token": ?"([^"]+)"', page)
    assert token, page
    async with connect(
        f"{address.replace('http', 'ws', 1)}{path.rstrip('/')}/ws",
        proxy=None,
        origin=Origin(address),
        subprotocols=[Subprotocol("bokeh"), Subprotocol(token[1])],
        additional_headers={"Cookie": cookies},
        max_size=None,
    ) as line:
        await _receive(line)  # the greeting: before it the session is not there
        await _ask(line, "PULL-DOC-REQ", {})
        kind, document = await _receive(line)
        assert kind == "PULL-DOC-REPLY"
        await _ask(line, "PATCH-DOC", {"events": [_message("document_ready")]})  # now the page fills itself
        yield Visit(line, document)


async def _ask(line: ClientConnection, kind: str, content: Json) -> None:
    for part in ({"msgid": "1", "msgtype": kind}, {}, content):
        await line.send(json.dumps(part))


async def _receive(line: ClientConnection) -> tuple[str, Json]:
    """The kind of the next message and its content; one says that something went wrong."""
    header, _, content = [json.loads(await line.recv()) for _ in range(3)]
    for _ in range(2 * header.get("num_buffers", 0)):
        await line.recv()
    assert header["msgtype"] != "ERROR", content
    return header["msgtype"], content


def _message(event_name: str, **values: object) -> Json:
    event = {"type": "event", "name": event_name, "values": _map(values)}
    return {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": event}


def _map(values: dict[str, object]) -> Json:
    return {"type": "map", "entries": [list(pair) for pair in values.items()]}


def _sent_map(change: Json, key: str) -> Json | None:
    """What a component's Python has sent to its module, if it has this key."""
    values = dict(change.get("msg_data", {}).get("values", {}).get("entries", ()))
    data = dict(values.get("data", {}).get("entries", ())) if isinstance(values.get("data"), dict) else {}
    return data if key in data else None


def _models(part: Any) -> Iterator[tuple[str, Json]]:
    if isinstance(part, dict):
        if "id" in part and "attributes" in part:
            yield part["id"], part["attributes"]
        for inner in part.values():
            yield from _models(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _models(inner)


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for inner in part.values():
            yield from _texts(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _texts(inner)
