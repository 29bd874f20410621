"""`/api/v1/keys`: API keys; a new one stands in the answer once, a revoked one is refused from then on."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from app.api.base import ApiHandler
from app.api.models import Key, Keys, MadeKey, NewKey
from app.api.parts import ListedKey
from app.api.problems import Problem, bad_parameter
from app.core.access import KEY_NAME_WORDS, Scope, is_key_name
from app.errors import StoreError

ADMIN: Mapping[str, Scope] = dict.fromkeys(("GET", "HEAD", "POST", "PATCH", "DELETE"), Scope.ADMIN)


class KeysHandler(ApiHandler):
    SCOPES: ClassVar[Mapping[str, Scope]] = ADMIN

    async def get(self) -> None:
        found = [_shape(one) for one in await self.parts.open_keys().listed()]
        self.answer(Keys(keys=found, total_count=len(found)))

    async def post(self) -> None:
        new = self.asked_body(NewKey)
        self.require_confirmed()
        name, at = new.name.strip(), self.parts.clock.now().replace(microsecond=0)
        if not is_key_name(name):
            raise bad_parameter("name", KEY_NAME_WORDS)
        try:
            key = await self.parts.open_keys().create(name, new.scope, at)
        except StoreError as error:
            raise Problem(409, "taken", str(error)) from error
        await self.note(f"API key {name!r} made, scope {new.scope.value}")
        self.answer(MadeKey(name=name, scope=new.scope, created_at=at, revoked_at=None, key=key), 201)


class KeyHandler(ApiHandler):
    SCOPES: ClassVar[Mapping[str, Scope]] = ADMIN

    async def delete(self, name: str) -> None:
        self.require_confirmed()
        if not await self.parts.open_keys().revoke(name, self.parts.clock.now()):
            raise Problem(404, "not_found", f"No living key is named {name[:100]!r}")
        await self.note(f"API key {name!r} revoked")
        self.set_status(204)
        await self.finish()


def _shape(one: ListedKey) -> Key:
    revoked = datetime.fromisoformat(one.revoked_at) if one.revoked_at else None
    return Key(
        name=one.name,
        scope=one.scope,
        created_at=datetime.fromisoformat(one.created_at),
        revoked_at=revoked,
    )
