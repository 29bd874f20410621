"""Panel's queue of messages to a browser: nothing that was queued is left lying."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from bokeh.document import Document
from panel.io.document import extra_socket_handlers, schedule_write_events

import dashboard.application  # noqa: F401 - importing the pages mends Panel

TURNS = 10


class Socket:
    """No Tornado socket: Panel asks `extra_socket_handlers` how it is written to."""


class Protocol:
    def create(self, _kind: str, events: list[str]) -> list[str]:
        return events


@dataclass(eq=False)
class Connection:
    """A browser's: what was sent, and each write's future, done when the browser has taken it."""

    sent: list[Any] = field(default_factory=list)
    writes: list[asyncio.Future[None]] = field(default_factory=list)
    protocol: Protocol = field(default_factory=Protocol)
    _socket: Socket = field(default_factory=Socket)

    def write(self, _connection: object, events: object = None, msg: object = None) -> list[Any]:  # noqa: ARG002 - Panel's names
        self.sent.append(msg)
        self.writes.append(asyncio.get_running_loop().create_future())
        return [self.writes[-1]]


@pytest.fixture
def connection() -> Iterator[Connection]:
    made = Connection()
    extra_socket_handlers[Socket] = made.write  # type: ignore[assignment]
    yield made
    del extra_socket_handlers[Socket]


async def turns() -> None:
    """Let every task that can go on do so."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def test_what_is_queued_as_the_message_before_has_gone_out_is_sent(connection: Connection) -> None:
    document = Document()
    schedule_write_events(document, [connection], ["the dates"])  # type: ignore[list-item]
    await turns()
    connection.writes[0].set_result(None)
    schedule_write_events(document, [connection], ["the table"])  # type: ignore[list-item]
    await turns()

    assert connection.sent == [["the dates"], ["the table"]]
