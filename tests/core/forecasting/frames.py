"""Frames of transactions of which only what they pay is read."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.classification import Classification, Flow, MovedIs
from app.core.models import Transaction
from app.core.units import Sats, Txid, VBytes

VSIZE = 1_000.0
NOTHING_KNOWN = Classification(
    flow=Flow.UNKNOWN,
    gross=Sats(20_000_000_000),
    moved=Sats(20_000_000_000),
    moved_low=Sats(0),
    moved_high=Sats(20_000_000_000),
    moved_is=MovedIs.UP_TO,
    internal=Sats(0),
)


def paying(name: str, feerate: float | None, vsize: float = VSIZE) -> Transaction:
    return Transaction(
        txid=Txid(name * 32),
        inputs=(),
        outputs=(),
        fee=None if feerate is None else Sats(round(feerate * vsize)),
        vsize=VBytes(vsize),
    )


@dataclass(frozen=True)
class PaidFrame:
    """A frame by the name and feerate of each."""

    of: Sequence[tuple[str, float]]

    def paid(self) -> Sequence[tuple[Txid, tuple[float, float]]]:
        return [(Txid(name * 32), (feerate, VSIZE)) for name, feerate in self.of]

    @property
    def txids(self) -> Sequence[Txid]:
        return [Txid(name * 32) for name, _ in self.of]

    @property
    def gross(self) -> Sequence[int]:
        return [1] * len(self.of)

    @property
    def parents(self) -> Sequence[Txid]:
        return ()

    def parents_of(self, _index: int) -> Sequence[Txid]:
        return ()

    def whole(self, index: int) -> Transaction:
        return paying(*self.of[index])
