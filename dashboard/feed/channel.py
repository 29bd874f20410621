"""One page's numbered stream: a whole page state first, then differences; a late reader catches up."""

import json
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from app.views import Snapshot
from dashboard.feed.page_state import PageState, difference
from dashboard.format import millis

KEPT_DIFFERENCES = 120
"""A minute at the fastest pace: a tab that looks away for less catches up without a whole page state."""


class Reader(Protocol):
    def send(self, message: str) -> None:
        """Take one message; must not wait and must not raise."""
        ...


class FeedChannel:
    """Renders only while somebody looks; each difference is encoded once for all readers.

    `epoch` names this run of the numbering: after a restart the numbers begin anew under another one.
    """

    def __init__(self, epoch: str, render: Callable[[Snapshot], PageState]) -> None:
        self._epoch = epoch
        self._render = render
        self._readers: set[Reader] = set()
        self._shown: PageState | None = None
        self._shown_at: int | None = None
        self._sequence = 0
        self._kept: deque[tuple[int, str]] = deque(maxlen=KEPT_DIFFERENCES)
        self._whole: tuple[int, str] | None = None

    @property
    def readers(self) -> int:
        return len(self._readers)

    def join(
        self, reader: Reader, snapshot: Snapshot, epoch: str | None = None, after: int | None = None
    ) -> None:
        """Bring `reader` up to date and keep it so; it may have joined before.

        It is answered always, with a pulse where it has missed nothing: silence means a dead line.
        """
        self._refresh(snapshot)
        missed = self._missed(epoch, after)
        for message in [self._snapshot_message()] if missed is None else missed or [self._pulse()]:
            reader.send(message)
        self._readers.add(reader)

    def leave(self, reader: Reader) -> None:
        self._readers.discard(reader)

    def show(self, snapshot: Snapshot) -> None:
        """Tell every reader what changed; nothing is rendered while nobody reads."""
        if self._readers:
            self._refresh(snapshot)

    def pulse(self) -> None:
        """Tell every reader that the line is alive."""
        message = self._pulse()
        for reader in tuple(self._readers):
            reader.send(message)

    def _pulse(self) -> str:
        return json.dumps({"kind": "pulse", "seq": self._sequence})

    def _refresh(self, snapshot: Snapshot) -> None:
        rendered = self._render(snapshot)
        self._shown_at = millis(snapshot.made_at)
        if self._shown is None:
            self._shown = rendered
            return
        change = difference(self._shown, rendered)
        self._shown = rendered
        if not change:
            return
        self._sequence += 1
        message = _encoded({"kind": "diff", "seq": self._sequence, "now": self._shown_at, **change})
        self._kept.append((self._sequence, message))
        for reader in tuple(self._readers):
            reader.send(message)

    def _missed(self, epoch: str | None, after: int | None) -> list[str] | None:
        """The differences since `after`; None if a whole page state is needed (or is cheaper)."""
        if epoch != self._epoch or after is None or after > self._sequence:
            return None
        if after < self._sequence and (not self._kept or self._kept[0][0] > after + 1):
            return None
        return [message for sequence, message in self._kept if sequence > after]

    def _snapshot_message(self) -> str:
        if self._whole is None or self._whole[0] != self._sequence:
            shown = self._shown or PageState(rows={}, parts={})
            body: dict[str, Any] = {
                "kind": "snapshot",
                "epoch": self._epoch,
                "seq": self._sequence,
                "now": self._shown_at,
                "rows": list(shown.rows.values()),
                **shown.parts,
            }
            self._whole = (self._sequence, _encoded(body))
        return self._whole[1]


def _encoded(body: dict[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
