"""Lines of an Electrum server that is not trusted to end them."""

import asyncio

import pytest

from app.errors import ParseError, UnreachableError
from app.source.electrum.lines import lines_of
from app.source.resilience import Budget

KB = 1024


def sent(*pieces: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    for piece in pieces:
        reader.feed_data(piece)
    reader.feed_eof()
    return reader


async def test_lines_come_whole_however_they_are_cut() -> None:
    reader = sent(b"on", b"e\ntw", b"o\n\nthr", b"ee")

    assert [line async for line in lines_of(reader, Budget())] == [b"one", b"two", b"", b"three"]


async def test_a_line_that_never_ends_is_refused() -> None:
    with pytest.raises(ParseError, match="more than 1024 bytes"):
        [line async for line in lines_of(sent(b"x" * 200 * KB), Budget(), most=KB)]


async def test_an_ended_line_that_is_too_long_is_refused() -> None:
    with pytest.raises(ParseError, match="more than 1024 bytes"):
        [line async for line in lines_of(sent(b"x" * 2 * KB + b"\n"), Budget(), most=KB)]


async def test_unfinished_lines_count_with_the_other_replies_of_the_process() -> None:
    budget = Budget(most=300 * KB, held=200 * KB)

    with pytest.raises(UnreachableError, match="too much is being read at once"):
        [line async for line in lines_of(sent(b"x" * 400 * KB), budget)]

    assert budget.held == 200 * KB


async def test_an_ended_line_holds_nothing_any_longer() -> None:
    budget = Budget(most=150 * KB)
    reader = sent(*[b"x" * 100 * KB + b"\n"] * 9)

    assert len([line async for line in lines_of(reader, budget)]) == 9
    assert budget.held == 0
