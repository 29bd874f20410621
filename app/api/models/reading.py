"""Reads what Spout is told into a `Request`, or says in one line all that is wrong, by the names sent."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.api.models.kinds import Request
from app.errors import Fault, RequestError

R = TypeVar("R", bound=Request)
_LONGEST_NAME = 50
_MOST_FAULTS = 10
"""In the line for people."""
_MOST_FAULTS_LISTED = 200
"""For programs: a form has fewer fields."""
_WORDS = {
    "missing": "is missing",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters long",
    "string_pattern_mismatch": "must look like {pattern}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "decimal_max_places": "must have at most {decimal_places} decimals",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "too_long": "must hold at most {max_length}",
    "too_short": "must hold at least {min_length}",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
}
_TIME = "must be a time in ISO 8601, like 2026-11-22T10:00:00Z"


def read(shape: type[R], raw: Mapping[str, Any]) -> R:
    """Return what is asked for.

    Raises:
        RequestError: naming all that is unknown or cannot be meant, parted by "; "; its code is of the first.
    """
    known = names_of(shape)
    strange = [name for name in raw if name not in known]
    faults = [_Worded.unknown(name, known) for name in strange[:_MOST_FAULTS_LISTED]]
    code = "unknown_parameter" if faults else "bad_parameter"
    read: R | None = None
    try:
        read = shape.model_validate({name: given for name, given in raw.items() if name in known})
    except ValidationError as error:
        of_place: dict[tuple[int | str, ...], ErrorDetails] = {}
        for fault in error.errors(include_url=False):
            of_place.setdefault(fault["loc"], fault)
        if not faults and next(iter(of_place.values()))["type"] == "extra_forbidden":
            code = "unknown_parameter"
        faults += _worded(shape, [*of_place.values()][:_MOST_FAULTS_LISTED])
    if faults or read is None:
        more = len(faults) - _MOST_FAULTS
        rest = [f"and {more} more"] if more > 0 else []
        line = "; ".join([*(one.text for one in faults[:_MOST_FAULTS]), *rest])
        raise RequestError(code, line, [one.fault for one in faults[:_MOST_FAULTS_LISTED]])
    return read


def json_object(raw: bytes | str) -> dict[str, Any]:
    """Return the object that a JSON text holds.

    Raises:
        RequestError: it is not JSON, no object, names something twice or has half a character; in words that
            follow its name.
    """
    try:
        found = json.loads(raw, object_pairs_hook=_each_once)
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise RequestError("bad_json", "has half a character (\\ud800 to \\udfff alone)") from None
    except (ValueError, RecursionError):
        raise RequestError("bad_json", "is not JSON") from None
    if not isinstance(found, dict):
        raise RequestError("bad_json", "must be a JSON object")
    return found


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a name that is given twice JSON's readers differ in which they take."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise RequestError("bad_json", f"names {name[:_LONGEST_NAME]!r} twice")
        found[name] = value
    return found


def fault_words(first: ErrorDetails) -> str:
    """What is wrong with a value, after its name: "must be a whole number"; forms say the same words."""
    kind, context = first["type"], first.get("ctx", {})
    if kind == "value_error":
        return str(context.get("error", first["msg"]))
    if kind.startswith(("datetime", "timezone")):
        return _TIME
    if kind in {"enum", "literal_error"}:
        context = {"expected": str(context["expected"]).replace("'", "").replace(" or ", ", ")}
    known = _WORDS.get(kind)
    return first["msg"] if known is None else known.format(**context)


def names_of(shape: type[Request]) -> tuple[str, ...]:
    """The names of its fields, as they are sent."""
    return tuple(field.alias or name for name, field in shape.model_fields.items())


def refuse_unknown(raw: Iterable[str], known: Iterable[str], where: str = "") -> None:
    """Raise RequestError for the first name that is not known; it says the nearest."""
    known = tuple(known)
    for name in raw:
        if name not in known:
            found = _Worded.unknown(name, known, where)
            raise RequestError("unknown_parameter", found.text, [found.fault])


@dataclass(frozen=True, slots=True)
class _Worded:
    """A fault, and the sentence that says it to people."""

    fault: Fault
    text: str

    @classmethod
    def unknown(cls, name: str, known: tuple[str, ...], where: str = "") -> "_Worded":
        near = get_close_matches(name[:_LONGEST_NAME], known, n=1)
        rest = f"known are {', '.join(known)}" if known else "this takes none"
        words = f"is not a parameter here: {f'did you mean {near[0]}?' if near else rest}"
        path = f"{where.removesuffix(': ')}." if where else ""
        return cls(Fault(f"{path}{name[:_LONGEST_NAME]}", words), f"{where}{name[:_LONGEST_NAME]!r} {words}")


def _worded(shape: type[Request], faults: Iterable[ErrorDetails]) -> Iterator[_Worded]:
    for fault in faults:
        place = fault["loc"]
        if fault["type"] == "extra_forbidden":
            inner, where = _shape_at(shape, place[:-1]), _path(place[:-1])
            known = names_of(inner) if inner else ()
            yield _Worded.unknown(str(place[-1]), known, f"{where}: " if where else "")
        else:
            path, words = _path(place), fault_words(fault)
            yield _Worded(Fault(path, words), f"{path} {words}".strip())


def _path(place: tuple[int | str, ...]) -> str:
    """`("rules", "types", 0)` -> `rules.types[0]`."""
    raw = ""
    for part in place:
        raw += f"[{part}]" if isinstance(part, int) else f".{part}" if raw else str(part)
    return raw[:200]


def _shape_at(shape: type[Request], place: tuple[int | str, ...]) -> type[Request] | None:
    """The request that stands at this place within another one."""
    found: type[Request] | None = shape
    for part in place:
        if isinstance(part, int) or found is None:
            continue
        fields = {field.alias or name: field for name, field in found.model_fields.items()}
        found = _request_in(fields[part].annotation) if part in fields else None
    return found


def _request_in(annotation: Any) -> type[Request] | None:  # noqa: ANN401 - any annotation
    if isinstance(annotation, type) and issubclass(annotation, Request):
        return annotation
    inner = [_request_in(part) for part in getattr(annotation, "__args__", ())]
    return next((one for one in inner if one is not None), None)
