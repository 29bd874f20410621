"""Who may ask: API keys, and the short-lived tokens made of them; what was changed, by whom."""

from typing import Literal

from pydantic import Field

from app.api.models.given import GivenCursor, GivenLimit
from app.api.models.kinds import Answer, Count, Moment, Request, Shape
from app.api.models.whale import PageInfo
from app.core.access import Scope


class LoginForm(Request):
    """The login page's form, `POST /login`."""

    password: str = ""
    next: str = Field("/", description="the path to go on to; anything that leads elsewhere is `/`")


class Token(Answer):
    """`POST /api/v1/tokens`."""

    token: str = Field(description="a JWT")
    token_type: Literal["Bearer"]
    scope: Literal[Scope.READ]
    expires_in: Count = Field(description="seconds")
    expires_at: Moment


class Key(Shape):
    """An API key; the key itself is kept nowhere."""

    name: str
    scope: Scope
    created_at: Moment
    revoked_at: Moment | None = Field(description="null: it is good")


class Keys(Answer):
    keys: list[Key]
    total_count: Count


class MadeKey(Answer, Key):
    key: str = Field(description="shown once; only a hash of it is kept")


class NewKey(Request):
    """`POST /api/v1/keys`."""

    name: str = Field(min_length=1, max_length=60, description="what it is for; to know it by")
    scope: Scope


class NewPassword(Request):
    """`POST /api/v1/password`: ends all sessions and sockets, this one too."""

    old: str = Field(
        default="", json_schema_extra={"writeOnly": True}, description="empty: there is none yet"
    )
    new: str = Field(json_schema_extra={"writeOnly": True})


class Confirmation(Request):
    """`POST /api/v1/confirm`: the operator's password, again."""

    password: str = Field(json_schema_extra={"writeOnly": True})


class Confirmed(Answer):
    """Whether the password must be typed again before keys, password, backup or an endpoint's target."""

    needed: bool = Field(description="POST /api/v1/confirm comes first")
    has_password: bool
    may_change: bool = Field(description="false: it stands in the environment")


class AuditQuery(Request):
    """The query of `GET /api/v1/audit`."""

    limit: GivenLimit = None
    cursor: GivenCursor = Field(default=None, description="next_cursor of the page before")


class Change(Shape):
    """One line of the audit log."""

    at: Moment
    who: str = Field(description="key:…, session:…, or the command line")
    what: str = Field(description="in words, without secrets")


class Audit(Answer):
    changes: list[Change] = Field(description="newest first")
    total_count: Count
    page_info: PageInfo
