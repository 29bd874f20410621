"""Bounded HTTP replies: limited in size, each and all together, and in time.

A server is not trusted to end its reply. Compression is not requested, and a compressed reply is refused:
half a megabyte can decompress to gigabytes. Redirects are not followed: the address is the operator's own,
and no other host may be asked in its place.
"""

import asyncio
import importlib.util
import sys
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import httpx

from app.errors import TooSlowError, UnreachableError

if importlib.util.find_spec("sniffio") is None:
    # httpcore tries to import it at each of its locks, several a request: the search through the folders of
    # the disk was an eighth of the loop's time while whales came in. This way it fails at once.
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # documented: "import" then raises at once

IN_PROCESS_BYTES = 128 * 1024 * 1024
"""Maximum total size of all unfinished replies."""
PLAIN_HEADERS = {"Accept-Encoding": "identity"}


@dataclass(slots=True)
class Budget:
    """The bytes held by unfinished replies, of all sources together."""

    most: int = IN_PROCESS_BYTES
    held: int = 0

    def take(self, count: int, words: str) -> None:
        """Reserve bytes. Raises UnreachableError if the budget is exceeded; nothing is reserved then."""
        if self.held + count > self.most:
            raise UnreachableError(f"{words}: too much is being read at once ({self.most} bytes)")
        self.held += count

    def give_back(self, count: int) -> None:
        self.held -= count


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one reply: its size, and the seconds from the request to its last byte."""

    most_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class BoundedAnswer:
    status: int
    headers: httpx.Headers
    body: bytes


async def ask_bounded(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    limits: Limits,
    budget: Budget,
    **request: Any,  # noqa: ANN401 - httpx's own
) -> BoundedAnswer:
    """Send one request and read its whole reply.

    Raises:
        TooSlowError: if it is not complete in time, however often a byte arrives.
        UnreachableError: if it is too large, or compressed.
        httpx.HTTPError: as the client raises, also for a timeout of its own.
    """
    try:
        async with asyncio.timeout(limits.seconds):
            async with client.stream(method, url, follow_redirects=False, **request) as response:
                body = await _read(response, limits.most_bytes, budget)
                return BoundedAnswer(response.status_code, response.headers, body)
    except TimeoutError as error:
        raise TooSlowError(f"{url}: not answered whole within {limits.seconds:.0f} s") from error


async def _read(response: httpx.Response, most: int, budget: Budget) -> bytes:
    where = response.url.path
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise UnreachableError(
            f"{where}: the answer is compressed ({encoding[:40]}), which was not asked for"
        )
    reported = response.headers.get("Content-Length", "")
    if reported.isascii() and reported.isdigit() and int(reported[:20]) > most:
        raise UnreachableError(
            f"{where}: the answer has {reported[:20]} bytes, more than the {most} it may have"
        )
    gathered, held = BytesIO(), 0
    try:
        async for chunk in response.aiter_bytes():
            if held + len(chunk) > most:
                raise UnreachableError(f"{where}: the answer does not end within {most} bytes")
            budget.take(len(chunk), where)
            held += len(chunk)
            gathered.write(chunk)
    finally:
        budget.give_back(held)
    return gathered.getvalue()
