"""What the stream says between the events; its refusals are `Error`."""

from typing import Literal

from pydantic import Field

from app.api.models.kinds import Answer, Count, Moment, Shape
from app.core.access import Scope
from app.core.classification import Flow
from app.core.events import EventType
from app.core.prediction import Status, Urgency


class Authenticated(Answer):
    """The credential was good, or none is asked for."""

    type: Literal["authenticated"] = "authenticated"
    scope: Scope
    expires_at: Moment | None = Field(description="null: not by itself")


class FilterInForce(Shape):
    """As it was understood."""

    types: list[EventType] | None = Field(description="null: all")
    status: list[Status] | None = Field(description="null: all")
    flow_type: list[Flow] | None = Field(description="null: all")
    min_btc_value: str | None = Field(description="BTC, as decimal text; null: any amount")
    min_urgency: Urgency | None = Field(description="this or more urgent; null: any")
    entity: str | None = Field(description="a sender's or receiver's name; null: all")


class Subscribed(Answer):
    """The answer to `subscribe`; events follow."""

    type: Literal["subscribed"] = "subscribed"
    filter: FilterInForce
    after: Count | None = Field(description="null: from now on")
    last_sequence: Count = Field(description="of the latest event when it was asked")
    reset: bool = Field(description="nothing so new as `after` is stored: one hears what happens from now on")
