"""Fits a recalibration to the outcomes of headline forecasts."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from app.core.forecasting.recalibration import Recalibration, fit_recalibration
from app.core.prediction import HORIZONS
from app.core.scoring import ScoredForecast


def learned_from(scored: Sequence[ScoredForecast], at: datetime) -> Recalibration:
    """Fit a recalibration to the outcomes. Takes a fraction of a second; do not call on an event loop."""
    return fit_recalibration(
        np.array([one.stated for one in scored]),
        np.array([[one.came_true(n) for n in HORIZONS] for one in scored]),
        np.array([[one.evaluable(n) for n in HORIZONS] for one in scored]),
        at,
    )
