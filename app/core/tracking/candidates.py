"""Transactions that may be whales, while the questions that decide are unanswered."""

from dataclasses import dataclass
from datetime import datetime

from app.core.models import Block, SourceName, Transaction
from app.core.questions import Question
from app.core.recent import Recent
from app.core.units import Txid


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A transaction whose total exceeds the threshold, while questions that decide are unanswered.

    `contests`: pending whales that spend one of its outpoints; `lost`: those of them that are known to be
    gone while others are still asked about. `block`: the block it was found in, if not in the mempool.
    `fee_by_line`: its fee is from its line in a projected block, which its coins may disprove.
    `confirming`: seen in the mempool, and decided only as its block arrives: there is nothing to forecast.
    """

    tx: Transaction
    source: SourceName
    at: datetime
    late: bool
    waits_for: frozenset[Question] = frozenset()
    contests: tuple[Txid, ...] = ()
    lost: tuple[Txid, ...] = ()
    block: Block | None = None
    fee_by_line: bool = False
    confirming: bool = False


class Candidates(Recent[Txid, Candidate]):
    def waiting_for(self, question: Question) -> tuple[Candidate, ...]:
        return tuple(one for one in self.values() if question in one.waits_for)
