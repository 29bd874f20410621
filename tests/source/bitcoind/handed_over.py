"""What asks a node, answered by a function of the test instead of the network."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from app.errors import TooSlowError, UnreachableError
from app.source.resilience import HttpAnswer, Limits


class HandedOver:
    """`answer` takes each request and returns the response, at once or later, or raises httpx's errors."""

    def __init__(self, answer: Callable[[httpx.Request], Any]) -> None:
        self._answer = answer

    async def ask(
        self,
        method: str,
        path: str,
        *,
        limits: Limits,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        try:
            response = self._answer(
                httpx.Request(method, f"http://node{path}", content=content, headers=headers)
            )
            if inspect.isawaitable(response):
                response = await response
        except httpx.TimeoutException as error:
            raise TooSlowError(str(error)) from error
        except httpx.HTTPError as error:
            raise UnreachableError(str(error)) from error
        assert len(response.content) <= limits.most_bytes
        return HttpAnswer(response.status_code, dict(response.headers), response.content)

    async def close(self) -> None:
        pass
