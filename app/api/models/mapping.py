"""From what Spout believes to what it says: the one place where a whale becomes a `MempoolWhaleSignal`.

The store (an event's `data`), the API, the stream, the webhooks and the pages all take it from here; a
field that is added to the signal and filled here is in all of them.
"""

from app.api.models.whale import Entity, FiatValue, ForecastRevision, MempoolWhaleSignal
from app.core.classification import Party
from app.core.prediction import HORIZONS, Forecast, Prediction
from app.core.prices import Price
from app.core.units import Sats

__all__ = ["MempoolWhaleSignal", "revision_of", "signal_of"]


def signal_of(prediction: Prediction, price: Price | None = None) -> MempoolWhaleSignal:
    """Return the contract's whale: amounts in satoshi, feerates in sat/vB, unknown is None.

    `price`: by which what moves is valued; None for no value.
    """
    seen, tx, forecast = prediction.classification, prediction.tx, prediction.forecast
    return MempoolWhaleSignal(
        prediction_id=prediction.prediction_id,
        txid=prediction.txid,
        replaces=list(prediction.replaces),
        replaced_by=prediction.replaced_by,
        peel_of=prediction.peel_of,
        conflicts_with=list(prediction.conflicts_with),
        status=prediction.status,
        reason=prediction.reason,
        left_unverified=prediction.left_unverified,
        flow_type=seen.flow,
        from_entities=[_entity(party) for party in seen.from_entities],
        to_entities=[_entity(party) for party in seen.to_entities],
        split_sat={flow.value: amount for flow, amount in seen.split.items()},
        evidence=list(seen.evidence),
        gross_sat=seen.gross,
        moved_sat=seen.moved,
        moved_low_sat=seen.moved_low,
        moved_high_sat=seen.moved_high,
        internal_sat=seen.internal,
        moved_is=seen.moved_is,
        value_fiat=_value(seen.moved, price),
        fee_sat=tx.paid,
        vsize=tx.vsize,
        fee_rate=_rounded(tx.feerate),
        effective_fee_rate=_rounded(prediction.effective_feerate),
        rbf_signaled=tx.signals_rbf,
        was_modified=bool(prediction.replaces),
        flags=sorted(prediction.all_flags),
        urgency_score=_rounded(forecast.urgency_score) if forecast else None,
        urgency=forecast.urgency if forecast else None,
        confidence_score=_rounded(forecast.confidence_score) if forecast else None,
        predicted_block=forecast.predicted_block if forecast else None,
        predicted_at_height=forecast.at_height if forecast else None,
        confirmation_probability=_chances(forecast) if forecast else None,
        eta_seconds=forecast.eta_seconds if forecast else None,
        no_forecast=prediction.unforecast,
        detected_at=prediction.detected_at,
        first_seen_by=prediction.first_seen_by,
        confirmed_height=prediction.confirmed_height,
        confirmed_at=prediction.confirmed_at,
        ended_at=prediction.ended_at,
        lead_time_s=_rounded(prediction.lead_time_seconds),
        outcome=prediction.outcome,
        demo=prediction.demo,
    )


def revision_of(forecast: Forecast) -> ForecastRevision:
    """One revision, as `GET /api/v1/predictions/{txid}` lists them."""
    return ForecastRevision(
        made_at=forecast.made_at,
        txid=forecast.txid,
        fee_rate=round(forecast.feerate, 4),
        p_dropped=_rounded(forecast.p_dropped),
        inputs=forecast.inputs,
        widened=forecast.widened,
        inflow_s=_rounded(forecast.inflow_seconds),
        recalibration_outcomes=forecast.recalibration_outcomes,
        recalibration_age_s=_rounded(forecast.recalibration_age_seconds),
        urgency_score=_rounded(forecast.urgency_score),
        urgency=forecast.urgency,
        confidence_score=_rounded(forecast.confidence_score),
        predicted_block=forecast.predicted_block,
        predicted_at_height=forecast.at_height,
        confirmation_probability=_chances(forecast),
        eta_seconds=forecast.eta_seconds,
    )


def _value(moved: Sats, price: Price | None) -> FiatValue | None:
    return None if price is None else FiatValue(currency=price.currency, amount=price.value_of(moved))


def _chances(forecast: Forecast) -> dict[str, float]:
    return {
        str(blocks): round(chance, 4) for blocks, chance in zip(HORIZONS, forecast.probabilities, strict=True)
    }


def _entity(party: Party) -> Entity:
    return Entity(
        name=party.name,
        kind=party.kind,
        basis=party.basis,
        group=party.group,
        labelled_at=party.labelled_at,
    )


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)
