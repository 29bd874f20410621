"""`spout export`: the history as a table, from a running Spout or from one that stands."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import typer

from app.api.models import ExportFilters, read
from app.commands.keeping import new_file, standing
from app.commands.progress import counting_bar
from app.commands.surroundings import DataDir, quiet_logs, settings_here
from app.core.units import counted
from app.errors import CommandError, RequestError
from app.local import connected
from app.settings import Settings
from app.store import ExportFormat, Piece, PredictionStore, exported

From = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="Seen first then or later: 2026-11-01, UTC.")
]
To = Annotated[
    str | None, typer.Option("--to", metavar="TIME", help="Seen first before then; a bare date counts whole.")
]


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE.parquet|.csv", help="A new file.")],
    start: From = None,
    end: To = None,
    data_dir: DataDir = None,
) -> None:
    """Write one line a whale: what moved, from whom to whom, the forecast and what came of it."""
    settings = settings_here(data_dir)
    quiet_logs(settings)
    try:
        kind = ExportFormat(file.suffix.removeprefix(".").lower())
    except ValueError as error:
        raise CommandError(f"{file}: name it .csv or .parquet, so that it is clear what to write") from error
    given = {"start_date": start, "end_date": end}
    try:
        read(ExportFilters, given)
    except RequestError as error:
        named = str(error).replace("start_date", "--from").replace("end_date", "--to")
        raise CommandError(named) from error
    rows = asyncio.run(_export(file, kind, given, settings))
    typer.echo(f"{counted(rows, 'whale')} in {file}.")


async def _export(file: Path, kind: ExportFormat, given: dict[str, str | None], settings: Settings) -> int:
    rows = 0
    with new_file(file) as target, counting_bar("exporting") as show:
        async with aclosing(_pieces(kind, given, settings)) as pieces:
            async for piece in pieces:
                target.write(piece.content)
                rows = piece.rows
                show(piece.rows, piece.total)
    return rows


async def _pieces(
    kind: ExportFormat, given: dict[str, str | None], settings: Settings
) -> AsyncGenerator[Piece, None]:
    async with connected(settings.data_dir) as running:
        if running is None:
            async with standing(settings) as here:
                store, query = PredictionStore(here.opened), read(ExportFilters, given).query()
                async for piece in exported(store, query, kind, settings.data_dir):
                    yield piece
            return
        await running.write_line(do="export", format=kind.value, filters=given)
        while not (answer := await running.answer()).get("done"):
            chunks = [chunk async for chunk in running.chunks(answer.get("length"))]
            yield Piece(b"".join(chunks), int(answer["rows"]), int(answer["total"]))
