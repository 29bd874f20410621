"""Transports for REST requests: over HTTP to a backend, or into a recording."""

import ssl
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.clock import Clock
from app.errors import TooSlowError, UnreachableError
from app.source.resilience import Budget, HttpClient, Limits

LISTING = Limits(64 * 1024 * 1024, 60.0)
"""For a whole mempool's txids: 67 bytes each, 20 MB for 300,000; slow on a small computer."""
ANSWER = Limits(32 * 1024 * 1024, 20.0)
"""For all other replies. A transaction as large as a block takes some 24 MB, its witness encoded twice."""
_LISTINGS = ("/mempool/txids",)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestAnswer:
    """A reply and its status; `as_of`: the time from which the reply is known to hold."""

    status: int
    body: bytes
    as_of: datetime


class Transport(Protocol):
    async def request(self, method: str, path: str, payload: bytes | None = None) -> RestAnswer:
        """Send one request; `path` begins with /api/v1.

        Raises:
            UnreachableError: if there was no reply. Any status counts as a reply.
        """
        ...


class HttpTransport:
    """Plain HTTP over few keep-alive connections: the backend may run on a Raspberry Pi."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        timeout_seconds: float = 10.0,
        budget: Budget | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Take `timeout_seconds` for one silence on the line; a whole reply has `LISTING` or `ANSWER`.

        `tls`: the authorities trusted; None: the system's.
        """
        self._clock = clock
        self._client = HttpClient(url, tls=tls, silence_seconds=timeout_seconds, budget=budget)

    async def request(self, method: str, path: str, payload: bytes | None = None) -> RestAnswer:
        as_of = self._clock.now()
        headers = {"Content-Type": "application/json"} if payload is not None else None
        limits = LISTING if path.endswith(_LISTINGS) else ANSWER
        try:
            answer = await self._client.ask(method, path, limits=limits, content=payload, headers=headers)
        except TooSlowError as error:
            raise TooSlowError(f"{path}: {error}") from error
        except UnreachableError as error:
            raise UnreachableError(f"{path}: {error}") from error
        return RestAnswer(status=answer.status, body=answer.body, as_of=as_of)

    async def close(self) -> None:
        await self._client.close()
