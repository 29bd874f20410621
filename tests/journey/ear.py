"""A client of the event stream, on a thread of its own: what it heard, in the order it heard it."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests.journey.waiting import PATIENCE_SECONDS, until

Json = dict[str, Any]


class Ear:
    """Listens until it is closed; `heard` are the events, each with the moment it came (`at`, monotonic)."""

    def __init__(self, url: str, *, after: int | None) -> None:
        self.received: list[Json] = []
        self.moments: list[float] = []
        self.closed_with: str | None = None
        self._url = url
        subscription: Json = {"subscribe": {}}
        self._subscription = json.dumps(subscription if after is None else {**subscription, "after": after})
        self._link: ClientConnection | None = None
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._subscribed = threading.Event()
        self._thread.start()
        assert self._subscribed.wait(PATIENCE_SECONDS), "the stream never said that it follows"

    def wait_for(self, kind: str, txid: str, *, seconds: float = PATIENCE_SECONDS) -> Json:
        """Return the first event of this type about this txid."""
        return until(
            lambda: next(
                (one for one in tuple(self.received) if one["type"] == kind and one["data"]["txid"] == txid),
                None,
            ),
            f"{kind} of {txid[:8]}",
            seconds=seconds,
        )

    def wait_until(self, look: Callable[[list[Json]], bool], what: str) -> None:
        until(lambda: look(list(self.received)), what)

    def moment_of(self, event: Json) -> float:
        """Return when it was heard, on the monotonic clock."""
        return self.moments[self.received.index(event)]

    def types_of(self, prediction_id: str) -> list[str]:
        return [e["type"] for e in tuple(self.received) if e["data"].get("prediction_id") == prediction_id]

    @property
    def sequences(self) -> list[int]:
        return [event["sequence"] for event in tuple(self.received)]

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
        self._thread.join(timeout=5)

    def _listen(self) -> None:
        try:
            with connect(self._url, compression=None, max_size=None, proxy=None) as link:
                self._link = link
                link.send(self._subscription)
                for message in link:
                    self._receive(json.loads(message))
                self.closed_with = f"{link.close_code} {link.close_reason}"
        except (OSError, WebSocketException) as error:
            self.closed_with = str(error)

    def _receive(self, reported: Json) -> None:
        if "sequence" in reported:
            self.moments.append(time.monotonic())
            self.received.append(reported)
        elif reported.get("type") == "subscribed":
            self._subscribed.set()
