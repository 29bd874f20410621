"""Whales and events for the API's tests."""

from datetime import datetime, timedelta
from typing import Any

from app.api.models import signal_of
from app.core.classification import Classification, Flow, MovedIs, Party
from app.core.events import Event, EventType
from app.core.models import Input, Output, SourceName, Transaction
from app.core.prediction import Forecast, Prediction, Status, Urgency
from app.core.units import Height, Outpoint, SatPerVb, Sats, Script, VBytes
from tests.builders import numbered_txid
from tests.fakes import NOON


def a_forecast(**changes: Any) -> Forecast:
    reported: dict[str, Any] = {
        "made_at": NOON,
        "at_height": Height(900_000),
        "txid": numbered_txid(1),
        "feerate": SatPerVb(12.5),
        "probabilities": (0.1, 0.4, 0.7, 0.9, 0.95, 0.99, 1.0),
        "p_dropped": 0.01,
        "predicted_block": Height(900_006),
        "eta_seconds": 3_600,
        "confidence_score": 0.8,
        "urgency_score": 0.5,
        "urgency": Urgency.MEDIUM,
        "inputs": "projected_blocks",
    }
    return Forecast(**(reported | changes))


def a_prediction(
    number: int = 1,
    *,
    moved: int = 150_0000_0000,
    flow: Flow = Flow.INFLOW,
    to: str | None = "Kraken",
    urgency: Urgency | None = Urgency.MEDIUM,
    **changes: Any,
) -> Prediction:
    forecast = a_forecast(txid=numbered_txid(number), urgency=urgency) if urgency else None
    reported: dict[str, Any] = {
        "prediction_id": f"whale-{number}",
        "version": 1,
        "tx": Transaction(
            txid=numbered_txid(number),
            inputs=(Input(outpoint=Outpoint(numbered_txid(9_000 + number), 0)),),
            outputs=(Output(value=Sats(moved), script=Script("0014" + "ab" * 20)),),
            fee=Sats(2_500),
            vsize=VBytes(200.0),
        ),
        "classification": Classification(
            flow=flow,
            gross=Sats(moved),
            moved=Sats(moved),
            moved_low=Sats(moved),
            moved_high=Sats(moved),
            moved_is=MovedIs.CERTAIN,
            internal=Sats(0),
            to_entities=(Party(name=to, kind="exchange", basis="published"),) if to else (),
        ),
        "status": Status.PENDING,
        "detected_at": NOON - timedelta(minutes=number),
        "detected_height": Height(900_000),
        "first_seen_by": SourceName.MEMPOOL_WS,
        "updated_at": NOON,
        "forecasts": (forecast,) if forecast else (),
        "first_forecast": forecast,
    }
    return Prediction(**(reported | changes))


def an_event(
    sequence: int,
    prediction: Prediction | None = None,
    kind: EventType = EventType.DETECTED,
    at: datetime = NOON,
) -> Event:
    whale = prediction or a_prediction(sequence)
    return Event(
        type=kind,
        id=f"event-{sequence}",
        sequence=sequence,
        timestamp=at,
        body=signal_of(whale).body(),
        prediction_id=whale.prediction_id,
    )


def a_source_event(sequence: int) -> Event:
    return Event(
        type=EventType.SOURCE_DEGRADED,
        id=f"event-{sequence}",
        sequence=sequence,
        timestamp=NOON,
        body={"source": "mempool_ws"},
    )
