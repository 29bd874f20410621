"""Tells an MQTT broker, with Home Assistant's discovery: retained state, last will, one message a whale.

A broker that is away is called again with growing delays; the state is told anew on each connection, and a
whale of meanwhile is not: the stream and the alerts are what tells everything.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import aiomqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from app.bus import Bus
from app.clock import Clock
from app.core.backoff import backoff_seconds
from app.core.events import Event
from app.errors import StoreError
from app.tls import verifying
from app.views import LiveSnapshot, Notice, Snapshot
from notifiers.mqtt_entities import STATUS_TOPIC, MqttTopics, announcements, state_of, whale_message

STATE_SECONDS: Final = 5.0
"""The state is told at most so often."""
ANNOUNCE_SECONDS: Final = 10.0
"""Between two announcements that others ask for."""
LARGEST_INCOMING_BYTES: Final = 1_024
STEADY_SECONDS: Final = 60.0
KEEPALIVE_SECONDS: Final = 30
GOODBYE_SECONDS: Final = 0.5
_MOST_WAITING: Final = 100
_log = structlog.get_logger(__name__)
_library = logging.getLogger("notifiers.mqtt.library")
_library.setLevel(
    logging.ERROR
)  # it has a warning for each message too many, and whoever may publish sends them


@dataclass(frozen=True, slots=True)
class Broker:
    """The broker of `SPOUT_MQTT_URL`, and the authorities that a TLS one is checked by."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None

    @classmethod
    def parse(cls, url: str, ca_file: Path | None = None) -> "Broker":
        parts = urlsplit(url)
        tls = None
        if parts.scheme == "mqtts":
            tls = verifying()
            if ca_file is not None:
                tls.load_verify_locations(cafile=ca_file)
        return cls(
            host=parts.hostname or "",
            port=parts.port or 0,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=tls,
        )


class Mqtt:
    """Runs until cancelled. `called` is told the broker's host, as every host that is called."""

    def __init__(
        self,
        broker: Broker,
        *,
        name: str,
        version: str,
        live: LiveSnapshot,
        bus: Bus[Event],
        clock: Clock,
        jitter: Callable[[], float],
        called: Callable[[str], Awaitable[None]],
        url: str | None = None,
    ) -> None:
        """`name` tells two Spouts of one broker apart; `url`: the dashboard's address."""
        self._broker = broker
        self._topics = MqttTopics(name)
        self._announced = announcements(self._topics, version, url)
        self._live = live
        self._bus = bus
        self._clock = clock
        self._jitter = jitter
        self._called = called
        self._changed = asyncio.Event()
        self._asked = asyncio.Event()
        self._fault: tuple[str, datetime] | None = None

    async def run(self) -> None:
        unwatch = self._live.watch(self._note)
        failures = 0
        try:
            while True:
                began = self._clock.monotonic()
                try:
                    await self._session()
                except* (aiomqtt.MqttError, OSError) as errors:
                    self._lost(str(errors.exceptions[0]))
                steady = self._clock.monotonic() - began >= STEADY_SECONDS
                failures = 1 if steady else failures + 1
                await self._clock.sleep(backoff_seconds(failures, self._jitter()))
        finally:
            unwatch()

    def notices(self) -> tuple[Notice, ...]:
        """Return the notice of a broker that is away."""
        if self._fault is None:
            return ()
        words, since = self._fault
        return (Notice(code="mqtt", words=words, since=since),)

    async def _session(self) -> None:
        will = aiomqtt.Will(self._topics.available, "offline", qos=1, retain=True)
        limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # the library has no types
        limits.MaximumPacketSize = LARGEST_INCOMING_BYTES
        await self._note_called()
        async with aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=self._broker.username,
            password=self._broker.password,
            identifier=f"spout-{self._topics.name}",
            protocol=aiomqtt.ProtocolVersion.V5,
            properties=limits,
            will=will,
            tls_context=self._broker.tls,
            keepalive=KEEPALIVE_SECONDS,
            max_queued_incoming_messages=_MOST_WAITING,
            logger=_library,
        ) as client:
            if self._fault is not None:
                _log.info("mqtt works again", host=self._broker.host)
            self._fault = None
            with self._bus.subscribe(_MOST_WAITING) as events:
                await client.subscribe(STATUS_TOPIC, qos=1)
                await self._announce(client)
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._publish_state(client))
                        group.create_task(self._follow_home_assistant(client))
                        group.create_task(self._announce_when_asked(client))
                        async for event in events:
                            if (message := whale_message(event)) is not None:
                                await client.publish(self._topics.whale, message, qos=1)
                finally:
                    with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
                        async with asyncio.timeout(GOODBYE_SECONDS):
                            await client.publish(self._topics.available, "offline", qos=1, retain=True)

    async def _note_called(self) -> None:
        try:
            await self._called(self._broker.host)
        except StoreError as error:
            _log.warning("a called host cannot be kept", error=str(error))

    async def _announce(self, client: aiomqtt.Client) -> None:
        for topic, config in self._announced.items():
            await client.publish(topic, config, qos=1, retain=True)
        await client.publish(self._topics.available, "online", qos=1, retain=True)
        await client.publish(self._topics.state, self._state(), qos=1, retain=True)

    async def _publish_state(self, client: aiomqtt.Client) -> None:
        last = self._state()
        while True:
            await self._clock.sleep(STATE_SECONDS)
            await self._changed.wait()
            self._changed.clear()
            if (state := self._state()) != last:
                await client.publish(self._topics.state, state, qos=1, retain=True)
                last = state

    async def _follow_home_assistant(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            if message.payload == b"online":
                self._asked.set()

    async def _announce_when_asked(self, client: aiomqtt.Client) -> None:
        """However often somebody says that Home Assistant is there, it is told once in a while."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._announce(client)
            await self._clock.sleep(ANNOUNCE_SECONDS)

    def _state(self) -> str:
        return state_of(self._live.snapshot, self._clock.now())

    def _note(self, _snapshot: Snapshot) -> None:
        self._changed.set()

    def _lost(self, reason: str) -> None:
        if self._fault is None:
            _log.warning("mqtt broker lost", host=self._broker.host, reason=reason)
            words = f"The MQTT broker {self._broker.host}:{self._broker.port} is not reached: {reason}"
            self._fault = (words, self._clock.now())
