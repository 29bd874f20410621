"""`spout labels`: what the operator knows of addresses. Works beside a running appliance."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from app.clock import SystemClock
from app.commands.surroundings import DataDir, noted, operator_file, readable_file, settings_here
from app.core.flow import (
    KINDS,
    Entities,
    Label,
    a_label,
    brief,
    export_labels,
    looks_like_wallet_labels,
    parse_labels,
    parse_table,
    parse_wallet_labels,
    script_or_text,
)
from app.core.units import counted
from app.data import entities_table
from app.errors import CommandError, LabelError
from app.store import LabelStore

T = TypeVar("T")
_LONGEST_FILE_BYTES = 50_000_000

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
        found = _labels_in(_text_of(file), private)
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
    found = _with_labels(data_dir, LabelStore.listed)
    typer.echo(export_labels(found), nl=False)


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


def _labels_in(text: str, private: bool | None) -> tuple[Label, ...]:  # noqa: FBT001 - an option
    if looks_like_wallet_labels(text):
        return parse_wallet_labels(
            text, today=_today(), known=_shipped(), private=private is not False
        ).labels
    return parse_labels(text, today=_today(), known=_shipped(), private=bool(private))


def _text_of(file: Path) -> str:
    try:
        with readable_file(file, "labels.csv").open("rb") as opened:
            read = opened.read(_LONGEST_FILE_BYTES + 1)
        if len(read) > _LONGEST_FILE_BYTES:
            raise LabelError(f"longer than {_LONGEST_FILE_BYTES} bytes: split it")
        return read.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LabelError("not text in UTF-8: save it as CSV, UTF-8") from error


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
