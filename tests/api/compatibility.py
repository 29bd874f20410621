"""Whether a new JSON Schema still keeps what an old one promised.

An answer promises its readers: every field stays, is always there if it was, and holds nothing they have
not met. Its words (an enum) may grow: readers leave aside what they do not know. A request promises its
writers: whatever was taken before is taken still.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
_UPPER = ("maximum", "maxLength", "maxItems")
_LOWER = ("minimum", "minLength", "minItems")


def breaks(old: Schema, new: Schema, *, request: bool) -> list[str]:
    """Return what a new schema breaks, each with the place where; empty: nothing."""
    return list(_Comparison(old, new, request=request).breaks(old, new, "$"))


class _Comparison:
    def __init__(self, old: Schema, new: Schema, *, request: bool) -> None:
        self._old, self._new, self._request = old, new, request

    def breaks(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        before, after = _kinds(old, self._old), _kinds(new, self._new)
        lost, come = before.keys() - after.keys(), after.keys() - before.keys()
        if lost and self._request:
            yield f"{at}: {', '.join(sorted(lost))} is no longer taken"
        if come and not self._request:
            yield f"{at}: may now be {', '.join(sorted(come))}"
        for kind in sorted(before.keys() & after.keys()):
            yield from self._within(before[kind], after[kind], at)

    def _within(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        yield from self._words(old, new, at)
        if self._request:
            yield from _limits(old, new, at)
        yield from self._fields(old, new, at)
        for part in ("items", "additionalProperties"):
            if isinstance(old.get(part), dict) and isinstance(new.get(part), dict):
                yield from self.breaks(old[part], new[part], f"{at}[]")

    def _words(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        before, after = old.get("enum"), new.get("enum")
        gone = [word for word in before or () if after is not None and word not in after]
        if gone:
            yield f"{at}: {', '.join(map(str, gone))} is gone"
        if self._request and before is None and after is not None:
            yield f"{at}: takes only {', '.join(map(str, after))} now"

    def _fields(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        must_before, must_after = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(before.keys() - after.keys()):
            yield f"{at}.{name}: is gone"
        wrong = must_after - must_before if self._request else must_before - must_after
        for name in sorted(wrong & (after.keys() if self._request else before.keys() & after.keys())):
            yield f"{at}.{name}: " + ("must be given now" if self._request else "may be missing now")
        for name in before.keys() & after.keys():
            yield from self.breaks(before[name], after[name], f"{at}.{name}")


def _limits(old: Schema, new: Schema, at: str) -> Iterator[str]:
    for name in _UPPER:
        if new.get(name, float("inf")) < old.get(name, float("inf")):
            yield f"{at}: {name} is smaller"
    for name in _LOWER:
        if new.get(name, float("-inf")) > old.get(name, float("-inf")):
            yield f"{at}: {name} is greater"
    if new.get("pattern") not in {None, old.get("pattern")}:
        yield f"{at}: the pattern is another"


def _resolved(schema: Schema, document: Schema) -> Schema:
    while "$ref" in schema:
        schema = document["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def _kinds(schema: Schema, document: Schema) -> dict[str, Schema]:
    """The schema by JSON type: what `anyOf` and lists of types hold, taken apart."""
    schema = _resolved(schema, document)
    if "anyOf" in schema:
        return {name: one for part in schema["anyOf"] for name, one in _kinds(part, document).items()}
    reported = schema.get("type", "anything")
    return dict.fromkeys(reported if isinstance(reported, list) else [reported], schema)
