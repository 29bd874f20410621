"""What was sent: each delivery with its attempts."""

from enum import StrEnum

from pydantic import Field

from app.api.models.kinds import Answer, Count, Milliseconds, Moment, Request, Shape
from app.api.models.whale import PageInfo
from app.core.events import EventType


class DeliveryStatus(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


class Attempt(Shape):
    at: Moment
    status_code: int | None = Field(description="HTTP's; null: no answer, or no HTTP")
    ms: Milliseconds
    error: str | None = Field(description="in words; null: it went well")
    answer: str | None = Field(description="the beginning of what the other side answered; null: nothing")


class Delivery(Shape):
    """One event to one endpoint."""

    id: str
    endpoint_id: str
    event_id: str
    event_type: EventType
    sequence: Count
    status: DeliveryStatus
    because: str | None = Field(description="muted, quiet, budget, rule, restored, …; null: nothing held it")
    next_attempt_at: Moment | None = Field(
        description="of the first that waits at its endpoint; null: another is before it, or none is due"
    )
    attempts: list[Attempt] = Field(description="oldest first")


class DeliveryPage(Answer):
    """`GET /api/v1/deliveries`."""

    deliveries: list[Delivery] = Field(description="newest first")
    total_count: Count
    page_info: PageInfo


class EndpointTest(Answer):
    """What a test of an endpoint came to."""

    delivered: bool
    status_code: int | None = Field(description="HTTP's; null: no answer, or no HTTP")
    ms: Milliseconds | None = Field(description="null: nothing was sent")
    error: str | None = Field(description="in words; null: it was delivered")


class Redelivery(Request):
    """`POST /api/v1/deliveries/redeliver`: all of one endpoint since a moment."""

    endpoint_id: str = Field(min_length=1, max_length=80)
    since: Moment


class Redelivered(Answer):
    queued: Count = Field(description="deliveries that wait again")
