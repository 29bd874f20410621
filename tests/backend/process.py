"""The stand-in as a process of its own, for tests that run the whole program as a process too."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.backend.transactions import Built

Json = dict[str, Any]
_ROOT = Path(__file__).parents[2]


class ControlError(Exception):
    """The stand-in refused a call; the message says why."""


class BackendProcess:
    """`with BackendProcess() as backend:` starts it; `backend.url` is what a client is given.

    Any control call is a method by its name, with keyword arguments: `backend.call("cut")`. Those with
    transactions have a method of their own.
    """

    module = "tests.backend"

    def __init__(self, *arguments: str) -> None:
        """Start with more arguments of `python -m tests.backend`, such as `--frontend`."""
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self._control = httpx.Client(timeout=60.0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", self.module, *self._arguments]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=_ROOT, stdin=pipe, stdout=pipe)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ControlError("the stand-in did not start; its standard error says why")
        reported = json.loads(line)
        self.port = reported["port"]
        self._control.base_url = httpx.URL(f"http://127.0.0.1:{reported['control']}/control/")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._control.close()
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def call(self, name: str, **arguments: Any) -> Any:
        """Call the control port; return its result.

        Raises:
            ControlError: if the stand-in refuses.
        """
        answer = self._control.post(name, json=arguments)
        if answer.status_code != httpx.codes.OK:
            raise ControlError(answer.text)
        return answer.json()["result"]

    def add(self, *transactions: Built) -> None:
        self.call("add", transactions=[tx.to_json() for tx in transactions])

    def replace(self, old: Built, new: Built) -> None:
        self.call("replace", old=old.txid, new=new.to_json())

    def mine(
        self, transactions: Sequence[Built] = (), *, unannounced: Sequence[Built] = (), empty: int = 0
    ) -> Json:
        """Mine; return the block's hash, height and txids."""
        reported = [tx.to_json() for tx in unannounced]
        block: Json = self.call(
            "mine", txids=[tx.txid for tx in transactions], unannounced=reported, empty=empty
        )
        return block

    def reorg(self, depth: int = 1, blocks: Sequence[Sequence[Built]] = ((),)) -> list[Json]:
        reported = [[tx.to_json() for tx in block] for block in blocks]
        made: list[Json] = self.call("reorg", depth=depth, blocks=reported)
        return made

    def drop(self, *transactions: Built) -> None:
        self.call("drop", txids=[tx.txid for tx in transactions])

    def state(self) -> Json:
        """Return connections so far, open ones, subscribed ones, messages, REST requests, unsent bytes."""
        found: Json = self.call("state")
        return found
