"""Transactions that may turn out to be whales, while something that decides is still being asked."""

from dataclasses import dataclass
from datetime import datetime

from app.core.models import Block, SourceName, Transaction
from app.core.questions import Question
from app.core.recent import Recent
from app.core.units import Txid


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A transaction big enough by its total, while something that decides is still being asked.

    `contests`: pending whales that spend one of its coins; `lost` are those of them that are known to be
    gone, while others are still asked about. `block`: where it was found, if not waiting.
    """

    tx: Transaction
    source: SourceName
    at: datetime
    late: bool
    waits_for: frozenset[Question] = frozenset()
    contests: tuple[Txid, ...] = ()
    lost: tuple[Txid, ...] = ()
    block: Block | None = None


class Candidates(Recent[Txid, Candidate]):
    def waiting_for(self, question: Question) -> tuple[Candidate, ...]:
        return tuple(one for one in self.values() if question in one.waits_for)
