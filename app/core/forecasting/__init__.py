"""Confirmation forecasts from fee market, inflow and block intervals."""

from app.core.forecasting.forecaster import Forecaster
from app.core.forecasting.learning import learned_from
from app.core.forecasting.market import QueueSource
from app.core.forecasting.marketfigures import UrgencyMetrics
from app.core.forecasting.passagetable import MinerBeliefs, PassageTable, default_table
from app.core.forecasting.queue import bins_of_histogram, project
from app.core.forecasting.recalibration import TRUSTED_OUTCOMES, Recalibration
from app.core.forecasting.urgency import PERCENTILES, Congestion

__all__ = [
    "PERCENTILES",
    "TRUSTED_OUTCOMES",
    "Congestion",
    "Forecaster",
    "MinerBeliefs",
    "PassageTable",
    "QueueSource",
    "Recalibration",
    "UrgencyMetrics",
    "bins_of_histogram",
    "default_table",
    "learned_from",
    "project",
]
