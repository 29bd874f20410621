"""All that was seen and concluded of one whale, from the store and the tracker's memory: `spout story`."""

from collections.abc import Callable
from typing import Any

from app.api.predictions import life_of
from app.core.contract import iso
from app.core.tracking import StoryLine
from app.errors import StoreError
from app.views import History

Remembered = Callable[[str], tuple[StoryLine, ...]]
"""The tracker's lines of a prediction, oldest first; () where it remembers none."""


async def story_of(history: History, name: str, remembered: Remembered) -> dict[str, Any]:
    """Return the whale that has or had this txid, or has this id, as JSON's own types.

    It is `GET /api/v1/predictions/{txid}` (lineage, forecasts, outcome, events) with `observed`: what was
    seen of it since Spout started, line by line, and what followed.

    Raises:
        StoreError: if there is none.
    """
    whale = await history.one(name)
    if whale is None:
        raise StoreError(f"no whale has or had {name}, or it is older than what is kept")
    events = await history.events_of(whale.prediction_id)
    lines = remembered(whale.prediction_id)
    return {**life_of(whale, events, whale.price).body(), "observed": [_line(one) for one in lines]}


def _line(line: StoryLine) -> dict[str, Any]:
    return {
        "at": iso(line.at),
        "last_at": iso(line.last_at),
        "times": line.times,
        "observed": line.observed,
        "source": line.source,
        "txid": line.txid,
        "status": line.status,
        "concluded": list(line.concluded),
        "asked": list(line.asked),
    }
