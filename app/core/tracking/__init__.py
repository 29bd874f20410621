"""Tracking of whales from first seen to their end: one file per step, behind one mutator (`Tracker`)."""

from app.core.tracking.beliefs import WhalePolicy
from app.core.tracking.chain import down_from_the_tip
from app.core.tracking.forecast_source import ForecastSource
from app.core.tracking.prevouts import known_prevouts, with_prevouts
from app.core.tracking.story import StoryLine
from app.core.tracking.tracker import Tracker
from app.core.tracking.whales import Unloaded

__all__ = [
    "ForecastSource",
    "StoryLine",
    "Tracker",
    "Unloaded",
    "WhalePolicy",
    "down_from_the_tip",
    "known_prevouts",
    "with_prevouts",
]
