"""A private label stays within Spout, on its way through the real store to a receiver."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.core.classification import Party
from app.core.events import EventType, Happening
from app.core.flow import a_label
from app.store import LabelStore, open_operator
from notifiers.policies import label_names
from tests.notifiers.lives import append
from tests.notifiers.receivers import receiving
from tests.notifiers.stage import staged, until
from tests.store.builders import a_prediction

ADDRESS = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"


@pytest.mark.parametrize(("private", "named"), [(True, False), (False, True)])
async def test_a_private_name_is_in_no_webhook(tmp_path: Path, *, private: bool, named: bool) -> None:
    label = a_label(ADDRESS, "Grandma", created_at="2026-03-01", private=private)
    one = a_prediction(1)
    seen = replace(
        one.classification,
        from_entities=(Party(name="Grandma", kind="other", basis="own label", group="Grandma"),),
        evidence=("1 input is labelled Grandma (other; own label): the sender",),
    )
    one = replace(one, classification=seen)
    with receiving() as receiver:
        async with staged(tmp_path) as stage:
            operator = await open_operator(tmp_path, at=stage.clock.now())
            await LabelStore(operator.file).put([label])
            await stage.add(receiver.url())
            await append(stage, [Happening(type=EventType.DETECTED, at=stage.clock.now(), prediction=one)])
            await until(lambda: len(receiver.got) == 1)
            await operator.file.close()

    assert (b"Grandma" in receiver.got[0].body, b"own label" in receiver.got[0].body) == (named, True)


def test_a_shipped_name_is_no_secret_whoever_labels_it() -> None:
    public, own = label_names([("Kraken", "Kraken", True), ("Grandma", "family", True), ("Me", "Me", False)])

    assert public == {"Me"}
    assert own == {"Grandma", "family", "Me", "own label"}
