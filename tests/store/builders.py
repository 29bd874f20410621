"""Whales for the store's tests: every field that can be filled is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.core.classification import Classification, Flag, Flow, MovedIs, Party
from app.core.events import EventType, Happening
from app.core.models import Block, Input, Output, SourceName, Transaction
from app.core.prediction import Forecast, Prediction, Status, Urgency
from app.core.units import BlockHash, Height, Outpoint, SatPerVb, Sats, Script, VBytes
from tests.builders import numbered_txid

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def a_block_hash(number: int) -> BlockHash:
    return BlockHash(f"{number:064x}")


def a_block(height: int, *, fork: int = 0, previous_fork: int = 0) -> Block:
    return Block(
        hash=a_block_hash(fork * 10**9 + height),
        height=Height(height),
        previous=a_block_hash(previous_fork * 10**9 + height - 1),
        time=NOON + timedelta(minutes=10 * (height % 1000)),
    )


def a_transaction(number: int = 1, *, gross: int = 20_000_000_000) -> Transaction:
    spent = Input(
        outpoint=Outpoint(numbered_txid(number + 10**6), 3),
        sequence=0xFFFFFFFD,
        script=Script("0014" + "ab" * 20),
        value=Sats(gross + 5_000),
    )
    return Transaction(
        txid=numbered_txid(number),
        inputs=(spent, replace(spent, script=None, value=None, outpoint=Outpoint(numbered_txid(7), 0))),
        outputs=(Output(value=Sats(gross), script=Script("0014" + "cd" * 20), address="bc1qexample"),),
        fee=Sats(5_000),
        vsize=VBytes(208.25),
    )


def a_forecast(number: int = 1, *, urgency: Urgency = Urgency.HIGH) -> Forecast:
    return Forecast(
        made_at=NOON,
        at_height=Height(900_000),
        txid=numbered_txid(number),
        feerate=SatPerVb(24.01),
        probabilities=(0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0),
        p_dropped=0.01,
        predicted_block=Height(900_003),
        eta_seconds=1_800,
        confidence_score=0.83,
        urgency_score=0.9,
        urgency=urgency,
        inputs="projected_blocks",
    )


def a_prediction(number: int = 1, *, urgency: Urgency = Urgency.HIGH, **changes: Any) -> Prediction:
    forecast = a_forecast(number, urgency=urgency)
    whale = Prediction(
        prediction_id=f"whale-{number}",
        version=1,
        tx=a_transaction(number),
        classification=a_classification(),
        status=Status.PENDING,
        detected_at=NOON + timedelta(seconds=number),
        detected_height=Height(900_000),
        first_seen_by=SourceName.MEMPOOL_WS,
        updated_at=NOON + timedelta(seconds=number),
        flags=frozenset({Flag.CONFLICT, Flag.LATE_SEEN}),
        forecasts=(forecast,),
        first_forecast=forecast,
        package_feerate=SatPerVb(24.5),
    )
    return replace(whale, **changes)


def a_classification(
    flow: Flow = Flow.INFLOW, to: str = "Binance", moved: int = 19_000_000_000
) -> Classification:
    return Classification(
        flow=flow,
        gross=Sats(20_000_000_000),
        moved=Sats(moved),
        moved_low=Sats(1),
        moved_high=Sats(20_000_000_000),
        moved_is=MovedIs.LIKELY,
        internal=Sats(0),
        to_entities=(Party(name=to, kind="exchange", basis="published", group="Group of " + to),),
        split={flow: Sats(moved - 5), Flow.UNKNOWN: Sats(5)},
        flags=frozenset({Flag.BATCH}),
        evidence=("output 0 belongs to the exchange",),
        missing_inputs=1,
    )


def detected(prediction: Prediction) -> Happening:
    return Happening(type=EventType.DETECTED, at=prediction.detected_at, prediction=prediction)


def reported(kind: EventType, prediction: Prediction) -> Happening:
    return Happening(type=kind, at=prediction.updated_at, prediction=prediction)


def source_degraded(at: datetime = NOON) -> Happening:
    return Happening(
        type=EventType.SOURCE_DEGRADED, at=at, facts={"rung": "polling", "reason": "no WebSocket"}
    )
