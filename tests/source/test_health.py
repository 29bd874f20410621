"""How a source is: each state told once."""

from app.source.health import Condition, ConnectionState, SourceHealth
from tests.source.clocks import FakeClock


def test_a_state_is_told_once() -> None:
    told: list[ConnectionState] = []

    def hear(_: str, __: Condition, now: Condition) -> None:
        told.append(now.state)

    health = SourceHealth("bitcoind", FakeClock(), hear)
    health.connected()
    health.connected()
    health.reconnecting("closed")
    health.reconnecting("refused")
    health.connected()

    assert told == [ConnectionState.CONNECTED, ConnectionState.RECONNECTING, ConnectionState.CONNECTED]


def test_since_is_when_the_state_began() -> None:
    clock = FakeClock()
    health = SourceHealth("bitcoind", clock)
    health.reconnecting("closed")
    began = clock.now()
    clock.advance(60)
    health.reconnecting("refused")

    assert (health.condition.since, health.condition.last_error) == (began, "refused")


def test_the_first_connection_is_no_reconnect() -> None:
    health = SourceHealth("bitcoind", FakeClock())
    health.connected()
    first = health.condition.reconnects
    health.reconnecting("closed")
    health.connected()

    assert (first, health.condition.reconnects) == (0, 1)


def test_a_hundred_percent_is_no_longer_syncing() -> None:
    health = SourceHealth("bitcoind", FakeClock())
    health.syncing(40.0)
    half = health.condition.syncing
    health.syncing(100.0)

    assert (half, health.condition.syncing) == (40.0, None)
