"""`spout watch`: the event stream in a terminal, as a table that follows, or as lines of JSON."""

import asyncio
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from app.commands.surroundings import settings_here
from app.core.backoff import backoff_seconds
from app.core.units import SATS_PER_BTC
from app.errors import CommandError
from app.redaction import printable

BEFORE: Final = 20
"""So many events of before the start are shown."""
LONGEST_WAIT_SECONDS: Final = 10.0
_COLUMNS: Final = {"time": 0, "event": 0, "BTC": 0, "from": 60, "to": 60, "flow": 90, "what": 100}
"""Each with the width of a terminal from which on it is shown."""
_WHOLE: Final = ("time", "event", "BTC")
_UNAUTHORIZED: Final = 4401
_NEEDS_KEY = (
    "Spout asks for a key here: `spout keys create watch --scope read` prints one; put it into a file "
    "and name that with --key-file (- is standard input)"
)


def watch(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One event a line, as JSON.")] = False,
    url: Annotated[str | None, typer.Option(help="Of another Spout, like http://box.lan:8411.")] = None,
    key_file: Annotated[
        str | None, typer.Option(help="A file with an API key; - is standard input.", metavar="FILE")
    ] = None,
) -> None:
    """Follow the event stream until Ctrl-C. What was missed while the connection was lost comes after."""
    address = url or f"http://127.0.0.1:{settings_here().port}"
    stream = Stream(address, _key(key_file))
    if as_json or not sys.stdout.isatty():
        write = _json_line if as_json else _plain_line
        asyncio.run(stream.follow(lambda event: print(write(event), flush=True)))  # noqa: T201 - its output
        return
    console = Console()
    shown: deque[dict[str, Any]] = deque(maxlen=max(3, console.height - 4))
    with Live(console=console, auto_refresh=False, screen=False) as live:

        def draw() -> None:
            live.update(table_of(shown, address, console.width), refresh=True)

        def add(event: dict[str, Any]) -> None:
            shown.append(event)
            draw()

        draw()
        asyncio.run(stream.follow(add))


class _OutputError(Exception):
    """Our own output cannot be written; a lost link is an OSError too, and is another matter."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Stream:
    """Follows the stream of one Spout; after a lost connection it goes on where it was."""

    def __init__(self, address: str, key: str | None) -> None:
        scheme, _, rest = address.rstrip("/").partition("://")
        if scheme not in {"http", "https"} or not _is_reachable(address):
            raise CommandError(f"--url must be like http://127.0.0.1:8411, not {plain(address)}")
        self._address = f"{'wss' if scheme == 'https' else 'ws'}://{rest}/api/v1/stream"
        self._headers = {} if key is None else {"X-API-Key": key}
        self._last: int | None = None

    async def follow(self, take: Callable[[dict[str, Any]], object]) -> None:
        """Call `take` with each event, in order, until cancelled, or until nobody reads what it writes.

        Raises:
            CommandError: if it is refused, was never reached, or what `take` writes cannot be written.
        """
        try:
            await self._follow(take)
        except _OutputError as output:
            # What is left in the buffer cannot be written either, and the interpreter would try.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if not isinstance(output.cause, BrokenPipeError):
                raise CommandError(f"what is seen cannot be written: {output.cause.strerror}") from output

    async def _follow(self, take: Callable[[dict[str, Any]], object]) -> None:
        attempt = 0
        while True:
            try:
                async with connect(
                    self._address, additional_headers=self._headers, proxy=None, max_size=2**20
                ) as link:
                    attempt = 0
                    await link.send(json.dumps(self.wanted()))
                    async for text in link:
                        if (wanted := self.read(json.loads(text), take)) is not None:
                            await link.send(json.dumps(wanted))
            except (InvalidHandshake, InvalidURI) as error:
                if not _is_starting(error):
                    raise CommandError(f"{self._address}: {plain(str(error))}") from error
            except ConnectionClosed as closed:
                self.refused(closed)
            except OSError as error:
                if self._last is None:
                    words = f"nothing answers at {self._address}: is Spout running there?"
                    raise CommandError(words) from error
            attempt += 1
            await asyncio.sleep(backoff_seconds(attempt, 0.0, longest=LONGEST_WAIT_SECONDS))

    def wanted(self) -> dict[str, Any]:
        return {"subscribe": {}} if self._last is None else {"subscribe": {}, "after": self._last}

    def read(
        self, message: dict[str, Any], take: Callable[[dict[str, Any]], object]
    ) -> dict[str, Any] | None:
        """Take an event, each once; return what is to be said next, if anything.

        The first subscription only tells where the stream stands; what is followed begins some events before.
        """
        if message.get("type") == "subscribed" and message.get("after") is None:
            self._last = max(0, message["last_sequence"] - BEFORE)
            return self.wanted()
        if "sequence" in message and self._last is not None and message["sequence"] > self._last:
            try:
                take(message)
            except OSError as error:
                raise _OutputError(error) from error
            self._last = message["sequence"]
        return None

    def refused(self, closed: ConnectionClosed) -> None:
        """Raise CommandError if the connection was closed because of its key, or because it had none."""
        if closed.rcvd is None or closed.rcvd.code != _UNAUTHORIZED:
            return
        given = "X-API-Key" in self._headers
        words = f"{plain(closed.rcvd.reason)}: `spout keys list` shows the keys that Spout knows"
        raise CommandError(words if given else _NEEDS_KEY) from closed


def _is_reachable(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_starting(error: Exception) -> bool:
    """Return whether Spout only says that it is not ready yet, as after a restart."""
    return isinstance(error, InvalidStatus) and error.response.status_code == 503


def table_of(events: Iterable[dict[str, Any]], address: str, width: int = 120) -> Table:
    """Return the table; whatever came from outside is text in it, never markup.

    Time, event and amount stay whole; in a narrow terminal the others go, the last ones first.
    """
    rows = [cells_of(event) for event in events]
    shown = [name for name, least in _COLUMNS.items() if width >= least]
    table = Table(box=None, pad_edge=False, title=Text(f"Spout at {plain(address)}"), title_justify="left")
    for place, name in enumerate(shown):
        widest = max((len(row[place]) for row in rows), default=0) if name in _WHOLE else 0
        table.add_column(
            name,
            justify="right" if name == "BTC" else "left",
            overflow="ellipsis",
            no_wrap=True,
            min_width=max(widest, len(name)) if name in _WHOLE else None,
        )
    for row in rows:
        *cells, what = row
        table.add_row(*(Text(cell) for cell in (*cells, _short(what))[: len(shown)]))
    return table


def cells_of(event: dict[str, Any]) -> tuple[str, ...]:
    """Return time (UTC), event, amount, sender, receiver, flow and txid or words of one event."""
    data = event.get("data") or {}
    moved = data.get("moved_sat")
    words = data.get("txid") or data.get("words") or data.get("reason") or data.get("because") or ""
    cells = (
        str(event.get("timestamp", ""))[11:19],
        str(event.get("type", "")),
        "" if moved is None else f"{moved / SATS_PER_BTC:,.2f}",
        _names(data.get("from_entities")),
        _names(data.get("to_entities")),
        str(data.get("flow_type") or ""),
        str(words),
    )
    return tuple(plain(cell) for cell in cells)


def _short(what: str) -> str:
    """Return a txid by its first digits: the table is as wide as the terminal."""
    return f"{what[:12]}…" if len(what) == 64 else what


def plain(text: str) -> str:
    """Return one line without control characters."""
    return printable(" ".join(text.split()))


def _names(parties: Any) -> str:  # noqa: ANN401 - whatever came
    return ", ".join(str(one.get("name")) for one in parties or ())


def _json_line(event: dict[str, Any]) -> str:
    return json.dumps(event, separators=(",", ":"))


def _plain_line(event: dict[str, Any]) -> str:
    return "  ".join(cell for cell in cells_of(event) if cell)


def _key(file: str | None) -> str | None:
    if file is None:
        return None
    try:
        text = sys.stdin.readline() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"--key-file {file}: {error}") from error
    return text.strip()
