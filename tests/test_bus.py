"""The tee: nobody who publishes waits."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from app.bus import Bus, Subscription


async def rest_of(reader: Subscription[int]) -> list[int]:
    reader.close()
    return [one async for one in reader]


async def test_every_reader_gets_everything_in_order() -> None:
    bus = Bus[int]()
    readers = [bus.subscribe(), bus.subscribe()]
    for number in range(3):
        bus.publish(number)

    assert [await rest_of(one) for one in readers] == [[0, 1, 2]] * 2


async def test_a_slow_reader_loses_its_oldest_and_is_told_how_many() -> None:
    bus = Bus[int]()
    reader = bus.subscribe(capacity=2)
    for number in range(5):
        bus.publish(number)

    assert (await rest_of(reader), reader.dropped) == ([3, 4], 3)


async def test_a_slow_reader_costs_the_others_nothing() -> None:
    bus = Bus[int]()
    bus.subscribe(capacity=1)
    quick = bus.subscribe()
    for number in range(5):
        bus.publish(number)

    assert await rest_of(quick) == [0, 1, 2, 3, 4]


async def test_a_waiting_reader_is_woken() -> None:
    bus = Bus[int]()
    reader = bus.subscribe()
    waiting = asyncio.create_task(anext(reader))
    await asyncio.sleep(0)
    bus.publish(7)

    assert await waiting == 7


async def test_a_waiting_reader_ends_when_it_is_closed() -> None:
    reader = Bus[int]().subscribe()
    waiting = asyncio.create_task(rest_of(reader))

    assert await waiting == []


async def test_what_waits_is_read_before_the_end() -> None:
    bus = Bus[int]()
    reader = bus.subscribe()
    bus.publish(1)

    assert await rest_of(reader) == [1]


async def test_a_closed_reader_is_forgotten() -> None:
    bus = Bus[int]()
    with bus.subscribe():
        assert bus.readers == 1

    assert bus.readers == 0


@given(st.integers(1, 5), st.lists(st.integers(), max_size=30))
def test_a_reader_has_the_last_of_what_was_published(capacity: int, numbers: list[int]) -> None:
    bus = Bus[int]()
    reader = bus.subscribe(capacity)
    for number in numbers:
        bus.publish(number)

    assert asyncio.run(rest_of(reader)) == numbers[-capacity:]
    assert reader.dropped == max(0, len(numbers) - capacity)
