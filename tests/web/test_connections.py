"""Who has to go when too many that nobody knows are connected."""

import socket

from app.web import ConnectionLimits, Connections

FEW = ConnectionLimits(strangers=3, strangers_each=2, all=5)
HOME, PROXY = "192.0.2.1", "192.0.2.9"


class Line:
    """One end of a real connection."""

    def __init__(self) -> None:
        self._socket, self._far_end = socket.socketpair()

    def closed(self) -> bool:
        return self._socket.fileno() < 0

    def close(self) -> None:
        self._socket.close()
        self._far_end.close()


def connections() -> Connections:
    return Connections(FEW, lambda peer: peer == PROXY)


def enter(those: Connections, *peers: str) -> list[Line]:
    """One after the other, a second apart."""
    lines = [Line() for _ in peers]
    for at, (line, peer) in enumerate(zip(lines, peers, strict=True)):
        those.enter(line, peer, at)
    return lines


def left(lines: list[Line]) -> list[bool]:
    """Which are still open; all are closed afterwards."""
    found = [not line.closed() for line in lines]
    for line in lines:
        line.close()
    return found


def test_of_one_address_the_one_idle_longest_makes_room() -> None:
    lines = enter(connections(), HOME, HOME, HOME)

    assert left(lines) == [False, True, True]


def test_behind_a_proxy_only_the_whole_number_counts() -> None:
    lines = enter(connections(), PROXY, PROXY, PROXY)

    assert left(lines) == [True, True, True]


def test_of_many_addresses_the_one_idle_longest_makes_room() -> None:
    lines = enter(connections(), "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5")

    assert left(lines) == [False, True, True, True]


def test_who_has_proved_itself_stays() -> None:
    those = connections()
    known = Line()
    those.enter(known, HOME, -1).proved = True
    lines = enter(those, HOME, HOME, HOME)

    assert left([known, *lines]) == [True, False, True, True]


def test_without_a_descriptor_a_stranger_makes_room() -> None:
    those = connections()
    lines = enter(those, HOME)

    assert those.make_room()
    assert left(lines) == [False]


def test_without_a_stranger_there_is_no_room_to_make() -> None:
    assert not connections().make_room()


def test_who_was_turned_away_is_counted_and_no_longer_open() -> None:
    those = connections()
    lines = enter(those, HOME, HOME, HOME)

    assert (those.turned_away, len(those)) == (1, 2)
    left(lines)
