"""`spout labels`: what the operator knows of addresses. Works beside a running appliance."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from app.clock import SystemClock
from app.commands.surroundings import DataDir, noted, operator_file, readable_file, settings_here
from app.core.flow import (
    KINDS,
    MOST_FILE_BYTES,
    Entities,
    a_label,
    brief,
    parse_table,
    read_label_file,
    script_or_text,
    write_labels,
)
from app.core.units import counted
from app.data import entities_table
from app.errors import CommandError, LabelError
from app.store import LabelStore

T = TypeVar("T")

labels = typer.Typer(help="Your own labels of addresses; they win over the table that is shipped.")


@labels.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="Columns: address,entity,group,kind,basis,private.")
    ],
    private: Annotated[
        bool | None, typer.Option(help="Whether alerts say own label in their place (BIP-329: they do).")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Take every label of a CSV file or of a wallet's export (BIP-329), or none if a line is bad."""
    try:
        found = read_label_file(_content_of(file), today=_today(), known=_shipped(), private=private).labels
    except LabelError as error:
        raise LabelError(f"{file}: {error}; nothing was imported") from error
    count = _with_labels(data_dir, lambda store: store.put(found), lambda _: f"{brief(found)} imported")
    typer.echo(f"{counted(count, 'label')} imported.")


@labels.command()
def add(
    address: Annotated[str, typer.Argument(help="An address of any network, or a script in hex.")],
    entity: Annotated[str, typer.Argument(help="Whose it is.")],
    group: Annotated[str, typer.Option(help="The actor behind several entities.")] = "",
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(KINDS)}.")] = "",
    *,
    private: Annotated[bool, typer.Option(help="Alerts say own label in its place.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Say whose an address is; a label that it had before is replaced."""
    label = a_label(
        address,
        entity,
        created_at=_today(),
        group=group,
        kind=kind,
        private=private,
        known=_shipped(),
    )
    _with_labels(data_dir, lambda store: store.put([label]), lambda _: f"{brief([label])} set")
    typer.echo(f"{label.address} is {label.entity} ({label.kind}).")


@labels.command("list")
def listed(data_dir: DataDir = None) -> None:
    """Print your labels as CSV, as `spout labels import` reads it."""
    # As they are read: of 100,000 labels none is kept, and `head` need not wait for the last.
    _with_labels(data_dir, lambda store: store.visit(lambda found: write_labels(found, sys.stdout)))


@labels.command()
def remove(
    address: Annotated[str, typer.Argument(help="As it was given, or its script in hex.")],
    data_dir: DataDir = None,
) -> None:
    """Forget one of your labels."""
    script = script_or_text(address)
    entity = _with_labels(
        data_dir,
        lambda store: store.remove(script),
        lambda entity: f"label {entity!r} of {address[:100]} removed" if entity else None,
    )
    if entity is None:
        raise CommandError(f"you have no label for {address[:100]}: `spout labels list` shows yours")
    typer.echo(f"{address} has no label of yours any more.")


def _content_of(file: Path) -> bytes:
    """Return the file, or so much of it that it is known to be too long."""
    with readable_file(file, "labels.csv").open("rb") as opened:
        return opened.read(MOST_FILE_BYTES + 1)


def _shipped() -> Entities:
    return Entities(parse_table(entities_table()))


def _today() -> str:
    return SystemClock().now().date().isoformat()


def _with_labels(
    data_dir: Path | None,
    ask: Callable[[LabelStore], Coroutine[Any, Any, T]],
    change: Callable[[T], str | None] = lambda _answer: None,
) -> T:
    """`change`: what was changed, for the audit log, None for nothing."""

    async def work() -> T:
        async with operator_file(settings_here(data_dir).data_dir) as file:
            answer = await ask(LabelStore(file))
            if (words := change(answer)) is not None:
                await noted(file, words)
            return answer

    return asyncio.run(work())
