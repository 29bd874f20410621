"""`POST /api/v1/tokens`: an API key in, a short-lived JWT for the stream out."""

from collections.abc import Mapping
from typing import ClassVar

from app.api.base import ApiHandler
from app.api.guard import Caller, identify
from app.api.problems import Problem
from app.api.query import refuse_unknown
from app.core.access import ApiKey, Scope
from app.core.contract import iso


class TokensHandler(ApiHandler):
    """The key comes as anywhere else, or as `{"key": ...}`; any scope may ask. A token gives no token."""

    SCOPES: ClassVar[Mapping[str, Scope]] = {"POST": Scope.READ}

    async def recognise_caller(self) -> Caller:
        body = self.json_body()
        refuse_unknown(body, ("key",))
        key = body.get("key")
        if key is not None:
            if not isinstance(key, str) or not key.isascii() or not key.isprintable():
                raise Problem(400, "bad_parameter", "key must be the text of an API key")
            if "X-API-Key" not in self.request.headers and "Authorization" not in self.request.headers:
                self.request.headers["X-API-Key"] = key
        caller = await identify(self.request, self.parts)
        if caller.key_id is None or caller.expires_at is not None:
            raise Problem(401, "key_needed", "A token is given for an API key only")
        return caller

    async def post(self) -> None:
        key_id = self.caller.key_id or ""
        text, token = self.parts.tokens.mint(
            ApiKey(id=key_id, name=self.caller.name, scope=self.caller.scope)
        )
        seconds = int((token.expires_at - self.parts.clock.now()).total_seconds())
        self.answer(
            {
                "token": text,
                "token_type": "Bearer",
                "scope": token.scope.value,
                "expires_in": seconds,
                "expires_at": iso(token.expires_at),
            }
        )
