"""Which of the node's ZMQ topics are really heard: to be connected to a port is not to be told anything.

A port answers whoever subscribes, also to a topic that another port carries or that nobody publishes. So a
topic counts once it has spoken, or when the node says that it publishes it on that very port; behind a
container's port mapping the numbers differ, and the first message decides.
"""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from app.errors import LoginRefusedError, NodeRefusedError
from app.source.bitcoind_rpc import BitcoindRpc
from app.source.bitcoind_shapes import Notifier
from app.source.bitcoind_zmq import TOPICS

WITHOUT_RAWTX_SECONDS: Final = 10.0
WITHOUT_SEQUENCE_SECONDS: Final = 60.0
_INSTEAD: Final = {
    "rawtx": f"what waits is read each {WITHOUT_RAWTX_SECONDS:.0f} s instead",
    "sequence": f"what left is found each {WITHOUT_SEQUENCE_SECONDS:.0f} s instead",
    "hashblock": "blocks are heard of by other ways",
}


class Hearing:
    """`urls`: topic to address."""

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
        """Forget the connections before; `notifiers`: what the node says that it publishes."""
        self._linked.clear()
        self._spoken.clear()
        told = {(one.type.removeprefix("pub"), port_of(one.address)) for one in notifiers}
        self._published = frozenset(
            topic for topic, url in self.urls.items() if (topic, port_of(url)) in told
        )

    def linked(self, url: str) -> None:
        self._linked.add(url)

    def unlinked(self, url: str) -> None:
        self._linked.discard(url)

    def spoke(self, topic: str) -> None:
        self._spoken.add(topic)

    def hears(self, topic: str) -> bool:
        connected = self.urls.get(topic) in self._linked
        return connected and (topic in self._spoken or topic in self._published)

    def missing(self) -> list[str]:
        """What is not heard, and what is done instead, in words."""
        return [
            f"ZMQ {topic} {fault}: {_INSTEAD[topic]}" for topic in TOPICS if (fault := self._fault(topic))
        ]

    def _fault(self, topic: str) -> str | None:
        if self.hears(topic):
            return None
        if self.urls.get(topic) not in self._linked:
            return "is not connected"
        if topic == "hashblock" and self.hears("sequence"):
            return None  # which tells of blocks too; that none came yet says nothing
        return "says nothing yet"


async def published(rpc: BitcoindRpc) -> list[Notifier] | None:
    """What the node says that it publishes; None where it may not say.

    Raises:
        SourceError: if it cannot be asked.
    """
    try:
        return await rpc.ask(list[Notifier], "getzmqnotifications")
    except (NodeRefusedError, LoginRefusedError):
        return None  # built without ZMQ, or an rpcwhitelist, which is refused like a login


def port_of(url: str) -> int | None:
    """The port of an address; None if it has none."""
    try:
        return urlsplit(url).port
    except ValueError:
        return None
