"""What may be changed of the settings while Spout runs: a field for each starred one, of its own kind."""

from typing import Annotated, Any

from pydantic import BeforeValidator, PydanticInvalidForJsonSchema, TypeAdapter, WithJsonSchema, create_model

from app.api.models import Request, whole
from app.errors import SettingsError
from app.settings import STARRED, Settings, StarredSetting


def _kind_of(name: str) -> object:
    setting = STARRED[name]

    def read(raw: object) -> str | None:
        if raw is None:
            return None
        if not _is_plain(raw):
            raise ValueError("must be a text, a number, or null for the environment's")
        text = str(whole(raw))
        if (fault := _fault(setting, text)) is not None:
            raise ValueError(fault.removeprefix(name).lstrip())
        return text

    shapes = [*_numbers(setting.field), {"type": "string"}, {"type": "null"}]
    words = f"{setting.words}; null: back to the environment's"
    shape = WithJsonSchema({"anyOf": shapes, "description": words})
    return Annotated[str | None, BeforeValidator(read), shape]


def _fault(setting: StarredSetting, text: str) -> str | None:
    """Why it is refused.

    In words alone: raised where the refusal is handled, an error would hold it as its context, and with it
    pydantic's own error; into that Python's collector does not look, and each refusal would be kept for good.
    """
    try:
        setting.parse(text)
    except SettingsError as error:
        return str(error)
    return None


def _is_plain(raw: object) -> bool:
    return isinstance(raw, str | int | float) and not isinstance(raw, bool)


def _numbers(field: str) -> list[dict[str, Any]]:
    """The schema of a setting that is a number, with its range; none of one that is a text."""
    info = Settings.model_fields[field]
    try:
        kind: Any = Annotated[info.annotation, *info.metadata]
        schema = TypeAdapter(kind).json_schema(mode="validation")
    except PydanticInvalidForJsonSchema:
        return []
    return [one for one in (schema, *schema.get("anyOf", ())) if one.get("type") in {"number", "integer"}]


_fields: dict[str, Any] = {name: (_kind_of(name), None) for name in STARRED}
SettingsChange: type[Request] = create_model("SettingsChange", __base__=Request, **_fields)
"""What PATCH takes: all or nothing; what is not named stays."""
