"""The operator's own labels, one per script. They are validated before they are stored here.

There may be 100,000 of them and more: they are read and made on the file's own thread, and a long list in
parts, so that neither the event loop nor whoever asks for a key waits for the whole of it.
"""

import base64
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from operator import attrgetter
from typing import Any, Final, TypeVar

from app.core.flow import Label, script_or_text
from app.core.units import Script
from app.errors import ParseError
from app.store.operator.file import OperatorFile
from app.views import LabelPage, LabelQuery

T = TypeVar("T")

_ALL: Final = 'SELECT script, address, entity, "group", kind, basis, created_at, private FROM labels'
_columns_of: Final = attrgetter(
    "script", "address", "entity", "group", "kind", "basis", "created_at", "private"
)
_READ_AT_ONCE: Final = 2_000
"""Takes about 10 ms."""
_NOT_OURS: Final = "is not one of ours: take next_cursor of the page before"


class LabelStore:
    def __init__(self, file: OperatorFile) -> None:
        self._file = file

    async def put(self, labels: Iterable[Label]) -> int:
        """Store all or none; a label for the same script is replaced. Return their number."""

        def work(connection: sqlite3.Connection) -> int:
            rows = map(_columns_of, labels)
            written = connection.executemany(
                "INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows
            )
            return written.rowcount

        return max(0, await self._file.run(work))

    async def page(self, query: LabelQuery) -> LabelPage:
        """Return one page of those that the search finds, by entity and address.

        Raises:
            ParseError: if the cursor is invalid.
        """
        after = None if query.cursor is None else _parse(query.cursor)
        return await self._file.run(lambda connection: _page(connection, query, after))

    async def listed(self) -> tuple[Label, ...]:
        """Return all labels, by entity and address; for commands: of many it takes a second."""
        return await self.visit(tuple)

    async def visit(self, work: Callable[[Iterator[Label]], T]) -> T:
        """Hand all labels, by entity and address, to `work`, as they are read, on the file's thread."""
        return await self._file.run(
            lambda connection: work(_labels(connection.execute(f"{_ALL} ORDER BY entity, address, script")))
        )

    async def in_parts(self) -> AsyncIterator[tuple[Label, ...]]:
        """Yield all labels, by script. What changes meanwhile may be missing: the revision is another."""
        last = ""
        shared: dict[str, str] = {}
        while True:
            part = await self._file.run(partial(_part, after=last, shared=shared))
            if part:
                yield part
            if len(part) < _READ_AT_ONCE:
                return
            last = part[-1].script

    async def remove(self, script_or_address: str) -> str | None:
        """Remove a label; return its entity, None if there was none."""

        def work(connection: sqlite3.Connection) -> str | None:
            which = "FROM labels WHERE script = ?1 OR address = ?1"
            found = connection.execute(f"SELECT entity {which}", (script_or_address,)).fetchone()
            connection.execute(f"DELETE {which}", (script_or_address,))
            return found[0] if found else None

        return await self._file.run(work)

    async def revision(self) -> tuple[int, int]:
        """Return a value that changes once keys or labels have changed: cheap enough to poll every second."""
        return await self._file.revision()


def _page(connection: sqlite3.Connection, query: LabelQuery, after: tuple[str, str, str] | None) -> LabelPage:
    given: list[Any] = []
    which = "TRUE"
    if query.search:
        # LIKE knows the capital letters of ASCII alone.
        connection.create_function("folded", 1, str.casefold, deterministic=True)
        folded = "folded(entity)" if not query.search.isascii() else "entity"
        like = f"%{_escaped(query.search.casefold())}%"
        which = f"({folded} LIKE ? ESCAPE '!' OR address LIKE ? ESCAPE '!' OR script = ?)"
        given = [like, like, script_or_text(query.search)]
    matching = f"FROM labels WHERE {which}"
    (counted,) = connection.execute(f"SELECT count(*) {matching}", given).fetchone()
    if after is not None:
        which, given = f"{which} AND (entity, address, script) > (?, ?, ?)", [*given, *after]
    found = tuple(
        _labels(
            connection.execute(
                f"{_ALL} WHERE {which} ORDER BY entity, address, script LIMIT ?",
                [*given, query.limit + 1],
            )
        )
    )
    labels = found[: query.limit]
    more = len(found) > query.limit
    return LabelPage(labels=labels, total_count=counted, next_cursor=_cursor(labels[-1]) if more else None)


def _part(connection: sqlite3.Connection, after: str, shared: dict[str, str]) -> tuple[Label, ...]:
    rows = connection.execute(f"{_ALL} WHERE script > ? ORDER BY script LIMIT ?", (after, _READ_AT_ONCE))
    return tuple(_labels(rows, shared))


def _labels(rows: Iterable[tuple[Any, ...]], shared: dict[str, str] | None = None) -> Iterator[Label]:
    """Make labels; what many of them say is kept once, in `shared`."""
    once = ({} if shared is None else shared).setdefault
    for script, address, entity, group, kind, basis, created_at, private in rows:
        yield Label(
            script=Script(script),
            address=address,
            entity=once(entity, entity),
            group=once(group, group),
            kind=once(kind, kind),
            basis=once(basis, basis),
            created_at=once(created_at, created_at),
            own=True,
            private=bool(private),
        )


def _escaped(text: str) -> str:
    for special in "!%_":
        text = text.replace(special, f"!{special}")
    return text


def _cursor(last: Label) -> str:
    place = json.dumps([last.entity, last.address, last.script], separators=(",", ":"))
    return base64.urlsafe_b64encode(place.encode()).decode()


def _parse(cursor: str) -> tuple[str, str, str]:
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        json.dumps(place, ensure_ascii=False).encode()  # half a character is none that SQLite takes
    except (ValueError, RecursionError) as error:
        raise ParseError(_NOT_OURS) from error
    if not (isinstance(place, list) and len(place) == 3 and all(isinstance(part, str) for part in place)):
        raise ParseError(_NOT_OURS)
    entity, address, script = place
    return entity, address, script
