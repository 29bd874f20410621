"""What a simulated Spout told, followed event by event."""

from dataclasses import dataclass, field

from app.core.events import Event, EventType


@dataclass(slots=True)
class Published:
    """What came out, from the events in the store's order: each must follow from the one before."""

    ids: dict[str, str] = field(default_factory=dict)
    """By txid, the prediction that has or had it."""
    sequence: int = 0
    reorgs: int = 0
    types: list[str] = field(default_factory=list)

    def read(self, events: tuple[Event, ...]) -> None:
        for event in events:
            assert event.sequence == self.sequence + 1, "an event's number is missing, or stands twice"
            self.sequence = event.sequence
            self.types.append(event.type.value)
            if event.prediction_id is not None:
                self._follow(event)

    def _follow(self, event: Event) -> None:
        id_, txid = event.prediction_id, str(event.body["txid"])
        assert id_ is not None
        self.reorgs += event.type is EventType.REORGED
        if event.type is EventType.DETECTED:
            assert id_ not in self.ids.values(), f"{id_} was announced twice"
            assert txid not in self.ids, f"{txid} was announced twice"
        else:
            assert id_ in self.ids.values(), f"{event.type} of {id_}, which was never announced"
            assert self.ids.get(txid, id_) == id_, f"{txid} changed its id"
        self.ids[txid] = id_
