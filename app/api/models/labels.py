"""The operator's own labels."""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field, SkipValidation, WithJsonSchema

from app.api.models.given import MOST, GivenCursor, GivenName, whole_number
from app.api.models.kinds import Answer, Count, Day, Request, Shape
from app.api.models.whale import PageInfo
from app.core.flow import KINDS
from app.views import LabelQuery

MOST_AT_ONCE = 5_000


class Label(Shape):
    script: str = Field(description="hex")
    address: str = Field(description="an address of any network, or a script in hex")
    entity: str = Field(description="whose it is")
    group: str = Field(description="entities of one group are one actor")
    kind: str = Field(json_schema_extra={"enum": [*KINDS]})
    basis: str = Field(description="whose word it is")
    created_at: Day
    private: bool = Field(description="alerts, MQTT and widgets say own label in its place")


def _text(raw: object) -> object:
    if raw is not None and not isinstance(raw, str):
        raise ValueError("must be text")
    return raw


def _switch(raw: object) -> object:
    if raw in (None, True, False):
        return raw
    if raw not in ("true", "false"):
        raise ValueError("must be true or false")
    return raw == "true"


_Text = Annotated[str | None, BeforeValidator(_text)]


def _must_be_text(schema: dict[str, Any]) -> None:
    """What is required is None only until app.core.flow says, beside all else, that it is missing."""
    del schema["anyOf"], schema["default"]
    schema |= {"type": "string", "minLength": 1}


class NewLabel(Request):
    """A name that is known already brings its group and kind."""

    model_config: ClassVar[ConfigDict] = ConfigDict(json_schema_extra={"required": ["address", "entity"]})

    address: _Text = Field(
        default=None,
        json_schema_extra=_must_be_text,
        description="an address of any network, or a script in hex",
    )
    entity: _Text = Field(default=None, json_schema_extra=_must_be_text, description="whose it is")
    group: _Text = Field(
        default=None, description="entities of one group are one actor; null: the known one's, else its own"
    )
    kind: _Text = Field(
        default=None,
        json_schema_extra={"enum": [*KINDS, "", None]},
        description="null or empty: the known one's, else other",
    )
    basis: _Text = Field(default=None, description="whose word it is; null: own label")
    created_at: _Text = Field(
        default=None,
        json_schema_extra={"pattern": r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"},
        description="ISO date; null or empty: today",
    )
    private: bool = Field(
        default=False, strict=True, description="alerts, MQTT and widgets shall say own label in its place"
    )


def _list_of_labels(raw: object) -> object:
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_AT_ONCE:
        raise ValueError(f"must be a list of 1 to {MOST_AT_ONCE} labels")
    return raw


class NewLabels(Request):
    """Many at once; each is read where its place can be said: `labels[7]: …`."""

    labels: Annotated[
        list[SkipValidation[NewLabel]],
        BeforeValidator(_list_of_labels),
        Field(min_length=1, max_length=MOST_AT_ONCE),
    ]


class LabelFilters(Request):
    """The query of `GET /api/v1/labels`."""

    search: GivenName = Field(
        default=None, description="text of the name or of the address, in any case of letters"
    )
    limit: Annotated[
        int | None,
        BeforeValidator(whole_number(1, MOST)),
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST, "default": MOST}),
    ] = None
    cursor: GivenCursor = Field(default=None, description="next_cursor of the page before")

    def query(self) -> LabelQuery:
        return LabelQuery(search=self.search, limit=self.limit or MOST, cursor=self.cursor)


class Labels(Answer):
    """By name and address: one page of them, or those that were added."""

    labels: list[Label]
    total_count: Count = Field(description="of all pages")
    page_info: PageInfo | None = Field(default=None, description="null where labels were added")


class ImportQuery(Request):
    """The query of `POST /api/v1/labels/import`; the body is the file."""

    private: Annotated[bool | None, BeforeValidator(_switch)] = Field(
        default=None, description="true or false; unless given, a wallet's labels (BIP-329) are private"
    )


class ImportedLabels(Answer):
    imported: Count = Field(description="labels of addresses")
    others: Count = Field(description="lines about something else, left out")
