"""Replacements of whales that a source named, by their txid and by the whale's."""

from datetime import datetime
from typing import NamedTuple

from app.core.recent import Recent
from app.core.units import Txid


class Awaiting(NamedTuple):
    """The whale whose named replacement is asked for, since when, and whether that has been given whole.

    `again`: when it was named last, if it was named more than once.
    """

    whale: Txid
    since: datetime
    given: bool = False
    again: datetime | None = None


class Awaited:
    """At most `capacity` named replacements; a whale may have several, by several sources."""

    def __init__(self, capacity: int) -> None:
        self._waiting: Recent[Txid, Awaiting] = Recent(capacity)
        self._capacity = capacity
        self._of_whale: dict[Txid, dict[Txid, None]] = {}

    def get(self, by: Txid) -> Awaiting | None:
        return self._waiting.get(by)

    def put(self, by: Txid, waits: Awaiting) -> None:
        self.pop(by)
        if len(self._waiting) >= self._capacity:
            self.pop(next(iter(self._waiting)))
        self._waiting.put(by, waits)
        self._of_whale.setdefault(waits.whale, {})[by] = None

    def pop(self, by: Txid) -> Awaiting | None:
        waits = self._waiting.pop(by)
        if waits is not None:
            others = self._of_whale[waits.whale]
            del others[by]
            if not others:
                del self._of_whale[waits.whale]
        return waits

    def forget(self, whale: Txid) -> None:
        """Forget all that was named as the replacement of this whale."""
        for by in tuple(self._of_whale.get(whale, ())):
            self.pop(by)

    def forget_older(self, whale: Txid, than: datetime) -> None:
        """Forget what was named as the replacement of this whale before then alone."""
        for by in tuple(self._of_whale.get(whale, ())):
            waits = self._waiting.get(by)
            if waits is not None and (waits.again or waits.since) < than:
                self.pop(by)

    def asked_for(self, whale: Txid) -> list[tuple[Txid, Awaiting]]:
        """Return the replacements of this whale that are named and that nobody has given whole yet."""
        named = ((by, self._waiting.get(by)) for by in self._of_whale.get(whale, ()))
        return [(by, waits) for by, waits in named if waits is not None and not waits.given]

    def names(self, by: Txid, whale: Txid) -> bool:
        """Return whether `by` is named as the replacement of this whale."""
        waits = self._waiting.get(by)
        return waits is not None and waits.whale == whale
