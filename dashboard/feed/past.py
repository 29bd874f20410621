"""Confirmed whales of the last seven days, for the flow chart.

Read from the History now and then, and kept fresh from the Snapshot in between.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from app.core.classification import Flow
from app.core.prediction import Prediction, Status
from app.errors import SpoutError
from app.views import History, PredictionQuery, Snapshot
from dashboard.feed.page_state import amounts

KEPT = timedelta(days=7)
ASKED_AGAIN_AFTER_SECONDS = 600.0
RETRIED_AFTER_SECONDS = 15.0
MOST_ENTRIES = 20_000
PAGE = 1_000


@dataclass(frozen=True, slots=True)
class MovedAmounts:
    """One confirmed whale: when (seconds since 1970, as we first knew) and how much by flow, in satoshi."""

    at: float
    by_flow: tuple[tuple[Flow, int], ...]


class PastFlows:
    """`changed` is called once the History has answered; `known` is False until it first did."""

    def __init__(self, history: History, changed: Callable[[], None]) -> None:
        self._history = history
        self._changed = changed
        self._entries: dict[str, MovedAmounts] = {}
        self._task: asyncio.Task[None] | None = None
        self._ask_at = 0.0
        self._merged: object = None
        self._demo: bool | None = None
        self.version = 0
        self.known = False

    def look(self, snapshot: Snapshot) -> dict[str, MovedAmounts]:
        """Return what is known now by prediction id, and ask for more where that is old."""
        loop = asyncio.get_running_loop()
        if snapshot.demo is not self._demo:
            self._begin_anew(demo=snapshot.demo)
        if loop.time() >= self._ask_at and (self._task is None or self._task.done()):
            self._task = loop.create_task(self._ask(snapshot))
        if self._merged is not snapshot.ended:
            self._merge(snapshot)
        return self._entries

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _begin_anew(self, *, demo: bool) -> None:
        """The demo's whales are none of the node's: each has a store of its own."""
        self.close()
        self._demo, self._task, self._ask_at = demo, None, 0.0
        self._entries, self._merged, self.known = {}, None, False
        self.version += 1

    async def _ask(self, snapshot: Snapshot) -> None:
        loop = asyncio.get_running_loop()
        self._ask_at = float("inf")
        try:
            read = await self._read(snapshot)
        except SpoutError:
            # The store says on its own line of health what is wrong; the chart keeps what it has.
            self._ask_at = loop.time() + RETRIED_AFTER_SECONDS
            return
        self._ask_at = loop.time() + ASKED_AGAIN_AFTER_SECONDS
        self._entries = read
        self._merged = None
        self.known = True
        self.version += 1
        self._changed()

    async def _read(self, snapshot: Snapshot) -> dict[str, MovedAmounts]:
        read: dict[str, MovedAmounts] = {}
        cursor: str | None = None
        while len(read) < MOST_ENTRIES:
            page = await self._history.page(
                PredictionQuery(
                    status=Status.CONFIRMED, start=snapshot.made_at - KEPT, limit=PAGE, cursor=cursor
                )
            )
            read |= {one.prediction_id: moved for one in page.predictions if (moved := _moved(one))}
            cursor = page.next_cursor
            if cursor is None:
                break
        return read

    def _merge(self, snapshot: Snapshot) -> None:
        """What ended since the History was asked; what a reorganisation undid is taken out again."""
        self._merged = snapshot.ended
        self.version += 1
        for one in snapshot.ended:
            if moved := _moved(one):
                self._entries[one.prediction_id] = moved
        for one in snapshot.pending:
            self._entries.pop(one.prediction_id, None)


def _moved(one: Prediction) -> MovedAmounts | None:
    if one.status is not Status.CONFIRMED or one.confirmed_at is None:
        return None
    return MovedAmounts(one.confirmed_at.timestamp(), tuple(amounts(one).items()))
