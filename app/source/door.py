"""The one door that all sources tell through: who may, whose word counts, and who was first."""

from collections.abc import Callable, Sequence

from app.clock import Clock
from app.core.firsts import Firsts
from app.core.models import SourceName, Transaction
from app.core.observations import Observation, TransactionReplaced, TransactionSeen
from app.core.preference import Preference
from app.core.units import Sats
from app.source.mempool_ws import Tell


class Door:
    """`is_shut` names sources that are not believed at all: they follow another chain."""

    def __init__(
        self,
        tell: Tell,
        clock: Clock,
        *,
        threshold: Sats,
        is_fresh: Callable[[SourceName], bool],
        is_shut: Callable[[SourceName], bool],
    ) -> None:
        self.firsts = Firsts()
        self._tell = tell
        self._clock = clock
        self._threshold = threshold
        self._is_shut = is_shut
        self._preference = Preference(is_fresh)

    async def tell(self, observations: Sequence[Observation]) -> None:
        """Pass on what counts."""
        await self._tell(tuple(one for one in observations if self._lets_in(one)))

    def _lets_in(self, observation: Observation) -> bool:
        source: SourceName | None = getattr(observation, "source", None)
        if source is not None and self._is_shut(source):
            return False
        self._note_who_was_first(observation)
        return self._preference.admits(observation)

    def _note_who_was_first(self, observation: Observation) -> None:
        match observation:
            case TransactionSeen(tx=tx, late=False, source=source):
                self._note(tx, source)
            case TransactionReplaced(by=tx, mined=False, source=source):
                self._note(tx, source)

    def _note(self, tx: Transaction, source: SourceName) -> None:
        """Only of what is large: the node tells nothing else, so nothing else is a race."""
        if tx.gross > self._threshold:
            self.firsts.saw(source, tx.txid, self._clock.monotonic())
