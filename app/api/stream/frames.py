"""Events as WebSocket frames, each made once for all clients."""

import struct
from typing import Final

from app.api.predictions import event_shape
from app.api.problems import to_json
from app.core.events import Event
from app.core.recent import Recent

_KEPT: Final = 512
_WHOLE_TEXT: Final = 0x81
_ONE_BYTE: Final = 126
_TWO_BYTES: Final = 0x10000


def event_text(event: Event) -> str:
    """Return the event's JSON."""
    return to_json(event_shape(event).body())


def text_frame(text: str) -> bytes:
    """Return one whole text message, unmasked and uncompressed, as a server sends it (RFC 6455, 5.2)."""
    payload = text.encode()
    size = len(payload)
    if size < _ONE_BYTE:
        head = struct.pack("!BB", _WHOLE_TEXT, size)
    elif size < _TWO_BYTES:
        head = struct.pack("!BBH", _WHOLE_TEXT, 126, size)
    else:
        head = struct.pack("!BBQ", _WHOLE_TEXT, 127, size)
    return head + payload


class Frames:
    """The newest frames, by the event's id: a demo's sequences are those of other events than the node's."""

    def __init__(self) -> None:
        self._made: Recent[str, bytes] = Recent(_KEPT)

    def of(self, event: Event) -> bytes:
        frame = self._made.get(event.id)
        if frame is None:
            frame = text_frame(event_text(event))
            self._made.put(event.id, frame)
        return frame
