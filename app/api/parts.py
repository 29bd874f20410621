"""The dependencies of the API's handlers, provided by the composition root."""

from asyncio import Lock
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from app.api.limits import Limiter
from app.api.models import (
    DeliveryPage,
    Endpoint,
    EndpointChange,
    EndpointPreview,
    EndpointTest,
    NewEndpoint,
    Preview,
    WhaleAlerts,
)
from app.api.passwords import Confirmations, Passwords
from app.api.problems import starting
from app.api.signal_texts import SignalTexts
from app.api.throttle import Throttle
from app.api.tokens import Tokens
from app.clock import Clock
from app.core.access import ApiKey, Scope
from app.core.flow import Label
from app.metrics import Metrics
from app.views import Accounts, DeliveryQuery, History, LabelPage, LabelQuery, LiveSnapshot, SettingShown
from app.web import Gate


class ListedKey(Protocol):
    """A key as it is listed; times in ISO 8601, UTC."""

    @property
    def name(self) -> str: ...

    @property
    def scope(self) -> Scope: ...

    @property
    def created_at(self) -> str: ...

    @property
    def revoked_at(self) -> str | None: ...


class Keys(Protocol):
    """The API keys, kept by the store."""

    async def find(self, key: str) -> ApiKey | None:
        """Return the key with this key's hash, unless it is revoked."""
        ...

    async def is_revoked(self, key_id: str) -> bool:
        """Whether it was revoked, or is unknown."""
        ...

    async def create(self, name: str, scope: Scope, at: datetime) -> str:
        """Return the key itself, once. Raises StoreError if a valid key has that name."""
        ...

    async def listed(self) -> Sequence[ListedKey]: ...

    async def revoke(self, name: str, at: datetime) -> bool:
        """False if no valid key has that name."""
        ...


class RecordedChange(Protocol):
    """One change; `number` grows with each, `at` in ISO 8601, UTC."""

    @property
    def number(self) -> int: ...

    @property
    def at(self) -> str: ...

    @property
    def who(self) -> str: ...

    @property
    def what(self) -> str: ...


class Audit(Protocol):
    """What was changed, kept by the store."""

    async def note(self, who: str, what: str, at: datetime) -> None: ...

    async def listed(self, limit: int, before: int | None = None) -> tuple[Sequence[RecordedChange], int]:
        """Return changes, newest first, and the number of all; `before`: those before that number's."""
        ...


class Labels(Protocol):
    """The operator's own labels, kept by the store."""

    async def put(self, labels: Iterable[Label]) -> int:
        """Store all or none; a label for the same script is replaced."""
        ...

    async def page(self, query: LabelQuery) -> LabelPage:
        """Return one page, by entity and address.

        Raises:
            ParseError: if the cursor is invalid.
        """
        ...

    async def remove(self, script_or_address: str) -> str | None:
        """Remove a label; return its entity, None if there was none."""
        ...


class OwnSettings(Protocol):
    """The operator's own values of the starred settings, kept by the store."""

    async def change(self, changes: Mapping[str, str | None]) -> None:
        """Set all or none, in effect on return. Raises SettingsError, naming the invalid one."""
        ...

    async def listed(self) -> Sequence[SettingShown]: ...


class Backups(Protocol):
    """The backups in the data directory."""

    async def back_up(self) -> Path:
        """Make one, and return the file. Raises StoreError."""
        ...

    def backups(self) -> Sequence[tuple[Path, datetime]]:
        """Return the files with when they were made, newest first. Blocking."""
        ...


class Endpoints(Protocol):
    """The receivers of alerts, and the deliveries to them."""

    async def listed(self) -> list[Endpoint]: ...

    async def one(self, endpoint_id: str) -> Endpoint | None: ...

    async def add(self, new: NewEndpoint) -> Endpoint:
        """Raises EndpointError, TargetRefusedError."""
        ...

    async def change(self, endpoint_id: str, change: EndpointChange) -> Endpoint | None:
        """Raises EndpointError, TargetRefusedError."""
        ...

    async def rotate(self, endpoint_id: str, overlap_seconds: int) -> Endpoint | None:
        """Raises EndpointError."""
        ...

    async def remove(self, endpoint_id: str) -> str | None:
        """Return its name, None if there is none."""
        ...

    async def test(self, endpoint_id: str) -> EndpointTest | None: ...

    async def test_new(self, new: NewEndpoint) -> EndpointTest:
        """Raises EndpointError, TargetRefusedError."""
        ...

    async def preview(self, draft: EndpointPreview) -> Preview:
        """Raises StoreError."""
        ...

    async def why(self, txid: str) -> WhaleAlerts | None:
        """Raises StoreError."""
        ...

    async def hosts(self) -> list[tuple[str, str, datetime]]:
        """Every host that was ever called, what for, and since when."""
        ...

    async def deliveries(self, query: DeliveryQuery) -> DeliveryPage:
        """Raises ParseError, StoreError."""
        ...

    async def redeliver(self, delivery_id: str) -> tuple[str, int] | None:
        """Return what is sent again and where to, in words, and how many: 0 if it waits already.

        None if there is none, or its endpoint was removed. Raises StoreError.
        """
        ...

    async def redeliver_since(self, endpoint_id: str, since: datetime) -> int:
        """Raises StoreError."""
        ...


@dataclass(slots=True, kw_only=True)
class Parts:
    """A part that is None is not open yet; routes that need it answer 503 until then."""

    live: LiveSnapshot
    gate: Gate
    tokens: Tokens
    clock: Clock
    metrics: Metrics
    limiter: Limiter
    passwords: Passwords
    confirmations: Confirmations
    data_dir: Path
    """Where what is exported as a file lies while it is sent."""
    throttle: Throttle = field(default_factory=Throttle)
    encoding: Lock = field(default_factory=Lock)
    texts: SignalTexts = field(default_factory=SignalTexts)
    """Held while a long answer is made on another thread: several of those would outrun the event loop."""
    history: History | None = None
    accounts: Accounts | None = None
    keys: Keys | None = None
    labels: Labels | None = None
    settings: OwnSettings | None = None
    endpoints: Endpoints | None = None
    audit: Audit | None = None
    backups: Backups | None = None

    @property
    def demo(self) -> bool:
        return self.live.snapshot.demo

    def open_history(self) -> History:
        """Return the history. Raises Problem (503) until it is open."""
        if self.history is None:
            raise starting("The database")
        return self.history

    def open_accounts(self) -> Accounts:
        """Raises Problem (503) until they can be read."""
        if self.accounts is None:
            raise starting("The database")
        return self.accounts

    def open_keys(self) -> Keys:
        """Return the keys. Raises Problem (503) until they can be read."""
        if self.keys is None:
            raise starting("The database")
        return self.keys

    def open_backups(self) -> Backups:
        """Raises Problem (503) until one can be made."""
        if self.backups is None:
            raise starting("The database")
        return self.backups

    def open_audit(self) -> Audit:
        """Raises Problem (503) until it can be read."""
        if self.audit is None:
            raise starting("The database")
        return self.audit

    def open_settings(self) -> OwnSettings:
        """Return the settings. Raises Problem (503) until they can be read."""
        if self.settings is None:
            raise starting("The database")
        return self.settings

    def open_labels(self) -> Labels:
        """Return the labels. Raises Problem (503) until they can be read."""
        if self.labels is None:
            raise starting("The database")
        return self.labels

    def open_endpoints(self) -> Endpoints:
        """Return the endpoints. Raises Problem (503) until they can be read."""
        if self.endpoints is None:
            raise starting("The database")
        return self.endpoints
