"""Where alerts go: an endpoint as it is answered, as it is given, as it is changed."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from app.api.models.given import btc, name
from app.api.models.kinds import (
    SAID,
    Answer,
    Btc,
    Count,
    FeeRate,
    Milliseconds,
    Moment,
    Request,
    Shape,
    Share,
    whole,
)
from app.api.models.written import bot_token, chat_id, http_host, mail_address, signing_secret
from app.core.alerts import template_faults
from app.core.classification import Flow
from app.core.events import EventType
from app.core.prediction import Urgency


class EndpointKind(StrEnum):
    WEBHOOK = "webhook"
    EMAIL = "email"
    TELEGRAM = "telegram"
    APPRISE = "apprise"
    HEARTBEAT = "heartbeat"


class Reach(StrEnum):
    """How far an endpoint's host may lie."""

    PUBLIC = "public"
    LAN = "lan"
    ONION = "onion"


class Security(StrEnum):
    """How the connection to a mail server is secured."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class Every(StrEnum):
    DAY = "day"
    WEEK = "week"


_TIME_OF_DAY = r"^([01]\d|2[0-3]):[0-5]\d$"
Port = Annotated[int, Field(strict=True, ge=1, le=65_535), BeforeValidator(whole)]
Hours = Literal[1, 6, 24]
_STAYS = "null: it stays as it is"
_NOT_CLEARED = "of its kind; null is refused"
_NOT_OF_IT = "of another kind, or its secret cannot be read any more"
_BOT_SERVER = "a Bot API server of one's own; null: Telegram's"
_TEMPLATE_WORDS = "the text of an alert; null: Spout's own words"


def no_switch(raw: object) -> object:
    """True is no number, though Python counts it as one."""
    if isinstance(raw, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic reports a ValueError in words
    return raw


def _time_of_day(text: str) -> str:
    if not re.fullmatch(_TIME_OF_DAY, text, re.ASCII):
        raise ValueError("must be a time of day from 00:00 to 23:59, like 22:00")
    return text


def _fillable(template: str) -> str:
    if faults := template_faults(template):
        raise ValueError(faults)
    return template


def _chat_text(raw: object) -> object:
    number = whole(raw)
    return str(number) if isinstance(number, int) and not isinstance(number, bool) else raw


_CHAT: dict[str, Any] = {
    "type": ["string", "integer"],
    "minimum": -(10**20) + 1,
    "maximum": 10**20 - 1,
    "pattern": "^(-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,})$",
    "maxLength": 200,
    "description": "its number, as a number or as text, or @ and a channel's name",
}
TimeOfDay = Annotated[
    str,
    AfterValidator(_time_of_day),
    WithJsonSchema({"type": "string", "pattern": _TIME_OF_DAY, "examples": ["22:00"]}),
]
EntityName = Annotated[str, Field(min_length=1, max_length=100), BeforeValidator(name)]
"""As labels name them; of blanks alone, or of what cannot be shown, there is none that it could find."""
Template = Annotated[str, AfterValidator(_fillable)]
"""A text of the operator's own that can be filled in."""
MailAddress = Annotated[str, AfterValidator(mail_address)]
ChatId = Annotated[
    str,
    BeforeValidator(_chat_text),
    AfterValidator(chat_id),
    WithJsonSchema({"type": "string"}, mode="serialization"),
    WithJsonSchema(_CHAT, mode="validation"),
]
WHERE: Mapping[EndpointKind, str] = {
    EndpointKind.WEBHOOK: "url",
    EndpointKind.HEARTBEAT: "url",
    EndpointKind.APPRISE: "url",
    EndpointKind.EMAIL: "email",
    EndpointKind.TELEGRAM: "telegram",
}
"""What says where an endpoint of each kind sends to; it has nothing of the others."""


class Rules(Request):
    """What is sent; an empty list means all, but for the quiet ones."""

    types: list[EventType] = Field(
        default_factory=list, max_length=50, description="empty: all but whale.updated and memory.pressure"
    )
    flow_types: list[Flow] = Field(default_factory=list, max_length=50, description="empty: all but internal")
    entities: list[EntityName] = Field(
        default_factory=list, max_length=200, description="names of senders or receivers; empty: all"
    )
    min_moved_btc: Annotated[Btc | None, BeforeValidator(btc)] = Field(
        default=None, description="BTC; null: every whale"
    )
    min_urgency: Urgency | None = Field(default=None, description="this or more urgent; null: any")
    confirmed_only: bool = Field(default=False, strict=True)


class QuietHours(Request):
    """In SPOUT_TIMEZONE; `to` before `from` means over midnight."""

    from_: TimeOfDay = Field(alias="from")
    to: TimeOfDay
    digest: bool = Field(
        default=True, strict=True, description="what was held back comes as one message at the end"
    )

    @field_validator("to")
    @classmethod
    def _lasts(cls, to: str, info: ValidationInfo) -> str:
        if to == info.data.get("from_"):
            raise ValueError("must be another time than from: the same would mean never")
        return to


class NetFlow(Request):
    """More than `btc` to or from exchanges, or one of them, within so many hours."""

    entity: EntityName | None = Field(default=None, description="null: all exchanges together")
    btc: Annotated[Btc, BeforeValidator(btc)]
    hours: Annotated[Hours, BeforeValidator(no_switch)] = Field(description="within so many hours")


class Report(Request):
    every: Every
    at: TimeOfDay = Field(description="in SPOUT_TIMEZONE")


class Watch(Request):
    """What is watched for this endpoint besides whales."""

    fee_under: FeeRate | None = Field(
        default=None, strict=True, ge=0, description="sat/vB, of the next block; null: not watched"
    )
    fee_over: FeeRate | None = Field(
        default=None, strict=True, ge=0, description="sat/vB, of the next block; null: not watched"
    )
    net_flow: list[NetFlow] = Field(default_factory=list, max_length=20)
    report: Report | None = Field(default=None, description="null: none")


class Email(Shape):
    """As it is answered: without the password."""

    host: str
    port: int
    security: Security
    username: str | None = Field(description="null: no login")
    from_: str = Field(alias="from")
    to: str


class NewEmail(Request):
    host: str = Field(min_length=1, max_length=253)
    port: Port
    security: Security = Security.STARTTLS
    username: str | None = Field(default=None, max_length=320, description="null: no login")
    password: str | None = Field(
        default=None, max_length=1_024, json_schema_extra={"writeOnly": True}, description="null: none"
    )
    from_: MailAddress = Field(alias="from", min_length=3, max_length=320)
    to: MailAddress = Field(min_length=3, max_length=320)


class Telegram(Shape):
    """As it is answered: without the token."""

    chat_id: str
    api_url: str | None = Field(description=_BOT_SERVER)


def _must_be_given(schema: dict[str, Any]) -> None:
    """It is None only so that its absence is said in the same words as a token that is none."""
    (kind,) = (one for one in schema.pop("anyOf") if one["type"] != "null")
    del schema["default"]
    schema |= {**kind, "writeOnly": True}


class NewTelegram(Request):
    model_config: ClassVar[ConfigDict] = ConfigDict(json_schema_extra={"required": ["token", "chat_id"]})

    token: Annotated[str | None, AfterValidator(bot_token)] = Field(
        default=None,
        min_length=1,
        max_length=200,
        json_schema_extra=_must_be_given,
        description="what BotFather gave",
        validate_default=True,
    )
    chat_id: ChatId = Field(max_length=200)
    api_url: str | None = Field(default=None, max_length=2_000, description=_BOT_SERVER)


class EndpointState(Shape):
    """How its deliveries fare."""

    last_success_at: Moment | None = Field(description="null: none is known")
    success_rate_24h: Share | None = Field(description="of attempts; null: none in that time")
    success_rate_7d: Share | None = Field(description="of attempts; null: none in that time")
    p95_ms: Milliseconds | None = Field(description="of what arrived within 24 h; null: nothing did")
    queued: Count
    next_attempt_at: Moment | None = Field(description="null: nothing waits, or it is disabled")
    disabled_because: str | None = Field(description="null while it is not disabled by Spout itself")


class EndpointSettings(Request):
    """What every kind has; what a request leaves out has its default."""

    reach: Reach = Reach.PUBLIC
    enabled: bool = Field(default=True, strict=True)
    muted_until: Moment | None = Field(
        default=None, description="UTC; what is muted is still recorded; null: not muted"
    )
    rules: Rules = Rules()
    quiet_hours: QuietHours | None = Field(default=None, description="null: none")
    budget_per_hour: Annotated[int | None, BeforeValidator(whole)] = Field(
        default=None, strict=True, ge=1, le=10_000, description="null: no limit"
    )
    one_thread: bool = Field(
        default=True, strict=True, description="one message a whale, edited or followed by one final"
    )
    template: str | None = Field(default=None, max_length=4_096, description=_TEMPLATE_WORDS)
    link: bool | None = Field(
        default=None, strict=True, description="link to the operator's explorer; null: unless reach is public"
    )
    degraded_after_s: Annotated[int, BeforeValidator(whole)] = Field(
        default=300, strict=True, ge=0, le=86_400, description="how long a source is down before it is told"
    )
    watch: Watch | None = Field(default=None, description="null: nothing")
    follows: list[Annotated[str, Field(max_length=80)]] = Field(
        default_factory=list, max_length=1_000, description="prediction ids whose whole life is told"
    )


class Endpoint(Answer, EndpointSettings):
    """As it is answered. Secrets go in and never come out."""

    model_config: ClassVar[ConfigDict] = SAID

    id: str
    name: str
    kind: EndpointKind
    url: str | None = Field(
        description="webhook, apprise, heartbeat; without what is secret in it; null: " + _NOT_OF_IT
    )
    email: Email | None = Field(description="null: " + _NOT_OF_IT)
    telegram: Telegram | None = Field(description="null: " + _NOT_OF_IT)
    every_minutes: int | None = Field(description="of a heartbeat; else null")
    state: EndpointState
    secret: str | None = Field(
        default=None, description="whsec_…: in the answer of POST and of rotate-secret, once; else null"
    )


class Endpoints(Answer):
    endpoints: list[Endpoint]
    total_count: Count


class NewEndpoint(EndpointSettings):
    """What POST takes."""

    name: str = Field(min_length=1, max_length=80)
    kind: EndpointKind
    template: Template | None = Field(default=None, max_length=4_096, description=_TEMPLATE_WORDS)
    url: str | None = Field(
        default=None,
        max_length=2_000,
        description="webhook and heartbeat: http(s); apprise: one target; null: of another kind",
        validate_default=True,
    )
    email: NewEmail | None = Field(default=None, validate_default=True, description="null: of another kind")
    telegram: NewTelegram | None = Field(
        default=None, validate_default=True, description="null: of another kind"
    )
    every_minutes: Annotated[int, BeforeValidator(whole)] = Field(
        default=5, strict=True, ge=1, le=1_440, description="of a heartbeat"
    )
    secret: Annotated[str | None, AfterValidator(signing_secret)] = Field(
        default=None,
        max_length=120,
        description="of a webhook: whsec_ and base64 of 24 to 64 bytes; null: one is made",
        json_schema_extra={"writeOnly": True},
    )

    @field_validator("every_minutes")
    @classmethod
    def _only_of_a_heartbeat(cls, given: int, info: ValidationInfo) -> int:
        kind = info.data.get("kind")
        if kind not in (None, EndpointKind.HEARTBEAT):
            raise ValueError(f"must not be given: an endpoint of kind {kind} has no every_minutes")
        return given

    @field_validator("url", "email", "telegram")
    @classmethod
    def _as_its_kind_needs(cls, given: object, info: ValidationInfo) -> object:
        """Also of what was left out, so that it is said beside all else that is wrong."""
        kind = info.data.get("kind")
        if kind is None:
            return given  # that is wrong itself
        if given is None and WHERE[kind] == info.field_name:
            raise ValueError(f"must be given: an endpoint of kind {kind} needs {info.field_name}")
        if given is not None and WHERE[kind] != info.field_name:
            raise ValueError(f"must not be given: an endpoint of kind {kind} has no {info.field_name}")
        if kind in {EndpointKind.WEBHOOK, EndpointKind.HEARTBEAT} and isinstance(given, str):
            http_host(given)
        return given


class EmailChange(Request):
    """What is not named stays; a password that is not named too."""

    host: str | None = Field(default=None, min_length=1, max_length=253, description=_STAYS)
    port: Port | None = Field(default=None, description=_STAYS)
    security: Security | None = Field(default=None, description=_STAYS)
    username: str | None = Field(
        default=None, max_length=320, description="null: no login any more, so no password either"
    )
    password: str | None = Field(
        default=None, max_length=1_024, json_schema_extra={"writeOnly": True}, description=_STAYS
    )
    from_: MailAddress | None = Field(
        default=None, alias="from", min_length=3, max_length=320, description=_STAYS
    )
    to: MailAddress | None = Field(default=None, min_length=3, max_length=320, description=_STAYS)


class TelegramChange(Request):
    token: Annotated[str, AfterValidator(bot_token)] | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        json_schema_extra={"writeOnly": True},
        description=_STAYS,
    )
    chat_id: ChatId | None = Field(default=None, max_length=200, description=_STAYS)
    api_url: str | None = Field(default=None, max_length=2_000, description=_BOT_SERVER)


def without_defaults(schema: dict[str, Any]) -> None:
    """In a change there are none: what is not named stays as it is."""
    for one in schema["properties"].values():
        one.pop("default", None)


class EndpointChange(EndpointSettings):
    """What PATCH takes: only the fields that are named change (`model_fields_set`)."""

    model_config: ClassVar[ConfigDict] = ConfigDict(json_schema_extra=without_defaults)

    name: str | None = Field(default=None, min_length=1, max_length=80, description=_STAYS)
    template: Template | None = Field(default=None, max_length=4_096, description=_TEMPLATE_WORDS)
    url: str | None = Field(default=None, max_length=2_000, description=_NOT_CLEARED)
    email: EmailChange | None = Field(default=None, description=_NOT_CLEARED)
    telegram: TelegramChange | None = Field(default=None, description=_NOT_CLEARED)
    every_minutes: Annotated[int | None, BeforeValidator(whole)] = Field(
        default=None, strict=True, ge=1, le=1_440, description="of a heartbeat; null: 5"
    )


class EndpointPreview(EndpointSettings):
    """`POST /api/v1/endpoints/preview`: an endpoint's settings, as they are being edited."""

    muted_until: Moment | None = Field(
        default=None,
        description="taken and ignored, as null is: a mute is no part of what rules would have sent",
    )
    kind: EndpointKind = EndpointKind.WEBHOOK


class SecretRotation(Request):
    overlap_seconds: Annotated[int, BeforeValidator(whole)] = Field(
        default=86_400,
        strict=True,
        ge=0,
        le=30 * 86_400,
        description="so long the old secret signs beside the new one",
    )
