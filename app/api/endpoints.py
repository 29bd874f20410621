"""`/api/v1/endpoints`: the receivers of alerts. Secrets can be written but not read."""

from collections.abc import Mapping
from typing import ClassVar

from app.api.base import ApiHandler
from app.api.keys import ADMIN
from app.api.models import EndpointChange, Endpoints, NewEndpoint, NoQuery, SecretRotation
from app.api.problems import Problem
from app.core.access import Scope
from app.errors import EndpointError, TargetRefusedError

_TARGET = frozenset(("url", "email", "telegram", "reach"))
"""What says where alerts go: a change of it asks for the password again."""


class EndpointsHandler(ApiHandler):
    SCOPES: ClassVar[Mapping[str, Scope]] = ADMIN

    async def get(self) -> None:
        found = await self.parts.open_endpoints().listed()
        self.answer(Endpoints(endpoints=found, total_count=len(found)))

    async def post(self) -> None:
        new = self.asked_body(NewEndpoint)
        self.require_confirmed()
        endpoints = self.parts.open_endpoints()
        before = {one.id for one in await endpoints.listed()}
        try:
            made = await endpoints.add(new)
        except (EndpointError, TargetRefusedError) as error:
            raise _refused(error) from error
        for one in await endpoints.listed():
            if one.id not in before:  # an Apprise URL with several targets becomes as many
                await self.note(f"endpoint {one.name!r} added")
        self.answer(made, 201)


class EndpointHandler(ApiHandler):
    SCOPES: ClassVar[Mapping[str, Scope]] = ADMIN

    async def get(self, endpoint_id: str) -> None:
        found = await self.parts.open_endpoints().one(endpoint_id)
        if found is None:
            raise _unknown(endpoint_id)
        self.answer(found)

    async def patch(self, endpoint_id: str) -> None:
        change = self.asked_body(EndpointChange)
        if change.model_fields_set & _TARGET:
            self.require_confirmed()
        try:
            changed = await self.parts.open_endpoints().change(endpoint_id, change)
        except (EndpointError, TargetRefusedError) as error:
            raise _refused(error) from error
        if changed is None:
            raise _unknown(endpoint_id)
        named = ", ".join(sorted(name.rstrip("_") for name in change.model_fields_set))
        await self.note(f"endpoint {changed.name!r} changed: {named}")
        self.answer(changed)

    async def delete(self, endpoint_id: str) -> None:
        name = await self.parts.open_endpoints().remove(endpoint_id)
        if name is None:
            raise _unknown(endpoint_id)
        await self.note(f"endpoint {name!r} removed")
        self.set_status(204)
        await self.finish()


class EndpointTestHandler(ApiHandler):
    """Sends a test alert and waits for the reply: 15 s at most."""

    SCOPES: ClassVar[Mapping[str, Scope]] = ADMIN

    async def post(self, endpoint_id: str) -> None:
        self.asked_body(NoQuery)
        tested = await self.parts.open_endpoints().test(endpoint_id)
        if tested is None:
            raise _unknown(endpoint_id)
        self.answer(tested)


class NewEndpointTestHandler(ApiHandler):
    """Sends a test alert to an endpoint that is not stored."""

    SCOPES: ClassVar[Mapping[str, Scope]] = ADMIN

    async def post(self) -> None:
        new = self.asked_body(NewEndpoint)
        self.require_confirmed()  # it calls wherever the request says, as a saved one would
        try:
            tested = await self.parts.open_endpoints().test_new(new)
        except (EndpointError, TargetRefusedError) as error:
            raise _refused(error) from error
        self.answer(tested)


class SecretHandler(ApiHandler):
    SCOPES: ClassVar[Mapping[str, Scope]] = ADMIN

    async def post(self, endpoint_id: str) -> None:
        rotation = self.asked_body(SecretRotation)
        self.require_confirmed()
        try:
            rotated = await self.parts.open_endpoints().rotate(endpoint_id, rotation.overlap_seconds)
        except EndpointError as error:
            raise _refused(error) from error
        if rotated is None:
            raise _unknown(endpoint_id)
        await self.note(f"endpoint {rotated.name!r} has a new secret")
        self.answer(rotated)


def _refused(error: EndpointError | TargetRefusedError) -> Problem:
    return Problem(400, "bad_endpoint", str(error))


def _unknown(endpoint_id: str) -> Problem:
    return Problem(404, "not_found", f"There is no endpoint {endpoint_id[:100]}")
