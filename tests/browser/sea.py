"""A small sea for the page's tests: whales made of the house's own dataclasses, moved by hand.

Nothing here decides anything the tracker would: a test says what happens, this writes it down.
"""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.api.models import signal_of
from app.core.classification import Classification, Flag, Flow, MovedIs, Party
from app.core.events import Event, EventType
from app.core.models import Block, Input, Output, SourceName, Transaction
from app.core.observations import FeesRecommended, MempoolMeasured, ProjectedBlock, QueueProjected
from app.core.prediction import HORIZONS, Forecast, Outcome, Prediction, Status, Urgency
from app.core.units import BlockHash, Height, Outpoint, SatPerVb, Sats, Script, Txid, VBytes
from app.views import (
    Component,
    ComponentStatus,
    Counters,
    Level,
    LiveSnapshot,
    PredictionPage,
    PredictionQuery,
    Snapshot,
)

COIN = 100_000_000
TIP = 925_114
RATES = (
    (4.2, 5.1, 6.3, 8.4, 12.0, 18.5, 240.0),
    (3.4, 3.5, 3.6, 3.8, 4.0, 4.1, 4.2),
    (3.0, 3.0, 3.1, 3.2, 3.3, 3.3, 3.4),
    (2.4, 2.5, 2.6, 2.7, 2.8, 2.9, 3.0),
    (2.0, 2.1, 2.1, 2.2, 2.3, 2.3, 2.4),
    (1.5, 1.6, 1.7, 1.8, 1.9, 2.0, 2.0),
    (1.1, 1.2, 1.2, 1.3, 1.4, 1.5, 1.5),
    (0.3, 0.5, 0.8, 1.0, 1.0, 1.1, 1.1),
)


def txid_of(name: str) -> Txid:
    return Txid(hashlib.sha256(name.encode()).hexdigest())


def party(name: str) -> Party:
    return Party(name=name, kind="exchange", basis="published", labelled_at="2026-05-01")


def blocks(times: float = 1.0) -> QueueProjected:
    """The queue at a price `times` the usual one; the last block holds the rest."""
    sizes = [998_000.0] * 7 + [2_400_000.0]
    return QueueProjected(
        blocks=tuple(
            ProjectedBlock(
                vsize=VBytes(size),
                count=2_400,
                total_fees=Sats(int(size * rates[3])),
                median=SatPerVb(rates[3] * times),
                fee_range=tuple(rate * times for rate in rates),
            )
            for size, rates in zip(sizes, RATES, strict=True)
        ),
        source=SourceName.MEMPOOL_WS,
    )


def a_forecast(
    rate: float, at: datetime, *, blocks_ahead: int | None, txid: Txid, height: int = TIP
) -> Forecast:
    if blocks_ahead is None:
        probabilities = (0.0, 0.0, 0.01, 0.03, 0.08, 0.16, 0.41)
    else:
        probabilities = tuple(
            min(0.985, 0.84 + 0.03 * (n - blocks_ahead)) if n >= blocks_ahead else 0.7 * n / blocks_ahead
            for n in HORIZONS
        )
    score = 0.12 if blocks_ahead is None else max(0.2, min(0.97, 1.02 - 0.09 * blocks_ahead))
    return Forecast(
        made_at=at,
        at_height=Height(height),
        txid=txid,
        feerate=SatPerVb(rate),
        probabilities=probabilities,
        p_dropped=0.01,
        predicted_block=None if blocks_ahead is None else Height(height + blocks_ahead),
        eta_seconds=None if blocks_ahead is None else 600 * blocks_ahead,
        confidence_score=0.6 if blocks_ahead is None else 0.85,
        urgency_score=score,
        urgency=Urgency.HIGH if score > 0.7 else Urgency.MEDIUM if score > 0.4 else Urgency.LOW,
        inputs="projected_blocks",
    )


def a_whale(
    name: str,
    btc: float,
    at: datetime,
    *,
    flow: Flow = Flow.UNKNOWN,
    source: str | None = None,
    target: str | None = None,
    rate: float | None = 6.0,
    ahead: int | None = 1,
    forecast: bool = True,
    gross: float | None = None,
    high: float | None = None,
    flags: tuple[Flag, ...] = (),
    moved_is: MovedIs = MovedIs.CERTAIN,
) -> Prediction:
    txid = txid_of(name)
    moved = Sats(round(btc * COIN))
    total = Sats(round((gross or high or btc) * COIN))
    reported = a_forecast(rate or 1.0, at, blocks_ahead=ahead, txid=txid) if forecast else None
    change = total - moved
    outputs = [Output(value=moved, script=Script("0014" + txid[:40]), address=f"bc1q{txid[:38]}")]
    if change:
        outputs.append(
            Output(value=Sats(change), script=Script("0014" + txid[20:60]), address=f"bc1q{txid[20:58]}")
        )
    vsize = 223.0
    tx = Transaction(
        txid=txid,
        inputs=(
            Input(
                outpoint=Outpoint(txid_of(name + "/in"), 1),
                sequence=0xFFFFFFFD,
                script=Script("0014" + txid[20:60]),
                value=None if rate is None else Sats(total + round(rate * vsize)),
            ),
        ),
        outputs=tuple(outputs),
        fee=None if rate is None else Sats(round(rate * vsize)),
        vsize=VBytes(vsize),
    )
    evidence = [f"Output 0 pays {target}: published label of 2026-05-01."] if target else []
    evidence += [f"The input's script is one of {source}'s published addresses."] if source else []
    evidence += ["Output 1 has the script of an input: certain change."] if change and not high else []
    evidence += (
        ["Two outputs of unlike kinds, neither labelled: which one is change cannot be told."] if high else []
    )
    return Prediction(
        prediction_id="w-" + txid[:16],
        version=1,
        tx=tx,
        classification=Classification(
            flow=flow,
            gross=total,
            moved=moved,
            moved_low=moved,
            moved_high=Sats(round((high or btc) * COIN)),
            moved_is=MovedIs.UP_TO if high else moved_is,
            internal=Sats(0),
            from_entities=(party(source),) if source else (),
            to_entities=(party(target),) if target else (),
            split={flow: moved},
            flags=frozenset(flag for flag in flags if flag not in {Flag.CPFP, Flag.CONFLICT, Flag.LATE_SEEN}),
            evidence=tuple(evidence),
        ),
        status=Status.PENDING,
        detected_at=at,
        detected_height=Height(TIP),
        first_seen_by=SourceName.MEMPOOL_WS,
        updated_at=at,
        flags=frozenset(flag for flag in flags if flag in {Flag.CPFP, Flag.CONFLICT, Flag.LATE_SEEN}),
        forecasts=(reported,) if reported else (),
        first_forecast=reported,
        package_feerate=None if rate is None else SatPerVb(rate),
    )


class Sea:
    """The world of one test: what it does, it shows at once on `live`; `past` answers as the store would."""

    def __init__(self, now: datetime | None = None, *, demo: bool = False) -> None:
        self.now = now or datetime.now(UTC)
        self.live = LiveSnapshot(
            Snapshot(
                version=0,
                made_at=self.now,
                started_at=self.now - timedelta(hours=3),
                demo=demo,
                level=Level.LIVE,
                level_since=self.now - timedelta(hours=2, minutes=41),
                components=healthy(self.now - timedelta(hours=2, minutes=41)),
                tip=Block(hash=BlockHash("00" * 32), height=Height(TIP)),
                tip_seen_at=self.now - timedelta(minutes=3),
                fees=FeesRecommended(
                    fastest=4.2,
                    half_hour=3.0,
                    hour=2.1,
                    economy=1.1,
                    minimum=0.3,
                    source=SourceName.MEMPOOL_WS,
                ),
                queue=blocks(),
                mempool=MempoolMeasured(
                    count=61_204,
                    vbytes=38_400_000,
                    usage_bytes=212_000_000,
                    limit_bytes=300_000_000,
                    minimum_feerate=SatPerVb(0.1),
                    loaded=True,
                    source=SourceName.MEMPOOL_REST,
                ),
                counters=Counters(
                    transactions=412_007,
                    blocks=17,
                    whales=96,
                    events=402,
                    replacements=7,
                    reorgs=1,
                    conflicts=2,
                    gaps=3,
                    reconnects=2,
                ),
                rss_mb=142.3,
                memory_limit_mb=500,
                database_bytes=48_300_000,
                loop_lag_ms=1.8,
            )
        )
        self.past = Past(self)
        self._sequence = 0

    @property
    def snapshot(self) -> Snapshot:
        return self.live.snapshot

    def show(self, **changes: Any) -> None:
        self.live.show(replace(self.snapshot, made_at=self.now, **changes))

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def appear(self, *whales: Prediction) -> None:
        pending = (*whales, *self.snapshot.pending)
        self.show(pending=tuple(sorted(pending, key=lambda one: one.detected_at, reverse=True)))
        for whale in whales:
            self._send(EventType.DETECTED, whale)

    def change(self, whale: Prediction, kind: EventType = EventType.UPDATED, **changes: Any) -> Prediction:
        changed = replace(
            self.find(whale), version=self.find(whale).version + 1, updated_at=self.now, **changes
        )
        self._put(changed)
        self._send(kind, changed)
        return changed

    def find(self, whale: Prediction) -> Prediction:
        return next(
            one
            for one in (*self.snapshot.pending, *self.snapshot.ended)
            if one.prediction_id == whale.prediction_id
        )

    def block(self, *whales: Prediction, height: int | None = None) -> None:
        """A block comes and holds these."""
        tip = height or (self.snapshot.tip.height if self.snapshot.tip else TIP) + 1
        self.show(tip=Block(hash=BlockHash(f"{tip:064x}"), height=Height(tip)), tip_seen_at=self.now)
        for whale in whales:
            first = self.find(whale).first_forecast
            due = None if first is None else first.predicted_block
            held = (
                Outcome.CENSORED
                if first is None
                else Outcome.ON_TIME
                if due is None or tip <= due
                else Outcome.LATE
            )
            self.change(
                whale,
                EventType.CONFIRMED,
                status=Status.CONFIRMED,
                confirmed_height=Height(tip),
                confirmed_hash=BlockHash(f"{tip:064x}"),
                confirmed_at=self.now,
                ended_at=self.now,
                outcome=held,
            )

    def bump(self, whale: Prediction, rate: float, ahead: int) -> Prediction:
        """Its sender pays more: another txid, the same whale."""
        was = self.find(whale)
        txid = txid_of(was.txid + "bumped")
        reported = a_forecast(rate, self.now, blocks_ahead=ahead, txid=txid)
        return self.change(
            whale,
            EventType.REPLACED,
            tx=replace(was.tx, txid=txid, fee=Sats(round(rate * 223))),
            package_feerate=SatPerVb(rate),
            replaces=(*was.replaces, was.txid),
            forecasts=(*was.forecasts, reported),
        )

    def revise(self, whale: Prediction, ahead: int) -> Prediction:
        was = self.find(whale)
        reported = a_forecast(was.package_feerate or 1.0, self.now, blocks_ahead=ahead, txid=was.txid)
        return self.change(whale, forecasts=(*was.forecasts, reported))

    def drop(self, whale: Prediction, reason: str) -> Prediction:
        return self.change(
            whale,
            EventType.DROPPED,
            status=Status.DROPPED,
            ended_at=self.now,
            reason=reason,
            outcome=Outcome.DROPPED,
        )

    def replaced(self, whale: Prediction, reason: str) -> Prediction:
        """Its id cannot go on."""
        return self.change(
            whale,
            EventType.REPLACED,
            status=Status.REPLACED,
            ended_at=self.now,
            reason=reason,
            replaced_by=txid_of(whale.txid + "winner"),
            outcome=Outcome.REPLACED,
        )

    def reorg(self, whale: Prediction) -> Prediction:
        return self.change(
            whale,
            EventType.REORGED,
            status=Status.PENDING,
            confirmed_height=None,
            confirmed_hash=None,
            confirmed_at=None,
            ended_at=None,
            outcome=Outcome.CENSORED,
            reorged=1,
        )

    def _put(self, changed: Prediction) -> None:
        others = [
            one
            for one in (*self.snapshot.pending, *self.snapshot.ended)
            if one.prediction_id != changed.prediction_id
        ]
        everyone = [changed, *others]
        waiting = [one for one in everyone if one.status is Status.PENDING]
        done = [one for one in everyone if one.status is not Status.PENDING]
        self.show(
            pending=tuple(sorted(waiting, key=lambda one: one.detected_at, reverse=True)),
            ended=tuple(sorted(done, key=lambda one: one.ended_at or self.now, reverse=True))[:500],
        )

    def _send(self, kind: EventType, whale: Prediction) -> None:
        self._sequence += 1
        self.past.events.append(
            Event(
                type=kind,
                id=f"e{self._sequence}",
                sequence=self._sequence,
                timestamp=self.now,
                body=signal_of(whale).body(),
                prediction_id=whale.prediction_id,
            )
        )


class Past:
    """A History held in memory: `older` are whales that the Snapshot no longer shows."""

    def __init__(self, sea: Sea) -> None:
        self._sea = sea
        self.older: list[Prediction] = []
        self.events: list[Event] = []
        self.asked = 0

    async def page(self, query: PredictionQuery) -> PredictionPage:
        self.asked += 1
        everyone = [*self._sea.snapshot.pending, *self._sea.snapshot.ended, *self.older]
        wanted = [
            one
            for one in sorted(everyone, key=lambda one: one.detected_at, reverse=True)
            if (query.status is None or one.status is query.status)
            and (query.start is None or one.detected_at >= query.start)
        ]
        start = int(query.cursor or 0)
        end = start + query.limit
        return PredictionPage(
            predictions=tuple(wanted[start:end]),
            total_count=len(wanted),
            next_cursor=str(end) if end < len(wanted) else None,
        )

    async def one(self, txid: str) -> Prediction | None:
        everyone = [*self._sea.snapshot.pending, *self._sea.snapshot.ended, *self.older]
        return next((one for one in everyone if txid in {one.txid, one.prediction_id, *one.replaces}), None)

    async def events_after(self, sequence: int, limit: int) -> tuple[Event, ...]:
        return tuple(event for event in self.events if event.sequence > sequence)[:limit]

    async def events_of(self, prediction_id: str) -> tuple[Event, ...]:
        return tuple(event for event in self.events if event.prediction_id == prediction_id)


def healthy(since: datetime) -> tuple[Component, ...]:
    ok = ComponentStatus.OK
    return (
        Component(
            name="mempool_ws", status=ok, since=since, latency_ms=38.0, required=True, detail="version 3.3.1"
        ),
        Component(name="mempool_rest", status=ok, since=since, latency_ms=12.4, required=True),
        Component(name="bitcoind", status=ok, since=since, latency_ms=4.1, detail="block 925,114"),
        Component(name="electrs", status=ok, since=since, latency_ms=9.0),
        Component(name="database", status=ok, since=since, latency_ms=2.2, required=True),
        Component(name="memory", status=ok, since=since, detail="142 of 500 MB"),
        Component(name="notifiers", status=ComponentStatus.OFF, since=since, detail="no endpoint yet"),
    )
