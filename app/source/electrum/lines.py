"""Lines from a server that is not trusted to end them: limited in size, each and with all other replies."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from app.errors import ParseError
from app.source.resilience import Budget

_CHUNK: Final = 64 * 1024
LINE_LIMIT: Final = 32 * 1024 * 1024
"""A block-sized transaction, verbose, is 4 MB as hex and twice that again; a longer line is invalid."""


async def lines_of(
    reader: asyncio.StreamReader, budget: Budget, most: int = LINE_LIMIT
) -> AsyncGenerator[bytes, None]:
    """Yield each line without its end, and what comes after the last one.

    Raises:
        ParseError: if a line is longer than `most` bytes.
        UnreachableError: if the unfinished replies of the process are too much together.
    """
    gathered = bytearray()
    held = 0
    try:
        while chunk := await reader.read(_CHUNK):
            *ended, rest = chunk.split(b"\n")
            for part in ended:
                line = bytes(gathered) + part
                gathered.clear()
                budget.give_back(held)
                held = 0
                if len(line) > most:
                    raise ParseError(f"sent a line of more than {most} bytes")
                yield line
            budget.take(len(rest), "electrs")
            held += len(rest)
            gathered += rest
            if len(gathered) > most:
                raise ParseError(f"sent a line of more than {most} bytes")
        if gathered:
            yield bytes(gathered)
    finally:
        budget.give_back(held)
