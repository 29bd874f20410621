"""One whale as a line of the live tables: what `components/cells.js` draws, computed here."""

from typing import Any

from app.api.models import MempoolWhaleSignal, signal_of
from app.core.prediction import Outcome, Prediction, Status
from dashboard.format import count, flags_of, millis, parties, plain_name, probability_by

Row = dict[str, Any]
_DRAWN = frozenset(
    {
        *("prediction_id", "txid", "status", "flow_type", "moved_sat", "split_sat", "moved_low_sat"),
        *("moved_high_sat", "gross_sat", "moved_is", "from_entities", "to_entities", "effective_fee_rate"),
        *("flags", "detected_at", "ended_at", "confirmed_at", "confirmed_height", "lead_time_s", "demo"),
        *("urgency", "urgency_score", "predicted_block", "predicted_at_height", "confirmation_probability"),
        *("eta_seconds", "no_forecast", "outcome", "replaces", "replaced_by", "reason", "left_unverified"),
    }
)
"""Fields of the signal that a line shows, under a name of its own."""
_IN_THE_DRAWER = frozenset(
    {
        *("peel_of", "conflicts_with", "evidence", "internal_sat", "value_fiat", "fee_sat", "vsize"),
        *("fee_rate", "rbf_signaled", "was_modified", "confidence_score", "first_seen_by"),
    }
)
"""Shown once a line is opened. A field that is in neither list goes along in the line, as it is."""


def row_of(prediction: Prediction) -> Row:
    """Return the line: amounts in satoshi, feerates in sat/vB, times in ms since 1970, unknown is None."""
    signal = signal_of(prediction)
    rate = signal.effective_fee_rate
    return {
        **signal.model_dump(mode="json", exclude={*_DRAWN, *_IN_THE_DRAWER}),
        "id": signal.prediction_id,
        "txid": signal.txid,
        "version": prediction.version,
        "status": signal.status.value,
        "flow": signal.flow_type.value,
        "moved": signal.moved_sat,
        "split": _split(signal),
        "low": signal.moved_low_sat,
        "high": signal.moved_high_sat,
        "counted": prediction.classification.counted,
        "gross": signal.gross_sat,
        "is": signal.moved_is.value,
        "from": parties(signal.from_entities),
        "to": parties(signal.to_entities),
        "names": sorted({plain_name(entity.name) for entity in (*signal.from_entities, *signal.to_entities)}),
        "rate": None if rate is None else round(rate, 2),
        "flags": flags_of(prediction),
        "seen": millis(signal.detected_at),
        "ended": millis(signal.ended_at or signal.confirmed_at),
        "height": signal.confirmed_height,
        "lead": signal.lead_time_s,
        "demo": signal.demo,
        **_forecast(signal),
        "unforecast": signal.no_forecast,
        **_result(prediction),
    }


def _split(signal: MempoolWhaleSignal) -> dict[str, int] | None:
    """What moves by flow, where that says more than the one flow and amount of the row."""
    if not signal.split_sat or signal.split_sat == {signal.flow_type.value: signal.moved_sat}:
        return None
    return signal.split_sat


def _forecast(signal: MempoolWhaleSignal) -> Row:
    if signal.urgency is None or signal.urgency_score is None:
        return {"urgency": None, "score": None, "block": None, "by": None, "p": None, "eta": None}
    stated = probability_by(signal)
    return {
        "urgency": signal.urgency.value,
        "score": round(signal.urgency_score, 3),
        "block": signal.predicted_block,
        "by": None if stated is None else stated[0],
        "p": None if stated is None else round(stated[1], 3),
        "eta": signal.eta_seconds,
        "forecast": True,
    }


def _result(prediction: Prediction) -> Row:
    """`tone` ok / miss / gone / none, two or three `words`, and a `note`; empty while it waits."""
    if prediction.status is Status.PENDING:
        return {}
    if prediction.status is Status.CONFIRMED:
        tone, words, note = _held(prediction)
    elif prediction.status is Status.REPLACED:
        tone, words = "gone", "replaced"
        note = prediction.reason or _by(prediction.replaced_by)
    else:
        tone, words, note = "gone", "dropped", prediction.reason or "nobody can say why"
    return {"tone": tone, "words": words, "note": note}


def _by(txid: str | None) -> str:
    return "by a transaction that is no whale" if txid is None else f"by {txid[:8]}…"


def _held(prediction: Prediction) -> tuple[str, str, str]:
    first = prediction.first_forecast
    if first is None:
        if prediction.first_seen_in_block:
            return "miss", "never announced", "first seen in its block"
        return "none", "confirmed", "no forecast was made"
    if first.predicted_block is None:
        note = "forecast: over 144 blocks"
    else:
        note = f"forecast {count(max(1, first.predicted_block - first.at_height), 'block')}"
    if prediction.outcome is Outcome.ON_TIME:
        return "ok", "on time", note
    if prediction.outcome is not Outcome.LATE:
        return "none", "confirmed", note
    if first.predicted_block is None or prediction.confirmed_height is None:
        return "miss", "late", note
    return "miss", f"late by {prediction.confirmed_height - first.predicted_block}", note
