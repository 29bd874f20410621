"""The generator of wrong types reaches every field and keeps the rest of the document."""

import json

from tests.backend.transactions import a_whale
from tests.backend.world import World
from tests.backend.wrong_types import at, frames, paths, put, transaction_frames, variants


def test_every_field_of_a_transaction_is_wrong_in_some_frame() -> None:
    tx = a_whale().wire()
    reached = {wrong.path[3:] for wrong in transaction_frames(tx)}

    assert reached == set(paths(tx))


def test_a_variant_differs_in_the_named_field_only() -> None:
    tx = a_whale().wire()

    for wrong in variants(tx, missing=False):
        assert put(wrong.value, wrong.path, at(tx, wrong.path)) == tx


def test_a_variant_has_another_json_type_or_an_impossible_number() -> None:
    for wrong in variants({"fee": 10, "name": "x", "list": [1], "on": True, "none": None}, missing=False):
        if wrong.kind not in ("huge", "negative", "float"):
            original = at({"fee": 10, "name": "x", "list": [1], "on": True, "none": None}, wrong.path)
            assert type(at(wrong.value, wrong.path)) is not type(original), wrong.name


def test_variants_are_told_by_a_readable_path() -> None:
    names = [wrong.name for wrong in variants({"vin": [{"prevout": None}]})]

    assert "vin[0].prevout = list" in names
    assert "vin[0].prevout = missing" in names


def test_a_block_frame_is_wrong_in_each_of_its_keys() -> None:
    reported: list[dict[str, object]] = []
    world = World(push=reported.append)
    world.mine()
    block_frame = next(frame for frame in reported if "block" in frame)
    reached = {wrong.path[0] for wrong in frames(block_frame)}

    assert {"block", "fees", "mempool-transactions"} <= reached
    assert all(json.loads(wrong.text) == wrong.value for wrong in frames({"fees": block_frame["fees"]}))
