"""What was sent and why, from the outbox and the events; and sent again."""

from datetime import datetime

from app.api.models import DeliveryPage, EndpointKind, WhaleAlerts
from app.clock import Clock
from app.views import DeliveryQuery
from notifiers import states, why
from notifiers.event_log import EventLog
from notifiers.lanes import Lanes
from notifiers.outbox import Outbox
from notifiers.roster import Roster


class DeliveryHistory:
    def __init__(self, roster: Roster, lanes: Lanes, clock: Clock, *, outbox: Outbox, log: EventLog) -> None:
        self._roster = roster
        self._lanes = lanes
        self._clock = clock
        self._outbox = outbox
        self._log = log

    async def page(self, query: DeliveryQuery) -> DeliveryPage:
        """Return one page, newest first.

        Raises:
            ParseError: if the cursor is not one of ours.
        """
        next_at = self._lanes.next_attempts(self._clock.now())
        return await self._outbox.read(lambda connection: states.page(connection, query, next_at))

    async def redeliver(self, delivery_id: str) -> tuple[str, int] | None:
        """Send one again, in its old place; return what and where to, in words, and whether it waits anew.

        None if there is none, or its endpoint was removed; 0 for one that waits already.
        """
        await self._roster.reload()
        to = await self._outbox.endpoint_of(delivery_id)
        if to is None or (stored := self._roster.find(to)) is None:
            return None
        if (sequence := await self._outbox.without_body(delivery_id)) is not None:
            for event in await self._log.events_after(sequence - 1, 1):
                await self._outbox.keep_body(self._roster.router.routes.leaving(event))
        type_, queued = await self._outbox.redeliver(delivery_id)
        self._lanes.look_again(stored.id)
        return f"{type_} to {stored.name!r}", queued

    async def redeliver_since(self, endpoint_id: str, since: datetime) -> int:
        """Send all of an endpoint's again that were settled since a moment; count them.

        What it did not ask for it does not get so either, and none of it one that was removed.
        """
        await self._roster.reload()
        if self._roster.find(endpoint_id) is None:
            return 0
        counted = await self._outbox.requeue(
            "endpoint_id = ? AND created_at >= ? "
            "AND (because IS NULL OR because NOT IN ('rule', 'one_thread'))",
            [endpoint_id, since],
        )
        self._lanes.look_again(endpoint_id)
        return counted

    async def why(self, txid: str) -> WhaleAlerts | None:
        """Say of a whale what each endpoint was sent, or what held it back; None if there is none such."""
        await self._roster.reload()
        whale = await self._log.one(txid)
        if whale is None:
            return None
        events = await self._log.events_of(whale.prediction_id)
        next_at = self._lanes.next_attempts(self._clock.now())
        sent = await self._outbox.read(
            lambda connection: states.of_whale(connection, whale.prediction_id, next_at)
        )
        endpoints = [one for one in self._roster.endpoints if one.kind is not EndpointKind.HEARTBEAT]
        zone, now = self._roster.zone(), self._clock.now()
        return why.answer(whale, events, endpoints, sent, zone=zone, now=now)
