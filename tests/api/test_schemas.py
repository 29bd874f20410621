"""The shapes are frozen in docs/schema/v1: they may grow, and never break whoever reads or writes them."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from app.api.models import DATA_OF, SHAPES, MempoolWhaleSignal, NewEndpoint, Request
from app.core.events import EventType
from tests.api.compatibility import breaks
from tests.api.freeze import FOLDER, FROZEN, frozen


@pytest.mark.parametrize("name", FROZEN)
def test_a_shape_is_as_its_file_says(name: str) -> None:
    assert FROZEN[name].model_json_schema() == frozen(name), "python -m tests.api.freeze writes it"


@pytest.mark.parametrize("name", SHAPES)
def test_what_may_be_null_says_what_null_means(name: str) -> None:
    schema = SHAPES[name].model_json_schema()

    silent = [
        f"{owner}.{field}"
        for owner, part in {name: schema, **schema.get("$defs", {})}.items()
        for field in untold(part)
    ]
    assert silent == []


def untold(part: dict[str, Any]) -> Iterator[str]:
    """Fields that may be null of which neither they nor the map that they stand in says what that means."""
    for name, one in part.get("properties", {}).items():
        explained = "null" in one.get("description", "")
        if not explained and is_nullable(one):
            yield name
        if not explained:
            yield from (f"{name}.{inner}" for inner in untold(one))


def is_nullable(schema: dict[str, Any]) -> bool:
    kinds = schema.get("type", ())
    return "null" in kinds or any(map(is_nullable, schema.get("anyOf", ())))


def test_a_field_that_may_be_null_without_a_word_is_found() -> None:
    nullable = {"type": ["number", "null"]}
    inner = {"type": "object", "properties": {"1": nullable}}

    assert list(untold({"properties": {"one": nullable, "by_block": inner}})) == ["one", "by_block.1"]


def test_every_file_is_of_a_shape() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(FROZEN)


def test_every_type_of_event_has_a_shape_that_is_frozen() -> None:
    assert set(DATA_OF) == set(EventType)
    assert {shape.__name__ for shape in DATA_OF.values()} <= set(SHAPES)


def changed(shape: Any, change: Any) -> list[str]:
    old = shape.model_json_schema()
    new = copy.deepcopy(old)
    change(new)
    return breaks(old, new, request=issubclass(shape, Request))


def test_a_new_field_of_an_answer_breaks_nothing() -> None:
    assert changed(MempoolWhaleSignal, lambda new: new["properties"].update(new={"type": "string"})) == []


def test_a_field_that_goes_breaks_its_readers() -> None:
    assert changed(MempoolWhaleSignal, lambda new: new["properties"].pop("vsize")) == ["$.vsize: is gone"]


def test_a_field_of_another_type_breaks_its_readers() -> None:
    reported = changed(MempoolWhaleSignal, lambda new: new["properties"]["moved_sat"].update(type="string"))

    assert reported == ["$.moved_sat: may now be string"]


def test_a_field_that_may_be_null_now_breaks_its_readers() -> None:
    reported = changed(
        MempoolWhaleSignal, lambda new: new["properties"]["moved_sat"].update(type=["integer", "null"])
    )

    assert reported == ["$.moved_sat: may now be null"]


def test_a_field_that_may_be_missing_now_breaks_its_readers() -> None:
    reported = changed(MempoolWhaleSignal, lambda new: new["required"].remove("txid"))

    assert reported == ["$.txid: may be missing now"]


def test_a_word_that_goes_breaks_whoever_waits_for_it() -> None:
    reported = changed(MempoolWhaleSignal, lambda new: new["$defs"]["Status"]["enum"].remove("dropped"))

    assert reported == ["$.status: dropped is gone"]


def test_a_field_that_must_be_given_now_breaks_its_writers() -> None:
    reported = changed(NewEndpoint, lambda new: new["required"].append("template"))

    assert reported == ["$.template: must be given now"]


def test_a_limit_that_is_tighter_breaks_its_writers() -> None:
    reported = changed(NewEndpoint, lambda new: new["properties"]["name"].update(maxLength=10))

    assert reported == ["$.name: maxLength is smaller"]


def test_a_request_that_takes_more_breaks_nothing() -> None:
    assert changed(NewEndpoint, lambda new: new["properties"]["name"].update(maxLength=100)) == []


TEXT = {"type": "string"}
TIGHTER: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": "number"}, {"type": "number", "minimum": 1}),
    ({"type": "number"}, {"type": "number", "exclusiveMinimum": 0}),
    ({"type": "number", "maximum": 9}, {"type": "number", "maximum": 8}),
    ({"type": "number"}, {"type": "number", "exclusiveMaximum": 9}),
    ({"type": "number"}, {"type": "number", "multipleOf": 5}),
    (TEXT, TEXT | {"pattern": "^a"}),
    (TEXT, TEXT | {"format": "date"}),
    (TEXT, TEXT | {"const": "a"}),
    (TEXT, TEXT | {"enum": ["a"]}),
    (TEXT, TEXT | {"not": {"const": "a"}}),
    (TEXT, TEXT | {"maxLength": 3}),
    ({"type": "array"}, {"type": "array", "uniqueItems": True}),
    ({"type": "array"}, {"type": "array", "items": TEXT}),
    ({"type": "array", "items": TEXT}, {"type": "array", "items": TEXT | {"minLength": 1}}),
    ({"type": "object"}, {"type": "object", "additionalProperties": False}),
]
"""What was taken, and what less is taken then; of an answer the other way round: more may be met then."""


@pytest.mark.parametrize(("before", "after"), TIGHTER, ids=str)
def test_what_takes_less_breaks_writers_and_no_readers(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert (len(breaks(before, after, request=True)), breaks(before, after, request=False)) == (1, [])


@pytest.mark.parametrize(("after", "before"), TIGHTER, ids=str)
def test_what_says_more_breaks_readers_and_no_writers(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert (len(breaks(before, after, request=False)), breaks(before, after, request=True)) == (1, [])


@pytest.mark.parametrize("after", [TEXT, TEXT | {"default": "b"}])
def test_what_is_left_out_and_means_another_thing_then_breaks_writers(after: dict[str, Any]) -> None:
    assert breaks(TEXT | {"default": "a"}, after, request=True) == ["$: default is another"]


def test_words_for_people_are_not_compared() -> None:
    assert breaks(TEXT | {"description": "seconds"}, TEXT | {"description": "hours"}, request=False) == []
