"""The endpoints as they were last read; what is made of them follows: routes, lanes, watches."""

import asyncio
from collections.abc import Callable
from zoneinfo import ZoneInfo

from notifiers.called_hosts import CalledHost
from notifiers.directory import Directory, Stored
from notifiers.lanes import Lanes
from notifiers.policies import routes_of
from notifiers.routing import Router
from notifiers.watcher import WatchChanges


class Roster:
    """`zone` is the operator's time zone now."""

    def __init__(self, directory: Directory, lanes: Lanes, zone: Callable[[], ZoneInfo]) -> None:
        self.zone = zone
        self.endpoints: tuple[Stored, ...] = ()
        self.called_beside: tuple[CalledHost, ...] = ()
        self.router = Router()
        self.watch_changes = WatchChanges()
        self._directory = directory
        self._lanes = lanes
        self._revision: tuple[tuple[int, int], str] | None = None
        self._reloading = asyncio.Lock()

    def ids(self) -> frozenset[str]:
        """Of all endpoints as they stand; from any thread."""
        return frozenset(stored.id for stored in self.endpoints)

    def find(self, endpoint_id: str) -> Stored | None:
        return next((stored for stored in self.endpoints if stored.id == endpoint_id), None)

    def start_anew(self) -> None:
        """Have a new router, with the routes of now: it remembers what is in its database."""
        routes, self.router = self.router.routes, Router()
        self.router.routes = routes

    def forget(self) -> None:
        """Read all of it again at the next `reload`, as after a start."""
        self._revision = None

    async def read_called(self) -> None:
        """Read which hosts were called where there is no outbox."""
        self.called_beside = await self._directory.called()

    async def reload(self) -> None:
        """Read the endpoints if they changed.

        One after the other: an older list must not come after a newer one.
        """
        async with self._reloading:
            await self._read()

    async def _read(self) -> None:
        zone = self.zone()
        revision = (await self._directory.revision(), zone.key)
        if revision == self._revision:
            return
        begun = self._revision is not None
        self.endpoints = await self._directory.listed()
        await self.read_called()
        labels = await self._directory.label_names()
        # Off the loop: an operator may have 100,000 labels.
        routes = await asyncio.to_thread(routes_of, self.endpoints, zone, labels)
        if begun:  # after a start nothing was changed: what was crossed stays crossed
            self.watch_changes.note(self.router.routes, routes)
        self.router.routes, self._revision = routes, revision
        self._lanes.changed(self.endpoints)
