"""`spout watch`: each event once and in order, also after the connection was lost; text stays text."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from app.commands.watch import BEFORE, Stream, cells_of, plain, table_of
from app.errors import CommandError

Message = dict[str, Any]


def an_event(sequence: int, **data: Any) -> Message:
    return {"type": "whale.detected", "sequence": sequence, "timestamp": "2026-11-22T12:00:01Z", "data": data}


class Played(Stream):
    """A stream whose messages are handed in; `taken` is what was shown."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:8411", None)
        self.taken: list[int] = []

    def give(self, message: Message) -> Message | None:
        return self.read(message, lambda event: self.taken.append(event["sequence"]))


def subscribed(last: int, after: int | None) -> Message:
    return {"type": "subscribed", "after": after, "last_sequence": last}


def test_it_begins_some_events_before() -> None:
    assert Played().give(subscribed(100, None)) == {"subscribe": {}, "after": 100 - BEFORE}


def test_a_young_store_is_shown_from_its_beginning() -> None:
    assert Played().give(subscribed(3, None)) == {"subscribe": {}, "after": 0}


def test_an_event_that_comes_twice_is_shown_once() -> None:
    stream = Played()
    stream.give(subscribed(2, None))
    for sequence in (1, 2, 2, 3, 1, 4):
        stream.give(an_event(sequence))

    assert stream.taken == [1, 2, 3, 4]


def test_after_a_lost_connection_it_goes_on_where_it_was() -> None:
    stream = Played()
    stream.give(subscribed(2, None))
    stream.give(an_event(7))

    assert stream.wanted() == {"subscribe": {}, "after": 7}


@pytest.mark.parametrize(
    ("key", "words"),
    [("spout_old", "the key was revoked: `spout keys list`"), (None, "Spout asks for a key")],
)
def test_a_key_that_is_not_good_is_told_from_none(key: str | None, words: str) -> None:
    closed = ConnectionClosedError(Close(4401, "the key was revoked"), None)

    with pytest.raises(CommandError, match=f"^{words}"):
        Stream("http://127.0.0.1:8411", key).refused(closed)


def test_a_label_with_markup_is_shown_as_it_is() -> None:
    named = [{"name": "[red]Binance[/red] [link=http://x]"}]
    output = StringIO()
    console = Console(file=output, width=160, force_terminal=True, color_system="truecolor")
    console.print(table_of([an_event(1, from_entities=named, moved_sat=150_00000000)], "http://x"))

    assert "[red]Binance[/red]" in output.getvalue()
    assert "\x1b[31m" not in output.getvalue()


@pytest.mark.parametrize("width", [40, 80, 100, 120])
def test_in_a_terminal_of_any_width_time_event_and_amount_stand_whole(width: int) -> None:
    parties = [{"name": "A very long exchange's name indeed"}]
    data = {
        "from_entities": parties,
        "to_entities": parties,
        "flow_type": "inter_exchange",
        "txid": "ab" * 32,
    }
    output = StringIO()
    shown = table_of([an_event(1, moved_sat=12_345_67890000, **data)], "http://x", width)
    Console(file=output, width=width).print(shown)

    assert all(whole in output.getvalue() for whole in ("12:00:01", "whale.detected", "12,345.68"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_output_that_cannot_be_written_is_told_and_ends_it() -> None:
    stream = Played()
    stream.give(subscribed(0, None))
    with (
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(Exception, match="No space left"),
    ):
        stream.read(an_event(1), lambda _event: full.write(b"a line"))

    assert stream.wanted() == {"subscribe": {}, "after": 0}


@pytest.mark.parametrize("text", ["a\x1b[2Jb", "a\nb", "a\x9bb", "a\u202eb"])
def test_no_text_from_outside_steers_the_terminal(text: str) -> None:
    assert all(shown.isprintable() for shown in plain(text))


def test_the_cells_of_a_whale() -> None:
    event = an_event(
        1, moved_sat=150_00000000, flow_type="inflow", txid="ab" * 32, to_entities=[{"name": "Kraken"}]
    )

    assert cells_of(event) == ("12:00:01", "whale.detected", "150.00", "", "Kraken", "inflow", "ab" * 32)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1:8411", "ftp://x", "http://", "", "http://127.0.0.1:99999", "http://[::1", "http://:8411"],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(CommandError, match="--url"):
        Stream(address, None)
