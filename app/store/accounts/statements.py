"""The statements that read outcomes as columns for cube.py. What stands in them are our own words."""

from collections.abc import Iterable
from typing import Final

from app.core.prediction import HORIZONS
from app.store.accounts.cube import RESULTS
from app.store.accounts.leads import GROUP, SHAPE


def _number_of(column: str, values: Iterable[str]) -> str:
    """The place of its value, from 1; 0 for none."""
    listed = ", ".join(f"'{value}'" for value in values)
    return f"coalesce(list_position([{listed}], {column}), 0)"


_FLOW, _URGENCY, _SOURCE = (_number_of(column, map(str, values)) for column, values in GROUP.items())
_PLACE: Final = f"(({_FLOW} * {SHAPE[1]} + {_URGENCY}) * {SHAPE[2]} + {_SOURCE})::USMALLINT AS place"
_RESULT: Final = f"{_number_of('result', (one.value for one in RESULTS))}::UTINYINT AS result"
FINAL: Final = "final_day IS NOT NULL"
WAITING: Final = "final_day IS NULL"


def forecasts(where: str) -> str:
    """Rows for `cube.of_forecasts`; `$tip`: height of the tip, for what still waits."""
    chances = ", ".join(f"p{n}" for n in HORIZONS)
    return (
        f"SELECT day, epoch_us(counted_at) AS counted, {_PLACE}, {_RESULT}, fate = 'confirmed' AS is_in, "  # noqa: S608 - our own words
        "fate IN ('confirmed', 'dropped') AS is_final, "
        "coalesce(blocks, greatest(0, $tip - at_height))::INTEGER AS passed, "
        f"coalesce(projected_block, 0)::INTEGER AS projected, {chances} FROM forecast_outcomes WHERE {where}"
    )


def whales(where: str) -> str:
    """Rows for `cube.of_whales`."""
    return (
        f"SELECT day, epoch_us(counted_at) AS counted, {_PLACE}, excused, announced, confirmed, "  # noqa: S608 - our own words
        "coalesce(flow_right, false) AS is_right, "
        "flow_right IS NOT NULL AS is_judged, lead_time_seconds IS NOT NULL AS has_lead, "
        f"coalesce(lead_time_seconds, 0) AS lead FROM whale_outcomes WHERE {where}"
    )
