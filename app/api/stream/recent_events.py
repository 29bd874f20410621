"""The newest events, each with its place: how many were published before it."""

import asyncio

from app.core.events import Event


class RecentEvents:
    """A reader of the bus that keeps the last `capacity` events for all clients together."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._events: dict[int, Event] = {}
        self.head = 0
        """Place of the next event."""
        self.lost_up_to = 0
        """Sequence of the newest event that is no longer here."""
        self.bell = asyncio.Event()
        """Set with every event."""

    def put(self, event: Event) -> None:
        self._events[self.head] = event
        self.head += 1
        if len(self._events) > self._capacity:
            self.lost_up_to = self._events.pop(self.oldest).sequence
        self.bell.set()

    @property
    def oldest(self) -> int:
        """Place of the oldest event, `head` if there is none."""
        return self.head - len(self._events)

    def at(self, place: int) -> Event:
        return self._events[place]

    def place_after(self, sequence: int) -> int | None:
        """Return the place of the first event with a greater sequence; None if some are lost."""
        if self.lost_up_to > sequence:
            return None
        place = self.head
        while place > self.oldest and self._events[place - 1].sequence > sequence:
            place -= 1
        return place
