"""Sends what the outbox holds: one lane an endpoint, one delivery at a time, in order.

The bus is the bell: it says that something may be waiting; what it is stands in the outbox alone.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from app.clock import Clock
from app.core.alerts import REFUSED_AFTER, EndpointProgress, Result, after_attempt, shifted
from app.errors import StoreError
from notifiers.attempts import Attempted
from notifiers.directory import Stored
from notifiers.model import AttemptOutcome, Message, Target
from notifiers.outbox import Outbox
from notifiers.pace import Pace, pace_of
from notifiers.waiting import WaitingDelivery

UNRECORDED: Final = 16
"""Sent and not yet recorded, at most, by one lane: what a kill can send twice."""
STORE_AGAIN_SECONDS: Final = 5.0
NOT_WRITTEN: Final = "its text cannot be written: the log says why"
CLOCK_STEP: Final = timedelta(minutes=1)
"""A wall clock that parts from the running one by more was set."""
_log = structlog.get_logger(__name__)

Compose = Callable[[Stored, WaitingDelivery], Message]
Send = Callable[[Target, Message], Awaitable[AttemptOutcome]]


class Lane:
    """One endpoint's queue. `ring` when something may wait; `change` when the endpoint itself changed."""

    def __init__(
        self,
        stored: Stored,
        *,
        outbox: Outbox,
        send: Send,
        compose: Compose,
        disable: Callable[[str, str], Awaitable[None]],
        migrate: Callable[[str, str], Awaitable[None]],
        clock: Clock,
        jitter: Callable[[], float],
        progress: EndpointProgress | None = None,
    ) -> None:
        self.stored = stored
        self._progress = progress or EndpointProgress()
        self._outbox = outbox
        self._send = send
        self._compose = compose
        self._disable = disable
        self._migrate = migrate
        self._clock = clock
        self._jitter = jitter
        self._bell = asyncio.Event()
        self._changed = False
        self._paused = False
        self._retired = False
        self._pace: Pace = pace_of(stored.target)
        self._clocks = (clock.now(), clock.monotonic())
        self._unrecorded: list[tuple[Attempted, asyncio.Future[None]]] = []
        self._refused: list[Attempted] = []
        """Made, and refused by the store: kept before anything else is sent."""
        self._messages: dict[str, int] = {}
        """Of whales, those sent since the outbox was read."""

    @property
    def progress(self) -> EndpointProgress:
        """How it fares, by the clock as it is now: one that was set moves no attempt."""
        wall, running = self._clock.now(), self._clock.monotonic()
        step = (wall - self._clocks[0]) - timedelta(seconds=running - self._clocks[1])
        if abs(step) > CLOCK_STEP:
            self._progress = shifted(self._progress, step)
        self._clocks = (wall, running)
        return self._progress

    @progress.setter
    def progress(self, progress: EndpointProgress) -> None:
        self._progress = progress

    def ring(self) -> None:
        self._bell.set()

    def change(self, stored: Stored | None = None) -> None:
        """Look again from the start: another endpoint, an older delivery, a schedule that begins anew."""
        if stored is not None:
            self.stored = stored
            pace = pace_of(stored.target)
            if pace.limits != self._pace.limits:
                self._pace = pace
        self._changed = True
        self._bell.set()

    def retire(self) -> None:
        """Send nothing more: what is being sent is kept first, for the receiver may have it."""
        self._retired = True
        self.change(replace(self.stored, enabled=False))

    def take_up(self) -> Stored:
        """Return the endpoint as it is now; what changes from here on ends a rest."""
        self._changed = False
        return self.stored

    async def rest(self, seconds: float) -> bool:
        """Wait; False if the endpoint changed since `take_up`."""
        return await self._until(seconds)

    async def run(self) -> None:
        """Until it is cancelled or retired."""
        while not self._retired:
            self._bell.clear()
            self._changed = False
            try:
                again = await self._drain()
            except StoreError as error:
                _log.warning("deliveries cannot be kept", endpoint=self.stored.name, error=str(error))
                await self._clock.sleep(STORE_AGAIN_SECONDS)
                continue
            if not again and not self._retired:
                await self._bell.wait()

    async def _drain(self) -> bool:
        """Send what waits; False once nothing more does, but for what the bell says meanwhile."""
        await self._keep_refused()
        if not self.stored.active:
            return False
        self._paused = False
        self._messages.clear()
        queue = await self._outbox.waiting(self.stored.id, threaded=self.stored.edits)
        whole = True
        for delivery in queue.deliveries:
            whole = await self._deliver(delivery)
            if not whole:
                break
        await self._settle()
        # A bell that rang during a pause was not listened to.
        return self.stored.active and (not whole or self._paused or queue.more)

    async def _deliver(self, delivery: WaitingDelivery) -> bool:
        """Try the head of the queue once; False if the queue is to be looked at anew."""
        if not await self._until(self._due()) or self.stored.target is None:
            return False
        self._pace.took(self._clock.monotonic())
        if (sent := self._messages.get(delivery.prediction_id or "")) is not None:
            delivery = replace(delivery, message_id=sent)
        target = self.stored.target
        outcome = await self._attempt(target, delivery)
        is_left = not outcome.delivered and self._leads_elsewhere(target)
        if is_left:  # what the place it led to says holds for that place
            outcome = replace(
                outcome, permanent=outcome.final, gone=False, migrated_to=None, retry_after_s=None
            )
        if self.stored.edits and outcome.message_id is not None and delivery.prediction_id is not None:
            self._messages[delivery.prediction_id] = outcome.message_id
        at = self._clock.now()
        before, permanent = self.progress, outcome.permanent and outcome.migrated_to is None
        refusals = delivery.refusals + permanent
        verdict = after_attempt(
            before,
            at=at,
            tries=REFUSED_AFTER if outcome.final else refusals,
            jitter=self._jitter(),
            delivered=outcome.delivered,
            permanent=permanent,
            gone=outcome.gone,
            moved=outcome.migrated_to is not None,
            retry_after_s=outcome.retry_after_s,
        )
        if is_left:
            verdict = replace(verdict, progress=EndpointProgress(), disable=None)
        attempted = Attempted(
            endpoint_id=self.stored.id,
            delivery=delivery.id,
            at=at,
            outcome=outcome,
            result=verdict.result,
            because=verdict.because,
            progress=verdict.progress,
            prediction_id=delivery.prediction_id if self.stored.edits else None,
            refusals=refusals,
            progressed=is_left or verdict.progress != before,
        )
        self.progress = verdict.progress
        self._unrecorded.append((attempted, self._outbox.record(attempted)))
        if verdict.result is Result.DELIVERED and len(self._unrecorded) < UNRECORDED:
            return not self._changed
        await self._settle()
        await self._follow(outcome, verdict.disable)
        return verdict.result is not Result.WAITING and self.stored.active and not self._changed

    def _leads_elsewhere(self, target: Target) -> bool:
        """Whether the endpoint was given another place than `target` meanwhile."""
        return self.stored.target is not None and not self.stored.target.is_same_place(target)

    async def _attempt(self, target: Target, delivery: WaitingDelivery) -> AttemptOutcome:
        try:
            message = self._compose(self.stored, delivery)
        except Exception:  # noqa: BLE001 - what cannot be written is one delivery's misfortune, and no other's
            _log.exception(
                "a message cannot be written", endpoint=target.name, event_type=delivery.event_type
            )
            return AttemptOutcome(delivered=False, ms=0.0, permanent=True, final=True, error=NOT_WRITTEN)
        return await self._send(target, message)

    async def _follow(self, outcome: AttemptOutcome, disable: str | None) -> None:
        if outcome.migrated_to is not None:
            await self._migrate(self.stored.id, outcome.migrated_to)
        if disable is not None:
            await self.give_up(disable)

    async def give_up(self, because: str) -> None:
        """Disable the endpoint, and tell the operator through the others.

        Raises:
            StoreError: if that cannot be kept; it is enabled still.
        """
        before = self.stored
        self.stored = given_up = replace(before, enabled=False, disabled_because=because)
        try:
            await self._disable(self.stored.id, because)
        except StoreError:
            if self.stored is given_up:  # it stands as enabled: it is tried again, and given up then
                self.stored = before
            raise

    async def _settle(self) -> None:
        """Wait until every attempt is kept: only then is the queue read again.

        Raises:
            StoreError: if one could not be kept; `_keep_refused` tries it again.
        """
        unrecorded, self._unrecorded = self._unrecorded, []
        failed: StoreError | None = None
        for attempted, kept in unrecorded:
            try:
                await kept
            except StoreError as error:
                self._refused.append(self._as_of_now(attempted))
                failed = error
        if failed is not None:
            raise failed

    def _as_of_now(self, attempted: Attempted) -> Attempted:
        """It may be kept after attempts that followed it: with what endpoint and message are by now."""
        sent = self._messages.get(attempted.prediction_id or "", attempted.outcome.message_id)
        outcome = replace(attempted.outcome, message_id=sent)
        return replace(attempted, outcome=outcome, progress=self.progress, progressed=True)

    async def _keep_refused(self) -> None:
        """What was sent while the store refused it must be kept first, or it would be sent again."""
        refused, self._refused = self._refused, []
        self._unrecorded += [(one, self._outbox.record(one, again=True)) for one in refused]
        await self._settle()

    def _due(self) -> float:
        """Seconds until the head may be tried."""
        next_at = self.progress.next_attempt_at
        scheduled = (next_at - self._clock.now()).total_seconds() if next_at else 0.0
        return max(scheduled, self._pace.wait(self._clock.monotonic()), 0.0)

    async def _until(self, seconds: float) -> bool:
        """Wait; False if the endpoint changed meanwhile."""
        if seconds > 0:
            await self._settle()
        ends = self._clock.monotonic() + seconds
        while not self._changed and (left := ends - self._clock.monotonic()) > 0:
            await self._wait(left)
        return not self._changed

    async def _wait(self, seconds: float) -> None:
        self._paused = True
        self._bell.clear()
        if self._changed:
            return
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        ringing = asyncio.ensure_future(self._bell.wait())
        try:
            await asyncio.wait({sleeping, ringing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            ringing.cancel()


def is_late(progress: EndpointProgress, now: datetime) -> bool:
    """Whether an endpoint has been failing for so long that the operator should look."""
    return progress.failing_since is not None and now - progress.failing_since > timedelta(minutes=5)
