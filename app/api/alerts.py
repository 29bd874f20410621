"""What rules would send, why an alert came or did not, and which hosts alerts have called."""

from collections.abc import Mapping
from typing import ClassVar

from app.api.base import ApiHandler
from app.api.keys import ADMIN
from app.api.models import CalledHost, CalledHosts, EndpointPreview, WhaleAlerts
from app.api.problems import Problem, starting
from app.core.access import Scope
from app.errors import StoreError


class PreviewHandler(ApiHandler):
    """Nothing of the body is kept, and nothing is sent."""

    SCOPES: ClassVar[Mapping[str, Scope]] = ADMIN

    async def post(self) -> None:
        draft = self.asked_body(EndpointPreview)
        try:
            found = await self.parts.open_endpoints().preview(draft)
        except StoreError as error:
            raise starting("The history of alerts") from error
        self.answer(found)


class WhaleAlertsHandler(ApiHandler):
    SCOPES: ClassVar[Mapping[str, Scope]] = ADMIN

    async def get(self, txid: str) -> None:
        try:
            found = await self.parts.open_endpoints().why(txid)
        except StoreError as error:
            if not self.parts.demo:
                raise starting("The history of alerts") from error
            found = await self._none_sent(txid)
        if found is None:
            raise Problem(404, "not_found", f"There is no prediction {txid[:100]}")
        self.answer(found)

    async def _none_sent(self, txid: str) -> WhaleAlerts | None:
        """The demo sends nothing."""
        whale = await self.parts.open_history().one(txid)
        if whale is None:
            return None
        return WhaleAlerts(prediction_id=whale.prediction_id, txid=whale.txid, endpoints=[])


class CalledHostsHandler(ApiHandler):
    SCOPES: ClassVar[Mapping[str, Scope]] = ADMIN

    async def get(self) -> None:
        found = await self.parts.open_endpoints().hosts()
        hosts = [CalledHost(host=host, used_for=used_for, first_at=at) for host, used_for, at in found]
        self.answer(CalledHosts(hosts=hosts, total_count=len(hosts)))
