"""`/api/v1/deliveries`: alerts sent, their attempts, and redelivery."""

from collections.abc import Mapping
from typing import ClassVar

from app.api.base import ApiHandler
from app.api.keys import ADMIN
from app.api.models import (
    DEFAULT_PAGE,
    DeliveryFilters,
    DeliveryPage,
    NoQuery,
    PageInfo,
    Redelivered,
    Redelivery,
)
from app.api.problems import Problem, bad_parameter, starting
from app.core.access import Scope
from app.core.contract import iso
from app.core.units import counted
from app.errors import ParseError, StoreError
from app.views import DeliveryQuery


class DeliveriesHandler(ApiHandler):
    QUERIES: ClassVar[frozenset[str]] = frozenset(("GET",))
    SCOPES: ClassVar[Mapping[str, Scope]] = ADMIN

    async def get(self) -> None:
        asked = self.asked_query(DeliveryFilters)
        query = DeliveryQuery(
            endpoint_id=asked.endpoint_id,
            status=asked.status.value if asked.status else None,
            since=asked.since,
            limit=asked.limit or DEFAULT_PAGE,
            cursor=asked.cursor,
        )
        try:
            page = await self.parts.open_endpoints().deliveries(query)
        except ParseError as error:
            raise bad_parameter("cursor", str(error)) from error
        except StoreError as error:
            if not self.parts.demo:
                raise starting("The outbox") from error
            page = _none(query.limit)
        self.answer(page)


class RedeliverHandler(ApiHandler):
    SCOPES: ClassVar[Mapping[str, Scope]] = ADMIN

    async def post(self, delivery_id: str) -> None:
        self.asked_body(NoQuery)
        try:
            again = await self.parts.open_endpoints().redeliver(delivery_id)
        except StoreError as error:
            if not self.parts.demo:
                raise starting("The outbox") from error
            again = None
        if again is None:
            words = f"There is no delivery {delivery_id[:100]}, or its endpoint was removed"
            raise Problem(404, "not_found", words)
        words, queued = again
        if queued:
            await self.note(f"{words} sent again ({delivery_id})")
        self.answer(Redelivered(queued=queued), 202)


class RedeliverSinceHandler(ApiHandler):
    SCOPES: ClassVar[Mapping[str, Scope]] = ADMIN

    async def post(self) -> None:
        given = self.asked_body(Redelivery)
        try:
            queued = await self.parts.open_endpoints().redeliver_since(given.endpoint_id, given.since)
        except StoreError as error:
            if not self.parts.demo:
                raise starting("The outbox") from error
            queued = 0
        found = await self.parts.open_endpoints().one(given.endpoint_id)
        if found is None and not queued:
            raise Problem(404, "not_found", f"There is no endpoint {given.endpoint_id[:100]}")
        named = repr(found.name) if found else f"{given.endpoint_id[:100]}, which is gone,"
        again = counted(queued, "delivery", "deliveries")
        await self.note(f"{again} of endpoint {named} sent again since {iso(given.since)}")
        self.answer(Redelivered(queued=queued), 202)


def _none(limit: int) -> DeliveryPage:
    """Return no deliveries: the demo sends nothing; the outbox belongs to the node's store."""
    return DeliveryPage(
        deliveries=[],
        total_count=0,
        page_info=PageInfo(limit=limit, has_next=False, next_cursor=None),
    )
