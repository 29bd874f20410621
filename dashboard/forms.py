"""A form from a pydantic model: a field for each of its fields, what is wrong said beside each.

form = ModelForm(Budget, Budget(per_hour=20))
page.add_section("budget", "Budget", fields=form.fields, buttons=Buttons({"Save": save}))

async def save() -> None:
budget = form.read()  # None: what is wrong stands beside its field, and what was typed stays
if budget is not None:
...
form.saved()
"""

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from app.api.models import fault_words
from dashboard.components import Field

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class InputKind:
    """How a value is asked for: the field's `kind`, what may be chosen, and whether it may be left empty."""

    field: str
    options: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a form calls a field; an empty `kind`, and no `options`, are those of the model's annotation."""

    label: str
    hint: str = ""
    kind: str = ""
    options: tuple[str, ...] = ()


_BY_NAME = {"int": "number", "float": "number", "Decimal": "number", "bool": "flag", "SecretStr": "secret"}
_LISTS = (list, tuple, set, frozenset)


class ModelForm(Generic[M]):
    """One `Field` for each field of `model`, filled from `value`, or from the model's defaults.

    A field's title is its label (else its name), its description the hint. bool is a flag; an enum or a
    Literal one of several; a list or set of those many of several; SecretStr a secret; what may be None may
    be left empty. A secret is never sent to the browser; left empty, `read` does not give it to the model.
    """

    def __init__(
        self, model: type[M], value: M | None = None, *, prefix: str = "", only: Sequence[str] = ()
    ) -> None:
        """`prefix`: before the names of its fields, where a page has several forms. `only` these fields."""
        self._model = model
        asked = {name: model.model_fields[name] for name in only or model.model_fields}
        self._kinds = {name: _kind(info.annotation) for name, info in asked.items()}
        self.fields: dict[str, Field] = {
            name: self._field(f"{prefix}{name}", name, info, value) for name, info in asked.items()
        }

    def read(self) -> M | None:
        """What was typed, as the model has it; None if something is wrong, which is then said beside it.

        Raises:
            ValueError: what is wrong with the whole and with no single field, in words for a person.
        """
        typed = {name: _given(self._kinds[name], field.value) for name, field in self.fields.items()}
        given = {name: value for name, value in typed.items() if value is not _NOTHING}
        faults: dict[str, str] = {}
        try:
            read = self._model.model_validate(
                {name: one for name, one in given.items() if one is not _NOTHING}
            )
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                faults.setdefault(str(fault["loc"][0]) if fault["loc"] else "", fault_words(fault))
            read = None
        self.refuse(faults)
        if read is None and not faults.keys() & self.fields.keys():
            raise ValueError("; ".join(faults.values()))
        return read

    def refuse(self, faults: Mapping[str, str]) -> None:
        """Say what is wrong beside each field of `faults`, and nothing beside the others."""
        for name, field in self.fields.items():
            words = faults.get(name, "")
            field.error = f"{words[:1].upper()}{words[1:]}"

    def saved(self) -> None:
        """What was typed is safe: the tab need not keep it any more, and secrets are emptied."""
        for name, field in self.fields.items():
            field.error = ""
            field.saved += 1
            if self._kinds[name].field == "secret":
                field.value = ""

    def _field(self, field: str, name: str, info: FieldInfo, value: M | None) -> Field:
        kind = self._kinds[name]
        shown = getattr(value, name) if value is not None else info.get_default(call_default_factory=True)
        return Field(
            field=field,
            label=info.title or name.replace("_", " ").capitalize(),
            hint=info.description or "",
            kind=kind.field,
            options=["", *kind.options] if kind.field == "one" and kind.optional else list(kind.options),
            value=_shown(kind.field, shown),
        )


def described(
    model: type[BaseModel], asked: Mapping[str, Asked], titles: Mapping[str, Mapping[str, str]]
) -> list[dict[str, Any]]:
    """The fields of `asked` as `static/fields.js` draws them, on a page where no Python takes what is typed.

    A name with dots lies within: `rules.types`. `titles`: by field, its options in words; an option
    without words is not offered.

    Raises:
        KeyError: for a name that the model has not.
    """
    found = []
    for name, one in asked.items():
        info = _within(model, name.split("."))
        kind = _kind(info.annotation)
        words = titles.get(name)
        options = one.options or kind.options
        if kind.optional and kind.field == "one" and not one.options:
            options = ("", *options)
        offered = [value for value in options if words is None or value in words]
        shown = info.get_default(call_default_factory=True)
        found.append(
            {
                "name": name,
                "label": one.label,
                "hint": one.hint,
                "kind": one.kind or kind.field,
                "options": offered,
                "titles": [value if words is None else words[value] for value in offered],
                "optional": kind.optional,
                "value": _shown(one.kind or kind.field, shown),
            }
        )
    return found


def _within(model: type[BaseModel], path: Sequence[str]) -> FieldInfo:
    """The field at the end of `path`, each step by the name that is sent."""
    info = next((field for name, field in model.model_fields.items() if path[0] in {name, field.alias}), None)
    if info is None:
        raise KeyError(path[0])
    return info if len(path) == 1 else _within(_model_in(info.annotation), path[1:])


def _model_in(annotation: Any) -> type[BaseModel]:  # noqa: ANN401 - any annotation
    known = [annotation, *get_args(annotation)]
    return next(one for one in known if isinstance(one, type) and issubclass(one, BaseModel))


_NOTHING = object()
"""Of a secret that was left empty: it stays as it is."""


def _kind(annotation: Any) -> InputKind:  # noqa: ANN401 - any annotation
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in {Union, types.UnionType}:
        known = [one for one in inner if one is not type(None)]
        one = _kind(known[0]) if len(known) == 1 else InputKind("text")
        return replace(one, optional=type(None) in inner)
    if origin in _LISTS:
        return InputKind("many", _kind(inner[0]).options)
    if origin is Literal:
        return InputKind("one", tuple(str(one) for one in inner))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return InputKind("one", tuple(str(one.value) for one in annotation))
    return InputKind(_BY_NAME.get(getattr(annotation, "__name__", ""), "text"))


def _shown(kind: str, value: Any) -> Any:  # noqa: ANN401 - a field's value
    """As the field holds it: a secret is not shown, an enum by its value, what is not known as nothing."""
    known = kind != "secret" and value is not None and value is not PydanticUndefined
    if kind == "flag":
        return known and bool(value)
    if kind in {"many", "lines"}:
        return [str(getattr(one, "value", one)) for one in value] if known else []
    return str(getattr(value, "value", value)) if known else ""


def _given(kind: InputKind, value: Any) -> Any:  # noqa: ANN401 - as above
    """As the model takes it: what was left empty is None where it may be, a secret is not given at all."""
    if not isinstance(value, str):
        return value
    if kind.field == "secret":
        return value or _NOTHING
    text = value.strip()
    return None if not text and kind.optional else text
