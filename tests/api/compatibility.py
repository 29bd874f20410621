"""Whether a new JSON Schema still keeps what an old one promised.

An answer promises its readers: every field stays, is always there if it was, and holds nothing they have
not met. Its words (an enum) may grow: readers leave aside what they do not know. A request promises its
writers: whatever was taken before is taken still, and means what it meant where it is left out.

No machine compares words for people (a description, and so the unit in it): whoever changes one reads it.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_EXACT = ("const", "format", "multipleOf", "not", "pattern", "uniqueItems")
_PARTS = ("items", "additionalProperties")


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
        yield from _narrower(old, new, at) if self._request else _wider(old, new, at)
        yield from self._fields(old, new, at)
        for part in _PARTS:
            before, after = old.get(part, True), new.get(part, True)
            if isinstance(before, dict) and isinstance(after, dict):
                yield from self.breaks(before, after, f"{at}[]")
            elif before != after and (after is not True if self._request else before is not True):
                yield f"{at}: {part} is another"

    def _words(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        before, after = old.get("enum"), new.get("enum")
        gone = [word for word in before or () if after is not None and word not in after]
        if gone:
            yield f"{at}: {', '.join(map(str, gone))} is gone"
        if self._request and before is None and after is not None:
            yield f"{at}: takes only {', '.join(map(str, after))} now"
        if not self._request and before is not None and after is None and "const" not in new:
            yield f"{at}: may now be any word"

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


def _narrower(old: Schema, new: Schema, at: str) -> Iterator[str]:
    """What a writer may not send any more, or what means something else where it is left out."""
    for name in _UPPER:
        if new.get(name, float("inf")) < old.get(name, float("inf")):
            yield f"{at}: {name} is smaller"
    for name in _LOWER:
        if new.get(name, float("-inf")) > old.get(name, float("-inf")):
            yield f"{at}: {name} is greater"
    for name in _EXACT:
        if name in new and new[name] != old.get(name):
            yield f"{at}: {name} is another"
    if "default" in old and ("default" not in new or new["default"] != old["default"]):
        yield f"{at}: default is another"


def _wider(old: Schema, new: Schema, at: str) -> Iterator[str]:
    """What a reader may meet now and has never met."""
    for name in _UPPER:
        if new.get(name, float("inf")) > old.get(name, float("inf")):
            yield f"{at}: {name} is greater"
    for name in _LOWER:
        if new.get(name, float("-inf")) < old.get(name, float("-inf")):
            yield f"{at}: {name} is smaller"
    for name in _EXACT:
        if name in old and new.get(name) != old[name]:
            yield f"{at}: {name} is another"


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
