"""Which ZMQ topics are really received: a connected port does not imply that a topic is published there.

A port accepts every subscriber, also for a topic that another port carries or that is not published at all.
So a topic counts as received after its first message, or if the node reports that it publishes it on that
very port; behind a container's port mapping the numbers differ, and the first message decides.
"""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from app.errors import LoginRefusedError, NodeRefusedError
from app.source.bitcoind.rpc import BitcoindRpc
from app.source.bitcoind.shapes import Notifier
from app.source.bitcoind.zmq_feed import TOPICS

WITHOUT_RAWTX_SECONDS: Final = 10.0
WITHOUT_SEQUENCE_SECONDS: Final = 60.0
_INSTEAD: Final = {
    "rawtx": f"what waits is read each {WITHOUT_RAWTX_SECONDS:.0f} s instead",
    "sequence": f"what left is found each {WITHOUT_SEQUENCE_SECONDS:.0f} s instead",
    "hashblock": "blocks are heard of by other ways",
}


class Topics:
    """Tracks each topic; `urls`: topic to address."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self.urls = dict(urls)
        self._linked: set[str] = set()
        self._published: frozenset[str] = frozenset()
        self._spoken: set[str] = set()

    @property
    def is_linked(self) -> bool:
        """Whether every address is connected."""
        return self._linked >= set(self.urls.values())

    def begin(self, notifiers: Iterable[Notifier]) -> None:
        """Reset for a new session; `notifiers`: the topics that the node says it publishes."""
        self._linked.clear()
        self._spoken.clear()
        reported = {(one.type.removeprefix("pub"), port_of(one.address)) for one in notifiers}
        self._published = frozenset(
            topic for topic, url in self.urls.items() if (topic, port_of(url)) in reported
        )

    def linked(self, url: str) -> None:
        self._linked.add(url)

    def unlinked(self, url: str) -> None:
        self._linked.discard(url)

    def spoke(self, topic: str) -> None:
        self._spoken.add(topic)

    def receives(self, topic: str) -> bool:
        connected = self.urls.get(topic) in self._linked
        return connected and (topic in self._spoken or topic in self._published)

    def missing(self) -> list[str]:
        """Return the topics not received, and the fallback for each, as text."""
        return [
            f"ZMQ {topic} {fault}: {_INSTEAD[topic]}" for topic in TOPICS if (fault := self._fault(topic))
        ]

    def _fault(self, topic: str) -> str | None:
        if self.receives(topic):
            return None
        if self.urls.get(topic) not in self._linked:
            return "is not connected"
        if topic == "hashblock" and self.receives("sequence"):
            return None  # it implies blocks too; that none came yet proves nothing
        return "says nothing yet"


async def published(rpc: BitcoindRpc) -> list[Notifier] | None:
    """Return the topics that the node says it publishes; None if it may not say.

    Raises:
        SourceError: if it cannot be reached.
    """
    try:
        return await rpc.ask(list[Notifier], "getzmqnotifications")
    except (NodeRefusedError, LoginRefusedError):
        return None  # built without ZMQ, or excluded by an rpcwhitelist, which looks like a refused login


def port_of(url: str) -> int | None:
    """Return the port of an address; None if it has none."""
    try:
        return urlsplit(url).port
    except ValueError:
        return None
