"""Every revision of a forecast, written once; a prediction's own record holds its openings and the latest."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from app.core.prediction import REVISIONS_HELD, Forecast, Prediction, thinned
from app.store.database import Connection
from app.store.records import encoded, forecast_of

WHALES_REMEMBERED: Final = 20_000
"""More than are ever followed at once: of each, the last revision written is remembered."""


class Revisions:
    """Knows which revisions are stored already, so that each is written once."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, Forecast] = OrderedDict()

    def fresh(self, whale: Prediction) -> tuple[Forecast, ...]:
        """Return those that came after the last one stored, oldest first."""
        last = self._last.get(whale.prediction_id)
        for index in range(len(whale.forecasts) - 1, -1, -1):
            if whale.forecasts[index] == last:
                return whale.forecasts[index + 1 :]
        return whale.forecasts

    def stored(self, whales: Iterable[Prediction]) -> None:
        """Take note once they are committed."""
        for whale in whales:
            if whale.forecasts:
                self._last[whale.prediction_id] = whale.forecasts[-1]
                self._last.move_to_end(whale.prediction_id)
        while len(self._last) > WHALES_REMEMBERED:
            self._last.popitem(last=False)


def forecast_columns(revisions: Revisions, whales: Iterable[Prediction]) -> list[list[object]]:
    """One list a column; empty where there is nothing new."""
    rows = [
        (whale.prediction_id, forecast.made_at, encoded(forecast))
        for whale in whales
        for forecast in revisions.fresh(whale)
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def with_revisions(connection: Connection, whale: Prediction) -> Prediction:
    """Return it with every revision there ever was."""
    rows = connection.execute(
        "SELECT record FROM forecasts WHERE prediction_id = ? ORDER BY made_at, rowid", [whale.prediction_id]
    ).fetchall()
    return replace(whale, forecasts=_merged(whale, [forecast_of(record) for (record,) in rows]))


def with_latest_revisions(connection: Connection, whales: Sequence[Prediction]) -> tuple[Prediction, ...]:
    """Return them with as many revisions as are held in memory."""
    found: dict[str, list[Forecast]] = {}
    rows = connection.execute(
        "SELECT prediction_id, record FROM forecasts WHERE prediction_id IN (SELECT unnest(?::VARCHAR[])) "
        "QUALIFY row_number() OVER (PARTITION BY prediction_id ORDER BY made_at DESC, rowid DESC) <= ? "
        "ORDER BY made_at, rowid",
        [[whale.prediction_id for whale in whales], REVISIONS_HELD],
    ).fetchall()
    for prediction_id, record in rows:
        found.setdefault(prediction_id, []).append(forecast_of(record))
    return tuple(
        replace(whale, forecasts=thinned(_merged(whale, found.get(whale.prediction_id, []))))
        for whale in whales
    )


def prune(connection: Connection) -> None:
    connection.execute(
        "DELETE FROM forecasts WHERE prediction_id NOT IN (SELECT prediction_id FROM prediction_versions)"
    )


def _merged(whale: Prediction, stored: Iterable[Forecast]) -> tuple[Forecast, ...]:
    """A refused commit may have left a revision that was then written again: each counts once."""
    each = dict.fromkeys((*stored, *whale.forecasts))
    return tuple(sorted(each, key=lambda one: one.made_at))
