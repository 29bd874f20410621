"""Whales that happen on a stage, as the tracker would have it: a version and an event each."""

from collections.abc import Sequence
from dataclasses import replace

from app.core.events import Event, EventType, Happening
from app.core.prediction import Status
from app.core.units import Height, Sats
from tests.notifiers.stage import Stage
from tests.store.builders import a_prediction, a_transaction

STATUSES = {EventType.CONFIRMED: Status.CONFIRMED, EventType.DROPPED: Status.DROPPED}


async def whale(
    stage: Stage, number: int, type_: EventType = EventType.DETECTED, *, version: int = 1, btc: int = 200
) -> Event:
    """One event of whale `number`; stored and published."""
    return (await append(stage, [one_of(stage, number, type_, version=version, btc=btc)]))[0]


async def storm(stage: Stage, amounts: Sequence[int], at_once: int = 50) -> None:
    """Whales that are detected at one moment, a batch at a time."""
    seen = [one_of(stage, number, btc=btc) for number, btc in enumerate(amounts, 1)]
    for start in range(0, len(seen), at_once):
        await append(stage, seen[start : start + at_once])


def one_of(
    stage: Stage, number: int, type_: EventType = EventType.DETECTED, *, version: int = 1, btc: int = 200
) -> Happening:
    tx = a_transaction(number, gross=btc * 10**8)
    one = a_prediction(number, version=version, tx=tx, detected_at=stage.clock.now())
    status = STATUSES.get(type_, Status.PENDING)
    height = Height(900_000 + version) if status is Status.CONFIRMED else None
    one = replace(
        one,
        status=status,
        confirmed_height=height,
        confirmed_at=stage.clock.now() if height else None,
        ended_at=stage.clock.now() if status is not Status.PENDING else None,
        classification=replace(one.classification, moved=Sats(btc * 10**8)),
    )
    return Happening(type=type_, at=stage.clock.now(), prediction=one)


async def append(stage: Stage, happenings: Sequence[Happening]) -> tuple[Event, ...]:
    events = await stage.store.append(happenings, [one.prediction for one in happenings if one.prediction])
    for event in events:
        stage.bus.publish(event)
    return events
