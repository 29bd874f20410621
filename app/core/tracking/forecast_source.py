"""The protocol of a forecaster, as the tracker uses it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from app.core.prediction import Forecast, Prediction


class ForecastSource(Protocol):
    @property
    def spiking(self) -> bool:
        """Whether fees are spiking now."""
        ...

    def moved(self, at: datetime) -> bool:
        """Return whether the market has changed enough since `mark_published` to forecast all again."""
        ...

    def mark_published(self, at: datetime) -> None:
        """Record that all pending whales have just been forecast again."""
        ...

    def forecast(self, whales: Sequence[Prediction], at: datetime) -> Sequence[Forecast | None]:
        """Return a forecast for each, in order; None where the inputs of a forecast are not known."""
        ...
