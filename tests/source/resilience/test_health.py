"""How a source is."""

from app.source.resilience.health import SourceHealth
from tests.fakes import LeapingClock


def test_since_is_when_the_state_began() -> None:
    clock = LeapingClock()
    health = SourceHealth("bitcoind", clock)
    health.reconnecting("closed")
    began = clock.now()
    clock.advance(60)
    health.reconnecting("refused")

    assert (health.condition.since, health.condition.last_error) == (began, "refused")


def test_the_first_connection_is_no_reconnect() -> None:
    health = SourceHealth("bitcoind", LeapingClock())
    health.connected()
    first = health.condition.reconnects
    health.reconnecting("closed")
    health.connected()

    assert (first, health.condition.reconnects) == (0, 1)


def test_a_hundred_percent_is_no_longer_syncing() -> None:
    health = SourceHealth("bitcoind", LeapingClock())
    health.syncing(40.0)
    half = health.condition.syncing
    health.syncing(100.0)

    assert (half, health.condition.syncing) == (40.0, None)
