"""A private label stays within Spout, on its way through the real store to a receiver."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.core.classification import Party
from app.core.events import EventType, Happening
from app.core.flow import a_label
from app.store import LabelStore, open_operator
from app.views import DeliveryQuery
from notifiers.policies import label_names
from tests.fakes import FakeClock
from tests.notifiers.lives import append
from tests.notifiers.receivers import receiving
from tests.notifiers.stage import Stage, staged, until, until_as_time_passes, until_settled
from tests.notifiers.test_rules import pass_time
from tests.store.builders import a_prediction

ADDRESS = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"


def from_grandma(stage: Stage, number: int) -> Happening:
    """A whale of coins that an own label names."""
    one = a_prediction(number)
    seen = replace(
        one.classification,
        from_entities=(Party(name="Grandma", kind="other", basis="own label", group="Grandma"),),
        evidence=("1 input is labelled Grandma (other; own label): the sender",),
    )
    now = stage.clock.now()
    one = replace(one, classification=seen)
    return Happening(type=EventType.DETECTED, at=now, prediction=one)


@asynccontextmanager
async def labelled(room: Path) -> AsyncIterator[tuple[Stage, Callable[..., Awaitable[None]]]]:
    """A stage in the night, and how the label is made private or public, as a running Spout follows it."""
    clock = FakeClock(datetime.fromisoformat("2026-11-22T22:30:00+00:00"))
    async with staged(room, clock=clock) as stage:
        operator = await open_operator(room, at=clock.now())

        async def put(*, private: bool) -> None:
            label = a_label(ADDRESS, "Grandma", created_at="2026-03-01", private=private)
            await LabelStore(operator.file).put([label])
            await stage.alerts.listed()

        await put(private=False)
        yield stage, put
        await operator.file.close()


@pytest.mark.parametrize(("private", "named"), [(True, False), (False, True)])
async def test_a_private_name_is_in_no_webhook(tmp_path: Path, *, private: bool, named: bool) -> None:
    label = a_label(ADDRESS, "Grandma", created_at="2026-03-01", private=private)
    with receiving() as receiver:
        async with staged(tmp_path) as stage:
            operator = await open_operator(tmp_path, at=stage.clock.now())
            await LabelStore(operator.file).put([label])
            await stage.add(receiver.url())
            await append(stage, [from_grandma(stage, 1)])
            await until(lambda: len(receiver.got) == 1)
            await operator.file.close()

    assert (b"Grandma" in receiver.got[0].body, b"own label" in receiver.got[0].body) == (named, True)


def test_a_shipped_name_is_no_secret_whoever_labels_it() -> None:
    public, own = label_names([("Kraken", "Kraken", True), ("Grandma", "family", True), ("Me", "Me", False)])

    assert public == {"Me"}
    assert own == {"Grandma", "family", "Me", "own label"}


async def test_a_label_made_private_is_named_no_more_by_what_is_sent_again(tmp_path: Path) -> None:
    with receiving() as receiver:
        async with labelled(tmp_path) as (stage, put):
            await stage.add(receiver.url())
            await pass_time(stage, 1)  # its lane is made
            await append(stage, [from_grandma(stage, 1)])
            await until_settled(stage, ["delivered"])
            await put(private=True)
            page = await stage.alerts.deliveries(DeliveryQuery())
            await stage.alerts.redeliver(page.deliveries[0].id)
            await until(lambda: len(receiver.got) == 2)

    assert [b"Grandma" in got.body for got in receiver.got] == [True, False]
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1


async def test_a_label_made_private_in_the_night_is_not_in_the_digest_nor_in_one_sent_again(
    tmp_path: Path,
) -> None:
    with receiving() as early, receiving() as late:
        async with labelled(tmp_path) as (stage, put):
            night = {"digest": True, "from": "22:00"}
            await stage.add(early.url(), name="early", quiet_hours=night | {"to": "23:00"})
            await stage.add(late.url(), name="late", quiet_hours=night | {"to": "07:00"})
            await append(stage, [from_grandma(stage, 1)])
            await pass_time(stage, 3_600)
            await until_as_time_passes(stage, lambda: len(early.got) == 1)
            await put(private=True)
            page = await stage.alerts.deliveries(DeliveryQuery(limit=1))
            await stage.alerts.redeliver(page.deliveries[0].id)
            await until(lambda: len(early.got) == 2)
            await pass_time(stage, 9 * 3_600)
            await until_as_time_passes(stage, lambda: len(late.got) == 1)

    assert [b"Grandma" in got.body for got in (*early.got, *late.got)] == [True, False, False]
    assert all(b"own label" in got.body for got in (early.got[1], late.got[0]))


async def test_what_a_rule_held_back_while_a_name_was_private_does_not_name_it_once_it_is_public(
    tmp_path: Path,
) -> None:
    with receiving() as receiver:
        async with labelled(tmp_path) as (stage, put):
            made = await stage.add(receiver.url(), rules={"min_moved_btc": 100_000})
            await pass_time(stage, 1)  # its lane is made
            await put(private=True)
            await append(stage, [from_grandma(stage, 1)])
            await put(private=False)
            again = await stage.alerts.redeliver_since(made.id, stage.clock.now() - timedelta(hours=1))
            page = await stage.alerts.deliveries(DeliveryQuery())
            await stage.alerts.redeliver(page.deliveries[0].id)
            await until(lambda: len(receiver.got) == 1)

    assert (again, b"Grandma" in receiver.got[0].body) == (0, False)
