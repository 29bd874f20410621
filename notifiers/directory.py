"""The endpoints, with the operator's data: what may be read in clear, and the rest sealed."""

import secrets
import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from pydantic import ValidationError

from app.api.models import EndpointKind, EndpointSettings, Reach, Security
from app.core.contract import iso
from app.errors import EndpointError
from app.store import OperatorFile
from notifiers.model import EmailTarget, Target, TelegramTarget
from notifiers.sealing import Seal
from notifiers.signing import SigningSecret

MOST_ENDPOINTS: Final = 100
_COLUMNS: Final = "id, name, kind, settings, sealed, enabled, disabled_because, created_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One endpoint. `target` is None where its secrets cannot be read: then it is disabled, and says so."""

    id: str
    name: str
    kind: EndpointKind
    settings: dict[str, Any]
    """What the contract's Endpoint has besides: reach, rules, quiet hours and so on, as JSON."""
    enabled: bool
    disabled_because: str | None
    created_at: str
    target: Target | None = field(default=None, repr=False)

    @property
    def active(self) -> bool:
        return self.enabled and self.target is not None

    @property
    def edits(self) -> bool:
        """Whether a whale has one message here, edited through its life."""
        return self.kind is EndpointKind.TELEGRAM and bool(self.settings.get("one_thread", True))


class Directory:
    """Beside a running appliance a command may change it too: `revision` says when."""

    def __init__(self, file: OperatorFile, seal: Seal) -> None:
        self._file = file
        self._seal = seal

    async def revision(self) -> tuple[int, int]:
        return await self._file.revision()

    async def listed(self) -> tuple[Stored, ...]:
        """All of them, oldest first."""

        def work(connection: sqlite3.Connection) -> tuple[Stored, ...]:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM endpoints ORDER BY created_at, id"  # noqa: S608 - our own words
            ).fetchall()
            return tuple(self._stored(row) for row in rows)

        return await self._file.run(work)

    async def label_names(self) -> tuple[tuple[str, str, bool], ...]:
        """Entity, group and privacy of the operator's own labels, each once."""
        rows = await self._file.run(
            lambda connection: connection.execute(
                'SELECT DISTINCT entity, "group", private FROM labels'
            ).fetchall()
        )
        return tuple((entity, group, bool(private)) for entity, group, private in rows)

    async def one(self, id_or_name: str) -> Stored | None:
        """By its id, or else by its name: a name may read like another's id."""
        found = await self.listed()
        by_id = (one for one in found if one.id == id_or_name)
        return next(by_id, next((one for one in found if one.name == id_or_name), None))

    async def add(
        self, targets: Sequence[Target], settings: dict[str, Any], *, enabled: bool, at: datetime
    ) -> tuple[Stored, ...]:
        """Keep new ones of the same settings: all of them, or none.

        Raises:
            EndpointError: if there is one of that name, or there are too many.
        """
        new = tuple(
            Stored(
                id=target.id,
                name=target.name,
                kind=target.kind,
                settings=settings,
                enabled=enabled,
                disabled_because=None,
                created_at=iso(at + timedelta(milliseconds=place)),  # by which they are listed
                target=target,
            )
            for place, target in enumerate(targets)
        )

        def work(connection: sqlite3.Connection) -> None:
            for stored in new:
                self._refuse_name(connection, stored)
                if connection.execute("SELECT count(*) FROM endpoints").fetchone()[0] >= MOST_ENDPOINTS:
                    raise EndpointError(f"there are {MOST_ENDPOINTS} endpoints already: remove one first")
                connection.execute("INSERT INTO endpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._row(stored))

        await self._file.run(work)
        return new

    async def change(self, endpoint_id: str, changed: Callable[[Stored], Stored]) -> Stored | None:
        """Replace one by what `changed` makes of it; None if there is none."""

        def work(connection: sqlite3.Connection) -> Stored | None:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM endpoints WHERE id = ?",  # noqa: S608 - our own words
                (endpoint_id,),
            ).fetchone()
            if row is None:
                return None
            stored = changed(self._stored(row))
            self._refuse_name(connection, stored)
            values = self._row(stored, sealed=row[4])
            connection.execute("REPLACE INTO endpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
            return stored

        return await self._file.run(work)

    async def disable(self, endpoint_id: str, because: str) -> Stored | None:
        """By Spout itself; one that the operator has disabled meanwhile stays as it is."""

        def disabled(stored: Stored) -> Stored:
            return replace(stored, enabled=False, disabled_because=because) if stored.enabled else stored

        return await self.change(endpoint_id, disabled)

    async def remove(self, endpoint_id: str) -> str | None:
        """Return the name of what was removed; None if there is none."""

        def work(connection: sqlite3.Connection) -> str | None:
            found = connection.execute("SELECT name FROM endpoints WHERE id = ?", (endpoint_id,)).fetchone()
            connection.execute("DELETE FROM endpoints WHERE id = ?", (endpoint_id,))
            return found[0] if found else None

        return await self._file.run(work)

    async def keep_called(self, hosts: Collection[str], used_for: str, at: datetime) -> None:
        """Keep which hosts were called by whom no outbox runs beside: a command, a demo."""
        if hosts:
            rows = [(host, used_for, iso(at)) for host in hosts]
            await self._file.run(
                lambda connection: connection.executemany(
                    "INSERT OR IGNORE INTO called_hosts VALUES (?, ?, ?)", rows
                )
            )

    async def called(self) -> tuple[tuple[str, str, datetime], ...]:
        """Return them: name, what for, since when."""
        rows = await self._file.run(
            lambda connection: connection.execute(
                "SELECT host, used_for, first_at FROM called_hosts ORDER BY host, used_for"
            ).fetchall()
        )
        return tuple((host, used_for, datetime.fromisoformat(at)) for host, used_for, at in rows)

    def _stored(self, row: tuple[Any, ...]) -> Stored:
        endpoint_id, name, kind, settings, sealed, enabled, because, created_at = row
        stored = Stored(
            id=endpoint_id,
            name=name,
            kind=EndpointKind(kind),
            settings=msgspec.json.decode(settings),
            enabled=bool(enabled),
            disabled_because=because,
            created_at=created_at,
        )
        stored = _readable(stored)
        try:
            opened = msgspec.json.decode(self._seal.open(sealed, endpoint_id))
        except EndpointError as error:
            return replace(stored, enabled=False, disabled_because=str(error))
        return replace(stored, target=_target(stored, opened))

    def _row(self, stored: Stored, sealed: bytes = b"") -> tuple[Any, ...]:
        """`sealed` stays as it is where it could not be read."""
        if stored.target is not None:
            sealed = self._seal.close(msgspec.json.encode(_secrets(stored.target)).decode(), stored.id)
        settings = msgspec.json.encode(stored.settings).decode()
        return (
            stored.id,
            stored.name,
            stored.kind.value,
            settings,
            sealed,
            int(stored.enabled),
            stored.disabled_because,
            stored.created_at,
        )

    def _refuse_name(self, connection: sqlite3.Connection, stored: Stored) -> None:
        taken = "SELECT 1 FROM endpoints WHERE name = ? AND id <> ?"
        if connection.execute(taken, (stored.name, stored.id)).fetchone():
            raise EndpointError(f"there is an endpoint named {stored.name!r} already: take another name")


def new_id() -> str:
    return f"ep_{secrets.token_hex(8)}"


def _secrets(target: Target) -> dict[str, Any]:
    email, telegram = target.email, target.telegram
    return {
        "url": target.url,
        "email": email and {name: getattr(email, name) for name in EmailTarget.__slots__},
        "telegram": telegram and {name: getattr(telegram, name) for name in TelegramTarget.__slots__},
        "signing": [{"text": one.text, "until": iso(one.until)} for one in target.signing],
    }


def _target(stored: Stored, opened: dict[str, Any]) -> Target:
    email, telegram = opened["email"], opened["telegram"]
    return Target(
        id=stored.id,
        name=stored.name,
        kind=stored.kind,
        reach=Reach(stored.settings.get("reach", Reach.PUBLIC)),
        url=opened["url"],
        email=email and EmailTarget(**{**email, "security": Security(email["security"])}),
        telegram=telegram and TelegramTarget(**telegram),
        signing=tuple(
            SigningSecret(one["text"], one["until"] and datetime.fromisoformat(one["until"]))
            for one in opened["signing"]
        ),
    )


def _readable(stored: Stored) -> Stored:
    """Without settings that no longer mean anything: one bad row must not take the others down with it."""
    names = {field.alias or name for name, field in EndpointSettings.model_fields.items()}
    kept = {name: value for name, value in stored.settings.items() if name in names}
    try:
        EndpointSettings.model_validate(kept)
    except ValidationError as error:
        faulty = sorted({str(one["loc"][0]) for one in error.errors(include_url=False)})
        rest = {name: value for name, value in stored.settings.items() if name not in faulty}
        because = f"its {' and '.join(faulty)} cannot be read: set them anew, then enable it"
        return replace(stored, settings=rest, enabled=False, disabled_because=because)
    return stored
