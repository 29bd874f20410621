"""The bytes that go to every client: one WebSocket message each, made once."""

from dataclasses import replace

import pytest
from websockets.frames import Frame, Opcode

from app.api.stream.frames import Frames, text_frame
from tests.api.builders import an_event


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_frame_is_as_another_library_makes_it(size: int) -> None:
    theirs = Frame(Opcode.TEXT, b"x" * size).serialize(mask=False)

    assert text_frame("x" * size) == theirs


def test_a_frame_is_made_once_for_all() -> None:
    frames, event = Frames(), an_event(1)

    assert frames.of(event) is frames.of(event)


def test_an_event_of_another_store_with_the_same_sequence_has_its_own_frame() -> None:
    frames, event = Frames(), an_event(1)

    assert frames.of(event) != frames.of(replace(event, id="another"))
