"""What the tracker needs of a forecaster."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from app.core.prediction import Forecast, Prediction


class Foreteller(Protocol):
    @property
    def spiking(self) -> bool:
        """Whether fees are spiking now."""
        ...

    def moved(self, at: datetime) -> bool:
        """Whether the market changed so much since `mark_told` that all must be told anew."""
        ...

    def mark_told(self, at: datetime) -> None:
        """All that wait have just been told anew."""
        ...

    def foretell(self, whales: Sequence[Prediction], at: datetime) -> Sequence[Forecast | None]:
        """Return a forecast for each, in order; None where nothing can honestly be said."""
        ...


class Silent:
    """Says nothing: for a source that gives no market, and for tests of everything else."""

    spiking = False

    def moved(self, _at: datetime) -> bool:
        return False

    def mark_told(self, _at: datetime) -> None:
        pass

    def foretell(self, whales: Sequence[Prediction], _at: datetime) -> Sequence[Forecast | None]:
        return [None] * len(whales)
