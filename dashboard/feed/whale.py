"""The drawer: everything that is known of one whale, from the Snapshot and the History."""

from collections.abc import Callable
from typing import Any

from app.api.models import revision_of, signal_of
from app.core.alerts import one_line
from app.core.classification import Party
from app.core.events import Event, EventType
from app.core.models import Input, Output, SourceName
from app.core.prediction import Prediction
from app.views import History, LiveSnapshot
from dashboard.feed.rows import row_of
from dashboard.feed.states import component_words
from dashboard.format import MOVED_WORDS, flags_of, millis, plain_name

MOST_COINS = 200
"""Inputs or outputs listed in the drawer; the rest is counted."""
EVENT_WORDS = {
    EventType.DETECTED: "Seen for the first time",
    EventType.UPDATED: "Looked at again: flow, fee or forecast changed",
    EventType.REPLACED: "Replaced by its sender; followed on",
    EventType.CONFIRMED: "Confirmed",
    EventType.DROPPED: "Dropped",
    EventType.CONFLICTED: "In conflict with another spend of the same coins",
    EventType.REORGED: "Its block was undone; waiting again",
}


class WhaleStory:
    def __init__(self, live: LiveSnapshot, history: History, label_of: Callable[[str], Party | None]) -> None:
        self._live = live
        self._history = history
        self._label_of = label_of

    async def describe(self, prediction_id: str) -> dict[str, Any] | None:
        """Return the drawer's body; None if nobody knows this whale (any more).

        Raises:
            StoreError: if the store cannot be read.
        """
        shown = self._live.snapshot
        found = next(
            (one for one in (*shown.pending, *shown.ended) if one.prediction_id == prediction_id), None
        )
        prediction = found or await self._history.one(prediction_id)
        if prediction is None:
            return None
        events = await self._history.events_of(prediction.prediction_id)
        return self.body(prediction, events)

    def body(self, prediction: Prediction, events: tuple[Event, ...]) -> dict[str, Any]:
        tx = prediction.tx
        return {
            "row": row_of(prediction),
            "whale": _plain(signal_of(prediction, self._live.snapshot.price).body()),
            "moved_words": MOVED_WORDS[prediction.classification.moved_is],
            "marks": flags_of(prediction),
            "seen_by": _seen_by(prediction.first_seen_by),
            "missing_inputs": prediction.classification.missing_inputs,
            "forecasts": [
                revision_of(one).body() | {"at": millis(one.made_at)} for one in prediction.forecasts
            ],
            "lineage": [*prediction.replaces, tx.txid],
            "story": [
                {
                    "at": millis(event.timestamp),
                    "words": EVENT_WORDS.get(event.type, event.type.value),
                    "txid": event.body.get("txid"),
                    "reason": event.body.get("reason"),
                }
                for event in events
            ],
            "inputs": [self._input(one) for one in tx.inputs[:MOST_COINS]],
            "more_inputs": max(0, len(tx.inputs) - MOST_COINS),
            "outputs": [self._output(one) for one in tx.outputs[:MOST_COINS]],
            "more_outputs": max(0, len(tx.outputs) - MOST_COINS),
        }

    def _input(self, spent: Input) -> dict[str, Any]:
        return {
            "what": f"{spent.outpoint.txid}:{spent.outpoint.vout}",
            "sat": spent.value,
            "label": None if spent.script is None else self._label(spent.script),
        }

    def _output(self, output: Output) -> dict[str, Any]:
        return {
            "what": output.address
            or ("data (OP_RETURN)" if output.script.startswith("6a") else "no address"),
            "sat": output.value,
            "label": self._label(output.script),
        }

    def _label(self, script: str) -> str | None:
        party = self._label_of(script)
        return None if party is None else one_line(f"{party.name} ({party.basis})")


def _plain(whale: dict[str, Any]) -> dict[str, Any]:
    """Names and evidence as every medium shows them."""
    sides = {
        side: [{**party, "name": plain_name(party["name"])} for party in whale[side]]
        for side in ("from_entities", "to_entities")
    }
    return {**whale, **sides, "evidence": [one_line(step, 1_000) for step in whale["evidence"]]}


def _seen_by(source: SourceName) -> str:
    return "its block" if source is SourceName.BLOCK else component_words(source.value)
