"""How REST questions travel: over HTTP to a backend, or back in time into a recording."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import httpx

from app.clock import Clock
from app.errors import TooSlowError, UnreachableError

MOST_BYTES = 600_000_000
"""A whole mainnet mempool's txids are some 20 MB; beyond this no honest answer goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestAnswer:
    """`as_of`: the moment from which on the answer is known to hold."""

    status: int
    body: bytes
    as_of: datetime


class Transport(Protocol):
    async def request(self, method: str, path: str, payload: bytes | None = None) -> RestAnswer:
        """Send one request; `path` begins with /api/v1.

        Raises:
            UnreachableError: if nothing came back. Any status that did come back is an answer.
        """
        ...


class HttpTransport:
    """Plain HTTP with few, kept connections: the backend runs on a Raspberry Pi."""

    def __init__(self, url: str, clock: Clock, timeout_seconds: float = 10.0) -> None:
        self._clock = clock
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(timeout_seconds, connect=3.0),
            limits=httpx.Limits(max_connections=6, max_keepalive_connections=4),
            follow_redirects=False,
            trust_env=False,
        )

    async def request(self, method: str, path: str, payload: bytes | None = None) -> RestAnswer:
        as_of = self._clock.now()
        headers = {"Content-Type": "application/json"} if payload is not None else None
        body = bytearray()
        try:
            async with self._client.stream(method, path, content=payload, headers=headers) as response:
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > MOST_BYTES:
                        raise UnreachableError(f"{path}: the answer does not end")
                return RestAnswer(status=response.status_code, body=bytes(body), as_of=as_of)
        except httpx.ConnectTimeout as error:
            raise UnreachableError(f"{path}: no connection in time: is a firewall between?") from error
        except httpx.ReadTimeout as error:
            raise TooSlowError(f"{path}: no answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise UnreachableError(f"{path}: {str(error) or type(error).__name__}") from error

    async def close(self) -> None:
        await self._client.aclose()
