"""Filters the observations of all sources: which are trusted, which one is preferred, and who was first."""

from collections.abc import Callable, Sequence

from app.clock import Clock
from app.core.firsts import Firsts
from app.core.models import SourceName, Transaction
from app.core.observations import (
    Observation,
    Skipped,
    TransactionReplaced,
    TransactionSeen,
    TransactionsSeen,
)
from app.core.preference import Preference
from app.core.units import Sats
from app.source.backend import Emit
from app.source.heights import PlausibleHeights


class ObservationFilter:
    """`is_shut` names sources that are ignored altogether: they follow another chain."""

    def __init__(
        self,
        emit: Emit,
        clock: Clock,
        *,
        threshold: Sats,
        is_fresh: Callable[[SourceName], bool],
        is_shut: Callable[[SourceName], bool],
    ) -> None:
        self.firsts = Firsts()
        self._emit = emit
        self._clock = clock
        self._threshold = threshold
        self._is_shut = is_shut
        self._preference = Preference(is_fresh)
        self._heights = PlausibleHeights()

    @property
    def threshold(self) -> Sats:
        return self._threshold

    def set_threshold(self, threshold: Sats) -> None:
        self._threshold = threshold

    async def emit(self, observations: Sequence[Observation]) -> None:
        """Emit the observations that pass."""
        passed = (self._pass(one) for one in observations)
        await self._emit(tuple(one for one in passed if one is not None))

    def _pass(self, observation: Observation) -> Observation | None:
        """Return what is emitted for it: itself, nothing, or that it is not believed."""
        source: SourceName | None = getattr(observation, "source", None)
        if source is not None and self._is_shut(source):
            return None
        if source is not None and (why := self._heights.refuse(observation)) is not None:
            return Skipped(source=source, what=why)
        self._note_who_was_first(observation)
        return observation if self._preference.admits(observation) else None

    def _note_who_was_first(self, observation: Observation) -> None:
        match observation:
            case TransactionSeen(tx=tx, late=False, source=source):
                self._note(tx, source)
            case TransactionsSeen(batch=batch, late=False, source=source) if (
                max(batch.gross, default=0) > self._threshold
            ):
                for txid, gross in zip(batch.txids, batch.gross, strict=True):
                    if gross > self._threshold:
                        self.firsts.saw(source, txid, self._clock.monotonic())
            case TransactionReplaced(by=tx, mined=False, source=source):
                self._note(tx, source)

    def _note(self, tx: Transaction, source: SourceName) -> None:
        """Record large transactions only: the node reports no others, so only these can be compared."""
        if tx.gross > self._threshold:
            self.firsts.saw(source, tx.txid, self._clock.monotonic())
