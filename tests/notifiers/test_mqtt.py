"""MQTT against a real mosquitto: announced, retained, one message a whale, back after the broker was away."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from app.bus import Bus
from app.core.classification import Party
from app.core.events import Event, EventType
from app.core.units import Sats
from app.views import HitCount, LiveSnapshot, Snapshot
from notifiers.mqtt import ANNOUNCE_SECONDS, LARGEST_INCOMING_BYTES, Broker, Mqtt
from notifiers.mqtt_entities import STATUS_TOPIC, MqttTopics, announcements, state_of, whale_message
from tests.api.builders import a_prediction, an_event
from tests.fakes import NOON, FakeClock

MOSQUITTO = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
TOPICS = MqttTopics("abcd")
needs_broker = pytest.mark.skipif(
    MOSQUITTO is None and "CI" not in os.environ, reason="no mosquitto: apt-get install mosquitto"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """A broker on a port of its own, without persistence."""

    def __init__(self, room: Path) -> None:
        self.port = free_port()
        self._config = room / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n", encoding="utf-8"
        )
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self._process = subprocess.Popen(
            [str(MOSQUITTO), "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        async with asyncio.timeout(10):
            while not await answers(self.port):  # noqa: ASYNC110 - the broker has no bell
                await asyncio.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


async def answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@dataclass(slots=True)
class Listener:
    """A client of the broker: what it received, and which of it was retained."""

    client: aiomqtt.Client
    received: list[tuple[str, str, bool]] = field(default_factory=list)

    async def listen(self) -> None:
        async for message in self.client.messages:
            payload = message.payload
            text = payload.decode() if isinstance(payload, bytes) else str(payload)
            self.received.append((str(message.topic), text, bool(message.retain)))

    def of(self, topic: str) -> list[str]:
        return [payload for name, payload, _ in self.received if name == topic]


@asynccontextmanager
async def a_listener(port: int) -> AsyncIterator[Listener]:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("#", qos=1)
        listener = Listener(client)
        listening = asyncio.create_task(listener.listen())
        try:
            yield listener
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the broker has no bell
            await asyncio.sleep(0.02)


class Stage:
    """One Mqtt against a broker; its clock stands still until it is advanced."""

    def __init__(self, port: int) -> None:
        self.clock, self.bus = FakeClock(), Bus[Event]()
        self.live = LiveSnapshot(Snapshot(version=0, made_at=NOON, started_at=NOON))
        self.hosts: list[str] = []
        self.mqtt = Mqtt(
            Broker("127.0.0.1", port),
            name=TOPICS.name,
            version="1.2.3",
            live=self.live,
            bus=self.bus,
            clock=self.clock,
            jitter=lambda: 0.0,
            called=self._called,
        )

    async def _called(self, host: str) -> None:
        self.hosts.append(host)


@asynccontextmanager
async def running(broker: Mosquitto) -> AsyncIterator[Stage]:
    stage = Stage(broker.port)
    task = asyncio.create_task(stage.mqtt.run())
    try:
        yield stage
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    await broker.start()
    yield broker
    broker.kill()


def detected(number: int = 1) -> Event:
    return replace(
        an_event(number),
        type=EventType.DETECTED,
        body={"txid": "aa", "moved_sat": 150_00000000, "to_entities": []},
    )


@needs_broker
async def test_a_client_that_comes_later_finds_all_that_is_announced(broker: Mosquitto) -> None:
    async with running(broker) as stage, a_listener(broker.port) as first:
        await until(lambda: first.of(TOPICS.state))
        async with a_listener(broker.port) as listener:
            await until(lambda: listener.of(TOPICS.state))

    assert {topic for topic, _, kept in listener.received if kept} >= {
        *announcements(TOPICS, "1.2.3", None),
        TOPICS.state,
        TOPICS.available,
    }
    assert listener.of(TOPICS.available)[0] == "online"
    assert stage.hosts == ["127.0.0.1"]


@needs_broker
async def test_a_whale_is_told_once_and_not_retained(broker: Mosquitto) -> None:
    async with running(broker) as stage, a_listener(broker.port) as listener:
        await until(lambda: listener.of(TOPICS.state))
        stage.bus.publish(detected())
        await until(lambda: listener.of(TOPICS.whale))
        async with a_listener(broker.port) as later:
            await until(lambda: later.of(TOPICS.state))

    assert (len(listener.of(TOPICS.whale)), later.of(TOPICS.whale)) == (1, [])


@needs_broker
async def test_home_assistant_that_restarts_gets_everything_again(broker: Mosquitto) -> None:
    config = TOPICS.discovery("event", "whale")
    async with running(broker), a_listener(broker.port) as listener:
        await until(lambda: listener.of(TOPICS.state))
        await listener.client.publish(STATUS_TOPIC, "online")
        await until(lambda: len(listener.of(config)) == 2)

    assert len(set(listener.of(config))) == 1


@needs_broker
async def test_however_often_home_assistant_says_it_is_there_it_is_told_once_in_a_while(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    config = TOPICS.discovery("event", "whale")
    async with running(broker) as stage, a_listener(broker.port) as listener:
        await until(lambda: listener.of(TOPICS.state))
        for _ in range(201):
            await listener.client.publish(STATUS_TOPIC, "online")
        stage.bus.publish(detected())
        await until(lambda: listener.of(TOPICS.whale) and len(listener.of(config)) == 2)
        announced_at_first = len(listener.of(config))
        await until(lambda: len(stage.clock.sleepers) == 2)
        await stage.clock.advance(ANNOUNCE_SECONDS)
        await until(lambda: len(listener.of(config)) == 3)

    assert announced_at_first == 2
    assert [one for one in caplog.records if "Discarding" in one.getMessage()] == []


@needs_broker
async def test_a_large_message_from_the_broker_changes_nothing(broker: Mosquitto) -> None:
    async with running(broker) as stage, a_listener(broker.port) as listener:
        await until(lambda: listener.of(TOPICS.state))
        await listener.client.publish(STATUS_TOPIC, b"x" * (LARGEST_INCOMING_BYTES * 50))
        stage.bus.publish(detected())
        await until(lambda: listener.of(TOPICS.whale))

    assert len(listener.of(TOPICS.discovery("event", "whale"))) == 1


@needs_broker
async def test_it_says_goodbye_when_it_stops(broker: Mosquitto) -> None:
    async with a_listener(broker.port) as listener:
        async with running(broker):
            await until(lambda: listener.of(TOPICS.state))
        await until(lambda: "offline" in listener.of(TOPICS.available))

    assert listener.of(TOPICS.available) == ["online", "offline"]


@needs_broker
async def test_a_changed_state_is_told(broker: Mosquitto) -> None:
    async with running(broker) as stage, a_listener(broker.port) as listener:
        await until(lambda: listener.of(TOPICS.state))
        await until(lambda: stage.clock.sleepers)
        stage.live.show(replace(stage.live.snapshot, pending=(a_prediction(),)))
        await stage.clock.advance(5.0)
        await until(lambda: len(listener.of(TOPICS.state)) == 2)

    assert json.loads(listener.of(TOPICS.state)[-1])["pending_whales"] == 1


@needs_broker
async def test_a_broker_that_was_killed_is_found_again(broker: Mosquitto) -> None:
    async with running(broker) as stage:
        async with a_listener(broker.port) as first:
            await until(lambda: first.of(TOPICS.state))
        broker.kill()
        await until(stage.mqtt.notices)
        await broker.start()
        async with a_listener(broker.port) as listener:
            await until(lambda: stage.clock.sleepers)
            await stage.clock.advance(60.0)
            await until(lambda: listener.of(TOPICS.state))
        noticed = stage.mqtt.notices()

    assert (noticed, listener.of(TOPICS.available)[0]) == ((), "online")


def test_nothing_known_is_told_as_null() -> None:
    state = json.loads(state_of(Snapshot(version=0, made_at=NOON, started_at=NOON), NOON))

    assert state == {
        "pending_btc": 0.0,
        "pending_whales": 0,
        "net_flow_btc": 0.0,
        "last_whale_btc": None,
        "accuracy": None,
        "health": "degraded",
    }


def test_a_rate_of_enough_forecasts_is_a_percentage() -> None:
    snapshot = Snapshot(
        version=0, made_at=NOON, started_at=NOON, accuracy=HitCount(window="24h", n=40, on_time=35)
    )

    assert json.loads(state_of(snapshot, NOON))["accuracy"] == 87.5


def test_no_topic_and_no_message_tells_a_label() -> None:
    whale = a_prediction()
    named = (Party(name="My cold store", kind="exchange", basis="own label"),)
    seen = replace(whale.classification, to_entities=named, moved=Sats(100))
    snapshot = Snapshot(
        version=0, made_at=NOON, started_at=NOON, pending=(replace(whale, classification=seen),)
    )
    event = replace(detected(), body={**detected().body, "to_entities": [{"name": "My cold store"}]})

    said: list[Any] = [announcements(TOPICS, "1", None), state_of(snapshot, NOON), whale_message(event)]
    assert "cold store" not in json.dumps(said)


@pytest.mark.parametrize("kind", [one for one in EventType if one is not EventType.DETECTED])
def test_only_a_new_whale_is_a_message(kind: EventType) -> None:
    assert whale_message(replace(detected(), type=kind)) is None


def test_a_brokers_password_may_hold_any_character() -> None:
    broker = Broker.parse("mqtt://spout:p%40ss%3Aword@broker.lan:1883")

    assert (broker.username, broker.password, broker.tls) == ("spout", "p@ss:word", None)


def test_over_tls_the_broker_must_show_its_name() -> None:
    tls = Broker.parse("mqtts://broker.lan:8883").tls

    assert tls is not None
    assert (tls.check_hostname, tls.verify_mode.name) == (True, "CERT_REQUIRED")
