"""The kinds of value that shapes are made of: units, ranges and null's meaning, as the schemas tell them.

Two manners. What Spout *says* is made by our own typed code, so a range of an answer is documented and
tested, not policed: a figure out of its range must not keep an alert from going out. What Spout *is told*
(app.api.models.reading) is checked to the letter.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from app.core.contract import iso

_DATE_AND_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?"
_WRITTEN = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|{_DATE_AND_TIME}([Zz]|[+-][0-9]{{2}}:[0-9]{{2}})?")
GIVEN_MOMENT: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "date"},
        {"type": "string", "pattern": f"^{_DATE_AND_TIME}$"},
    ],
}
"""The ways in which a moment may be given; without a zone it is UTC, a date is its first moment."""
_COMMON = ConfigDict(
    frozen=True,
    defer_build=True,
    validate_by_alias=True,
    serialize_by_alias=True,
    allow_inf_nan=False,
)
SAID = ConfigDict(**_COMMON, validate_by_name=True, extra="ignore")
REPORTED = ConfigDict(**_COMMON, validate_by_name=False, extra="forbid")


class Shape(BaseModel):
    """What Spout says. Frozen; built when it is first used, so that importing it is cheap.

    Within version 1 a shape may gain fields: whoever reads one leaves aside what they do not know.
    """

    model_config: ClassVar[ConfigDict] = SAID

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - pydantic's own
        """As it is sent."""
        return super().model_json_schema(*args, **{"mode": "serialization", **options})

    def body(self) -> dict[str, Any]:
        """As it is sent: JSON's own types, the names of the contract."""
        return self.model_dump(mode="json")

    def encoded(self) -> str:
        """`body` as JSON text, without the dictionary in between."""
        return self.model_dump_json(ensure_ascii=True)


class Request(BaseModel):
    """What Spout is told; a name it does not know is refused (`app.api.models.reading`)."""

    model_config: ClassVar[ConfigDict] = REPORTED

    def body(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


class Answer(Shape):
    """What a route answers with."""

    demo: bool = Field(default=False, description="true while the demo is played; else it may be absent")

    def body(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude=None if self.demo else {"demo"})

    def encoded(self) -> str:
        return self.model_dump_json(ensure_ascii=True, exclude=None if self.demo else {"demo"})


def is_written_moment(text: str) -> bool:
    """Whether it is one of the ways in which a moment may be given; Python reads many more of ISO 8601's."""
    return _WRITTEN.fullmatch(text) is not None


def _written(raw: Any) -> Any:  # noqa: ANN401 - whatever was given
    """Refuse what pydantic would read as seconds since 1970."""
    if isinstance(raw, datetime) or (isinstance(raw, str) and is_written_moment(raw)):
        return raw
    raise ValueError("must be a time in ISO 8601, such as 2026-11-22T12:00:00Z")


def _in_utc(moment: datetime) -> datetime:
    """Without a zone it is UTC."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time within the years 1 to 9999 in UTC") from None


def _said(**schema: Any) -> Any:  # noqa: ANN401 - what a JSON schema holds
    return Field(json_schema_extra=schema)


def keyed(keys: Iterable[object], value: dict[str, Any], words: str = "") -> WithJsonSchema:
    """Return the schema of an object that has exactly these keys."""
    properties = {str(key): value for key in keys}
    raw = {"description": words} if words else {}
    return WithJsonSchema({"type": "object", "properties": properties, "required": list(properties), **raw})


NUMBER_OR_NULL: dict[str, Any] = {"type": ["number", "null"]}
INTEGER_OR_NULL: dict[str, Any] = {"type": ["integer", "null"]}

Moment = Annotated[
    datetime,
    BeforeValidator(_written),
    AfterValidator(_in_utc),
    PlainSerializer(iso, when_used="json"),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "description": "ISO 8601, UTC"}, mode="serialization"
    ),
    WithJsonSchema({**GIVEN_MOMENT, "description": "ISO 8601; without a zone UTC"}, mode="validation"),
]
Day = Annotated[str, _said(format="date")]
Txid = Annotated[str, _said(pattern="^[0-9a-f]{64}$", description="display order")]
Sats = Annotated[int, _said(minimum=0, description="satoshi")]
Count = Annotated[int, _said(minimum=0)]
Height = Annotated[int, _said(minimum=0, description="block height")]
Share = Annotated[float, _said(minimum=0, maximum=1)]
FeeRate = Annotated[float, _said(minimum=0, description="sat/vB")]
Seconds = Annotated[float, _said(description="seconds")]
Milliseconds = Annotated[float, _said(minimum=0, description="milliseconds")]
AMOUNT = r"^[0-9]{1,8}(\.[0-9]{1,8})?$"
"""BTC as text."""
_BTC: dict[str, Any] = {
    "type": "number",
    "minimum": 0,
    "maximum": 21_000_000,
    "description": "BTC, at most 8 decimals",
}
Btc = Annotated[
    Decimal,
    PlainSerializer(float, when_used="json"),
    WithJsonSchema(_BTC, mode="serialization"),
    WithJsonSchema(_BTC | {"type": ["number", "string"], "pattern": AMOUNT}, mode="validation"),
]
"""Given as a number, or as text where a binary fraction is not trusted; answered as a number."""


def whole(raw: object) -> object:
    """JSON has one kind of number, so that 5.0 is 5; for fields that are strict otherwise."""
    return int(raw) if isinstance(raw, float) and raw.is_integer() else raw


class _Plain(GenerateJsonSchema):
    """Without a title for each field: it only says the name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002, ANN401 - pydantic calls it so
        return False


def schemas_of(shapes: Iterable[type[Shape | Request]], reference: str) -> dict[str, Any]:
    """Return the JSON Schemas by name; `reference` is how they name each other, with `{model}` in it."""
    _, raw = models_json_schema(
        [(shape, "serialization" if issubclass(shape, Shape) else "validation") for shape in shapes],
        ref_template=reference,
        schema_generator=_Plain,
    )
    found: dict[str, Any] = raw["$defs"]
    return found
