"""What rules would have sent, and what became of one whale's alerts."""

from pydantic import Field

from app.api.models.deliveries import Delivery
from app.api.models.kinds import Answer, Count, Moment, Shape, Txid
from app.core.events import EventType


class PreviewMessage(Shape):
    """As a person would read it."""

    at: Moment
    event_type: EventType
    title: str
    text: str
    html: str = Field(description="what Telegram and email are sent; everything but their marks is escaped")


class PreviewPeriod(Shape):
    days: Count
    alerts: Count = Field(description="messages that would have been sent, without edits")
    at_night: Count = Field(description="of these, between 22:00 and 07:00 in SPOUT_TIMEZONE")
    edits: Count
    held: dict[str, Count] = Field(description="events held back, by reason: muted, quiet, budget, rule, …")
    words: str = Field(examples=["14 alerts, 3 at night; the last: 412.5 BTC to Binance"])


class Preview(Answer):
    """What an endpoint of these rules would have sent; computed from the history by the same rules."""

    periods: list[PreviewPeriod] = Field(description="the last 7 and 30 days")
    last: PreviewMessage | None = Field(description="the last one; null: there would have been none")
    example: PreviewMessage | None = Field(
        description="where the last one is no whale, or there is none: the text of a made-up whale; else null"
    )
    template_faults: str | None = Field(
        description="what of the template is left as it stands since it cannot be filled in; null: nothing"
    )
    left_out: str | None = Field(
        description="what such settings watch that the history cannot tell, in words; null: nothing"
    )


class WhaleAlert(Shape):
    """What one endpoint was sent of a whale."""

    endpoint_id: str
    name: str
    sent_at: Moment | None = Field(description="when the first message arrived; null: none did")
    because: str | None = Field(description="what held the last event back; null: nothing")
    words: str = Field(description="the same for people")
    deliveries: list[Delivery] = Field(description="oldest first")


class WhaleAlerts(Answer):
    """`GET /api/v1/predictions/{txid}/alerts`."""

    prediction_id: str
    txid: Txid
    endpoints: list[WhaleAlert]


class CalledHost(Shape):
    host: str
    used_for: str = Field(examples=["alerts"])
    first_at: Moment


class CalledHosts(Answer):
    """`GET /api/v1/hosts`: every host that alerts have ever called; empty without an endpoint."""

    hosts: list[CalledHost]
    total_count: Count
