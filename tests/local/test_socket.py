"""The socket by which commands ask a running Spout, both ends of it."""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from app.errors import StoreError
from app.local import SOCKET, Conversation, Handler, LocalChannel, commands_served, connected

CONTENT = bytes(range(256)) * 4096
"""A megabyte: several chunks."""


@asynccontextmanager
async def asked(data_dir: Path, handler: Handler, do: str = "it") -> AsyncIterator[Conversation]:
    """A conversation with a Spout that does one thing, `it`; it was asked to do `do`."""
    async with commands_served(data_dir, {"it": handler}), connected(data_dir) as conversation:
        assert conversation is not None
        await conversation.write_line(do=do, name="whale")
        yield conversation


async def greet(words: Mapping[str, Any], channel: LocalChannel) -> None:
    await channel.write_line(hello=words["name"])


async def refuse(_: Mapping[str, Any], __: LocalChannel) -> None:
    raise StoreError("there is\n  no room")


async def leave(_: Mapping[str, Any], channel: LocalChannel) -> None:
    await channel.write_line(length=len(CONTENT))
    await channel.send(CONTENT[:10])


async def test_what_a_command_asks_is_answered(tmp_path: Path) -> None:
    async with asked(tmp_path, greet) as conversation:
        assert await conversation.answer() == {"hello": "whale"}


async def test_what_cannot_be_done_is_raised_at_the_command_in_one_line(tmp_path: Path) -> None:
    async with asked(tmp_path, refuse) as conversation:
        with pytest.raises(StoreError, match=r"^there is no room$"):
            await conversation.answer()


async def test_a_command_of_another_version_is_told_so(tmp_path: Path) -> None:
    async with asked(tmp_path, greet, do="dance") as conversation:
        with pytest.raises(StoreError, match="another version"):
            await conversation.answer()


async def test_a_file_arrives_as_it_was(tmp_path: Path) -> None:
    async def send(_: Mapping[str, Any], channel: LocalChannel) -> None:
        await channel.send_file(tmp_path / "kept")

    (tmp_path / "kept").write_bytes(CONTENT)
    received = BytesIO()
    async with asked(tmp_path, send) as conversation:
        await conversation.receive_file((await conversation.answer())["length"], received)

    assert received.getvalue() == CONTENT


async def test_a_file_whose_sender_goes_away_is_not_taken_for_whole(tmp_path: Path) -> None:
    async with asked(tmp_path, leave) as conversation:
        with pytest.raises(StoreError, match="stopped before it had answered"):
            await conversation.receive_file((await conversation.answer())["length"], BytesIO())


@pytest.mark.parametrize("length", [None, "7", -1, 2**60])
async def test_a_length_that_is_none_is_not_believed(tmp_path: Path, length: object) -> None:
    async with asked(tmp_path, greet) as conversation:
        with pytest.raises(StoreError, match="not understood"):
            await conversation.receive_file(length, BytesIO())


async def test_bytes_that_are_no_words_are_not_understood(tmp_path: Path) -> None:
    async with asked(tmp_path, leave) as conversation:
        await conversation.answer()

        with pytest.raises(StoreError, match="not understood"):
            await conversation.answer()


async def test_a_spout_that_stops_ends_the_conversation(tmp_path: Path) -> None:
    async def wait(_: Mapping[str, Any], channel: LocalChannel) -> None:
        await channel.write_line(began=True)
        await channel.closed()

    async with AsyncExitStack() as command:
        async with commands_served(tmp_path, {"it": wait}):
            conversation = await command.enter_async_context(connected(tmp_path))
            assert conversation is not None
            await conversation.write_line(do="it")
            await conversation.answer()

        with pytest.raises(StoreError, match="stopped before it had answered"):
            await conversation.answer()


async def test_where_no_spout_runs_there_is_nobody_to_ask(tmp_path: Path) -> None:
    async with connected(tmp_path) as conversation:
        assert conversation is None


async def test_the_socket_goes_when_spout_stops(tmp_path: Path) -> None:
    async with commands_served(tmp_path, {}):
        assert (tmp_path / SOCKET).is_socket()

    assert not (tmp_path / SOCKET).exists()


async def test_what_a_killed_spout_has_left_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(tmp_path / SOCKET))
    async with asked(tmp_path, greet) as conversation:
        assert await conversation.answer() == {"hello": "whale"}


async def test_without_a_socket_all_else_goes_on(tmp_path: Path) -> None:
    (tmp_path / SOCKET).mkdir()
    async with commands_served(tmp_path, {}), connected(tmp_path) as conversation:
        assert conversation is None
