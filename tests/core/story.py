"""A tracker under test: observations in, events out, and what must always hold checked after each."""

from collections.abc import Sequence
from dataclasses import MISSING, fields, replace
from datetime import datetime, timedelta
from typing import Any

from app.core.events import EventType, Happening
from app.core.flow.classifier import classify, is_whale
from app.core.flow.entities import Entities
from app.core.models import Block, SourceName, Transaction
from app.core.observations import (
    BlockConnected,
    MempoolListed,
    Observation,
    ProjectedTransaction,
    StatusReply,
    TransactionLeft,
    TransactionReplaced,
    TransactionReply,
    TransactionSeen,
    Unanswered,
)
from app.core.prediction import Forecast, Outcome, Prediction, Status, Urgency
from app.core.questions import AFTER_NEXT_POLL_SECONDS, AskStatus, Question
from app.core.tracking.beliefs import Consequences, WhalePolicy
from app.core.tracking.chain import down_from_the_tip
from app.core.tracking.forecast_source import ForecastSource
from app.core.tracking.tracker import Tracker
from app.core.tracking.whales import Bounds, Unloaded
from app.core.units import BlockHash, Height, SatPerVb, Sats, Txid
from tests.builders import START_HEIGHT, a_block
from tests.fakes import NOON, NoForecasts

WS, REST = SourceName.MEMPOOL_WS, SourceName.MEMPOOL_REST
THRESHOLD = Sats(100 * 100_000_000)


def a_whale_policy(
    entities: Entities | None = None,
    forecast_source: ForecastSource | None = None,
    threshold: Sats = THRESHOLD,
) -> WhalePolicy:
    known = entities or Entities()
    return WhalePolicy(
        threshold=threshold,
        classify=lambda tx, peels: classify(tx, known, peels),
        is_whale=is_whale,
        forecast_source=forecast_source or NoForecasts(),
    )


class Story:
    """Tells a tracker, one second after the other; `events` holds all that came of it."""

    def __init__(
        self,
        *,
        entities: Entities | None = None,
        forecast_source: ForecastSource | None = None,
        bounds: Bounds | None = None,
        threshold: Sats = THRESHOLD,
    ) -> None:
        self._policy = a_whale_policy(entities, forecast_source, threshold)
        self._bounds = bounds
        self.tracker = Tracker(self._policy, bounds)
        self.at = NOON
        self.events: list[Happening] = []
        self.kept: dict[str, Prediction] = {}
        self.questions: list[Question] = []
        """Of the latest observation."""
        self.blocks: list[Block] = []
        self.unread: dict[BlockHash, Block] = {}

    @property
    def types(self) -> list[str]:
        return [event.type.value.removeprefix("whale.") for event in self.events]

    @property
    def only(self) -> Prediction:
        """The one prediction there is."""
        (found,) = self.kept.values()
        return found

    def of(self, tx: Transaction) -> Prediction:
        """The prediction whose transaction this is now."""
        (found,) = [one for one in self.kept.values() if one.txid == tx.txid]
        return found

    def receive(self, *observations: Observation) -> list[str]:
        """Return the types of what came of these."""
        before = len(self.events)
        self.questions = []
        for observation in observations:
            self.at += timedelta(seconds=1)
            self._take(self.tracker.handle(observation, self.at))
        return self.types[before:]

    @property
    def unloaded(self) -> list[Prediction]:
        """Those that wait in the store alone."""
        inside = self.tracker.whales
        waiting = [one for one in self.kept.values() if one.status is Status.PENDING]
        return [one for one in waiting if inside.by_id(one.prediction_id) is None]

    def restart(self) -> None:
        """What is kept outlives the tracker; nothing else does."""
        outside = {one.prediction_id: one for one in self.unloaded}
        unloaded = {
            txid: Unloaded(one.prediction_id, one.txid, one.detected_at)
            for one in outside.values()
            for txid in (*one.replaces, one.txid)
        }
        tracker = Tracker(self._policy, self._bounds)
        chain = down_from_the_tip(self.blocks, len(self.blocks))
        unread = tuple(block for block in chain if block.hash in self.unread)
        inside = tuple(one for key, one in self.kept.items() if key not in outside)
        tracker.restore(inside, chain, unread, unloaded)
        self.tracker = tracker
        self.questions = []

    def start(self) -> None:
        self.receive(BlockConnected(block=a_block(0), source=WS))

    def seen(self, *txs: Transaction, late: bool = False, source: SourceName = WS) -> list[str]:
        return self.receive(*(TransactionSeen(tx=tx, source=source, late=late) for tx in txs))

    def projected(self, tx: Transaction, feerate: float | None = None) -> list[str]:
        """A line of a projected block names it: without its inputs and outputs."""
        line = ProjectedTransaction(
            txid=tx.txid,
            value=tx.gross,
            fee=tx.fee,
            vsize=tx.vsize,
            package_feerate=None if feerate is None else SatPerVb(feerate),
            source=WS,
        )
        return self.receive(line)

    def published(self, tx: Transaction, block: Block | None = None, source: SourceName = REST) -> list[str]:
        return self.receive(
            TransactionReply(
                tx=tx,
                block_hash=block.hash if block else None,
                height=block.height if block else None,
                source=source,
            )
        )

    def left(self, *txs: Transaction, source: SourceName = WS) -> list[str]:
        return self.receive(TransactionLeft(txids=tuple(tx.txid for tx in txs), source=source))

    def replaced(
        self, *victims: Transaction, by: Transaction, mined: bool = False, source: SourceName = WS
    ) -> list[str]:
        txids = tuple(victim.txid for victim in victims)
        return self.receive(TransactionReplaced(victims=txids, by=by, mined=mined, source=source))

    def connected(self, *blocks: Block) -> list[str]:
        return self.receive(*(BlockConnected(block=block, source=WS) for block in blocks))

    def gone(self, tx: Transaction, replaced_by: Txid | None = None) -> list[str]:
        """Nowhere, and nowhere still when it is asked about once more."""
        published = _status(tx.txid, replaced_by=replaced_by)
        types = self.receive(published)
        if AskStatus(tx.txid, in_seconds=AFTER_NEXT_POLL_SECONDS) in self.questions:
            self.at += timedelta(seconds=2)
            types += self.receive(published)
        return types

    def lacks(self, source: SourceName, tx: Transaction, *, by: Transaction | None = None) -> list[str]:
        """This source has it nowhere, and names what replaced it, if anything."""
        named = by.txid if by else None
        return self.receive(replace(_status(tx.txid, replaced_by=named), source=source))

    def waits(
        self, tx: Transaction, seconds_ago: float | None = None, *, source: SourceName = REST
    ) -> list[str]:
        """It is in the mempool, as of the moment it is told less `seconds_ago`; None: not said since when."""
        published = replace(_status(tx.txid, in_mempool=True), source=source)
        if seconds_ago is not None:
            published = replace(published, as_of=self.at + timedelta(seconds=1 - seconds_ago))
        return self.receive(published)

    def is_in(self, tx: Transaction, block: Block) -> list[str]:
        return self.receive(_status(tx.txid, block=block))

    def listed(self, *txs: Transaction, seconds_ago: float = 0, source: SourceName = REST) -> list[str]:
        """A whole listing, true as of the moment it is told less `seconds_ago`."""
        as_of = self.at + timedelta(seconds=1 - seconds_ago)
        txids = frozenset(tx.txid for tx in txs)
        return self.receive(MempoolListed(txids=txids, as_of=as_of, source=source))

    def unanswered(self, *questions: Question) -> list[str]:
        return self.receive(*(Unanswered(question=one, reason="nobody there") for one in questions))

    def _take(self, drawn: Consequences) -> None:
        self.events += drawn.happenings
        self.blocks += drawn.blocks
        self.unread |= {block.hash: block for block in drawn.blocks}
        for read in drawn.read:
            self.unread.pop(read, None)
        self.questions += [one for one in drawn.questions if one not in self.questions]
        for one in drawn.predictions.values():
            self._check_times(one)
        for event in drawn.happenings:
            assert event.prediction is not None
            assert event.at == self.at
            check_prediction(event.prediction)
            self._check_follows(event)
        for one in drawn.predictions.values():
            check_prediction(one)
            self.kept[one.prediction_id] = one
        for question in drawn.questions:
            check_question(question)
        check_whales(self.tracker)

    def _check_times(self, whale: Prediction) -> None:
        """A new version bears the time of what brought it about, and so does what was foretold with it."""
        before = self.kept.get(whale.prediction_id)
        if before is None:
            assert whale.detected_at <= self.at
            return
        if whale.version > before.version:
            assert whale.updated_at == self.at
        for forecast in whale.forecasts[len(before.forecasts) :]:
            assert forecast.made_at == self.at

    def _check_follows(self, event: Happening) -> None:
        whale = event.prediction
        assert whale is not None
        before = self.kept.get(whale.prediction_id)
        if before is None:
            assert event.type is EventType.DETECTED, f"{event.type} of nothing that was announced"
        else:
            assert event.type is not EventType.DETECTED, "announced twice"
            assert whale.version > before.version
            assert whale.detected_at == before.detected_at
            assert whale.first_seen_by is before.first_seen_by
        self.kept[whale.prediction_id] = whale


def check_prediction(whale: Prediction) -> None:
    """What is true of any prediction at any time."""
    confirmed = whale.status is Status.CONFIRMED
    assert (whale.confirmed_hash is not None) == (whale.confirmed_height is not None) == confirmed
    assert (whale.ended_at is None) == (whale.status is Status.PENDING)
    assert (whale.replaced_by is not None) == (whale.status is Status.REPLACED)
    assert whale.txid not in whale.replaces
    assert len(set(whale.replaces)) == len(whale.replaces)
    assert whale.txid not in whale.conflicts_with
    assert not (whale.left_unverified and whale.status is not Status.PENDING)
    if whale.status is Status.PENDING:
        assert whale.outcome is (Outcome.CENSORED if whale.overdue_since is None else Outcome.LATE)
    else:
        assert whale.outcome is not Outcome.CENSORED
    if whale.lead_time_seconds is not None:
        assert whale.lead_time_seconds >= 0


def check_question(question: Question) -> None:
    """It names what it asks for."""
    for field in fields(question):
        if field.default is MISSING:
            assert getattr(question, field.name) is not None, f"{question} leaves open what it asks for"


def check_whales(tracker: Tracker) -> None:
    """Every index of the live set agrees with the set."""
    whales, seen = tracker.whales, set()
    for whale in (*whales.pending(), *whales.ended()):
        assert whale.txid not in seen, "two predictions of one transaction"
        seen.add(whale.txid)
        assert whales.current(whale.txid) == whale
        assert all(whales.find(txid) is not None for txid in whale.replaces)
    for whale in whales.pending():
        if whale.tx.outpoints:
            assert whale in whales.spenders(whale.tx.outpoints)
    for whale in whales.ended():
        if whale.confirmed_hash is not None:
            assert whale in whales.in_block(whale.confirmed_hash)


def forecasting(block: int | None = 3) -> ForecastSource:
    """Foretells the same number of blocks for all."""
    return _Fixed(block)


class _Fixed:
    spiking = False

    def __init__(self, blocks: int | None) -> None:
        self.blocks = blocks

    def moved(self, _at: datetime) -> bool:
        return True

    def mark_published(self, _at: datetime) -> None:
        pass

    def forecast(self, whales: Sequence[Prediction], at: datetime) -> Sequence[Forecast | None]:
        return [
            Forecast(
                made_at=at,
                at_height=Height(START_HEIGHT),
                txid=whale.txid,
                feerate=SatPerVb(10.0),
                probabilities=(0.5, 0.6, 0.8, 0.9, 0.95, 0.99, 1.0),
                p_dropped=0.0,
                predicted_block=None if self.blocks is None else Height(START_HEIGHT + self.blocks),
                eta_seconds=1_800,
                confidence_score=0.8,
                urgency_score=0.5,
                urgency=Urgency.MEDIUM,
                inputs="projected_blocks",
            )
            for whale in whales
        ]


def _status(
    txid: Txid, *, block: Block | None = None, in_mempool: bool = False, replaced_by: Txid | None = None
) -> StatusReply:
    return StatusReply(
        txid=txid,
        block_hash=block.hash if block else None,
        height=block.height if block else None,
        in_mempool=in_mempool,
        source=REST,
        replaced_by=replaced_by,
    )


def a_forecast(txid: Txid, **changes: Any) -> Forecast:
    """Of the market, for three blocks."""
    made = Forecast(
        made_at=NOON,
        at_height=Height(START_HEIGHT),
        txid=txid,
        feerate=SatPerVb(10.0),
        probabilities=(0.5, 0.6, 0.8, 0.9, 0.95, 0.99, 1.0),
        p_dropped=0.0,
        predicted_block=Height(START_HEIGHT + 3),
        eta_seconds=1_800,
        confidence_score=0.8,
        urgency_score=0.5,
        urgency=Urgency.MEDIUM,
        inputs="projected_blocks",
    )
    return replace(made, **changes)
