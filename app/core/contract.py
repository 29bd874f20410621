"""A prediction in the words of the contract: the `data` of a whale's event, of the API and of the page."""

from datetime import UTC, datetime
from typing import Any

from app.core.classification import Party
from app.core.prediction import HORIZONS, Forecast, Prediction


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds; None stays None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def whale_body(prediction: Prediction) -> dict[str, Any]:
    """Return the contract's whale: amounts in satoshi, feerates in sat/vB, unknown is None."""
    seen = prediction.classification
    return {
        "prediction_id": prediction.prediction_id,
        "txid": prediction.txid,
        "replaces": list(prediction.replaces),
        "replaced_by": prediction.replaced_by,
        "peel_of": prediction.peel_of,
        "conflicts_with": list(prediction.conflicts_with),
        "status": prediction.status.value,
        "reason": prediction.reason,
        "left_unverified": prediction.left_unverified,
        "flow_type": seen.flow.value,
        "from_entities": [_party(party) for party in seen.from_entities],
        "to_entities": [_party(party) for party in seen.to_entities],
        "split_sat": {flow.value: amount for flow, amount in seen.split.items()},
        "evidence": list(seen.evidence),
        "gross_sat": seen.gross,
        "moved_sat": seen.moved,
        "moved_low_sat": seen.moved_low,
        "moved_high_sat": seen.moved_high,
        "internal_sat": seen.internal,
        "moved_is": seen.moved_is.value,
        "fee_sat": prediction.tx.fee,
        "vsize": prediction.tx.vsize,
        "fee_rate": _rounded(prediction.tx.feerate),
        "effective_fee_rate": _rounded(prediction.effective_feerate),
        "rbf_signaled": prediction.tx.signals_rbf,
        "was_modified": bool(prediction.replaces),
        "flags": sorted(flag.value for flag in prediction.all_flags),
        **_forecast(prediction.forecast),
        "no_forecast": prediction.unforecast,
        "detected_at": iso(prediction.detected_at),
        "first_seen_by": prediction.first_seen_by.value,
        "confirmed_height": prediction.confirmed_height,
        "confirmed_at": iso(prediction.confirmed_at),
        "ended_at": iso(prediction.ended_at),
        "lead_time_s": _rounded(prediction.lead_time_seconds),
        "outcome": None if prediction.outcome is None else prediction.outcome.value,
        "demo": prediction.demo,
    }


def forecast_body(forecast: Forecast) -> dict[str, Any]:
    """One revision, as `GET /api/v1/predictions/{txid}` lists them."""
    return {
        "made_at": iso(forecast.made_at),
        "txid": forecast.txid,
        "fee_rate": _rounded(forecast.feerate),
        "p_dropped": _rounded(forecast.p_dropped),
        "inputs": forecast.inputs,
        "widened": forecast.widened,
        "inflow_s": _rounded(forecast.inflow_seconds),
        "recalibration_outcomes": forecast.recalibration_outcomes,
        "recalibration_age_s": _rounded(forecast.recalibration_age_seconds),
        **_forecast(forecast),
    }


def _forecast(forecast: Forecast | None) -> dict[str, Any]:
    if forecast is None:
        return {
            "urgency_score": None,
            "urgency": None,
            "confidence_score": None,
            "predicted_block": None,
            "predicted_at_height": None,
            "confirmation_probability": None,
            "eta_seconds": None,
        }
    return {
        "urgency_score": _rounded(forecast.urgency_score),
        "urgency": forecast.urgency.value,
        "confidence_score": _rounded(forecast.confidence_score),
        "predicted_block": forecast.predicted_block,
        "predicted_at_height": forecast.at_height,
        "confirmation_probability": {
            str(blocks): _rounded(p) for blocks, p in zip(HORIZONS, forecast.probabilities, strict=True)
        },
        "eta_seconds": forecast.eta_seconds,
    }


def _party(party: Party) -> dict[str, str | None]:
    return {
        "name": party.name,
        "kind": party.kind,
        "basis": party.basis,
        "group": party.group,
        "labelled_at": party.labelled_at,
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)
