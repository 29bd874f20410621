"""`POST /api/v1/tokens`: exchanges an API key for a short-lived JWT for the stream."""

from collections.abc import Mapping
from typing import ClassVar

from app.api.base import ApiHandler
from app.api.guard import Caller, identify
from app.api.models import Token, TokenRequest
from app.api.problems import Problem
from app.core.access import ApiKey, Scope


class TokensHandler(ApiHandler):
    """Accepts the key in a header, or as `{"key": ...}`, of any scope. A token cannot be exchanged."""

    SCOPES: ClassVar[Mapping[str, Scope]] = {"POST": Scope.READ}

    async def recognise_caller(self) -> Caller:
        key = self.asked_body(TokenRequest).key
        if key is not None and not {"X-API-Key", "Authorization"} & set(self.request.headers):
            self.request.headers["X-API-Key"] = key
        caller = await identify(self.request, self.parts)
        if caller.key_id is None or caller.expires_at is not None:
            raise Problem(401, "key_needed", "A token is given for an API key only")
        return caller

    async def post(self) -> None:
        key_id = self.caller.key_id or ""
        text, token = await self.parts.tokens.mint(
            ApiKey(id=key_id, name=self.caller.name, scope=self.caller.scope)
        )
        seconds = int((token.expires_at - self.parts.clock.now()).total_seconds())
        self.answer(
            Token(
                token=text,
                token_type="Bearer",  # noqa: S106 - the kind of token
                scope=Scope.READ,
                expires_in=seconds,
                expires_at=token.expires_at,
            )
        )
