"""One whale as a line of the live tables: what `static/table.js` draws, and nothing it must compute."""

from typing import Any

from app.core.prediction import Forecast, Outcome, Prediction, Status
from dashboard.format import count, flags_of, millis, parties, probability_by

Row = dict[str, Any]


def row_of(prediction: Prediction) -> Row:
    """Return the line: amounts in satoshi, feerates in sat/vB, times in ms since 1970, unknown is None."""
    seen = prediction.classification
    rate = prediction.tx.feerate if prediction.package_feerate is None else prediction.package_feerate
    return {
        "id": prediction.prediction_id,
        "txid": prediction.txid,
        "version": prediction.version,
        "status": prediction.status.value,
        "flow": seen.flow.value,
        "moved": seen.moved,
        "split": _split(prediction),
        "low": seen.moved_low,
        "high": seen.moved_high,
        "gross": seen.gross,
        "is": seen.moved_is.value,
        "from": parties(seen.from_entities),
        "to": parties(seen.to_entities),
        "names": _names(prediction),
        "rate": None if rate is None else round(rate, 2),
        "flags": flags_of(prediction),
        "seen": millis(prediction.detected_at),
        "ended": millis(prediction.ended_at or prediction.confirmed_at),
        "height": prediction.confirmed_height,
        "lead": prediction.lead_time_seconds,
        "demo": prediction.demo,
        **_forecast(prediction.forecast),
        "unforecast": prediction.unforecast,
        **_result(prediction),
    }


def _split(prediction: Prediction) -> dict[str, int] | None:
    """What moves by flow, where that says more than the one flow and amount of the row."""
    seen = prediction.classification
    if not seen.split or dict(seen.split) == {seen.flow: seen.moved}:
        return None
    return {flow.value: sats for flow, sats in seen.split.items()}


def _names(prediction: Prediction) -> list[str]:
    seen = prediction.classification
    return sorted({party.name for party in (*seen.from_entities, *seen.to_entities)})


def _forecast(forecast: Forecast | None) -> Row:
    if forecast is None:
        return {"urgency": None, "score": None, "block": None, "by": None, "p": None, "eta": None}
    stated = probability_by(forecast)
    return {
        "urgency": forecast.urgency.value,
        "score": round(forecast.urgency_score, 3),
        "block": forecast.predicted_block,
        "by": None if stated is None else stated[0],
        "p": None if stated is None else round(stated[1], 3),
        "eta": forecast.eta_seconds,
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
