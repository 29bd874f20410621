"""`spout keys`: who may use the API. Works beside a running appliance, which sees it at once."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Column, Table

from app.clock import SystemClock
from app.commands.surroundings import DataDir, noted, operator_file, settings_here
from app.core.access import KEY_NAME_WORDS, Scope, is_key_name
from app.errors import CommandError
from app.store import KeyStore, ListedKey

T = TypeVar("T")

keys = typer.Typer(help="API keys: make them, list them, revoke them.")


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for; to know it by.")],
    scope: Annotated[Scope, typer.Option(help="read: look at everything; admin: change things too.")],
    data_dir: DataDir = None,
) -> None:
    """Make a key and print it, once: only a hash of it is kept."""
    named = _good_name(name)
    key = _with_keys(
        data_dir,
        lambda store: store.create(named, scope, SystemClock().now()),
        f"API key {named!r} made, scope {scope.value}",
    )
    typer.echo(key)
    typer.echo("Keep it: it cannot be shown again. Send it as X-API-Key, or Authorization: Bearer.", err=True)


@keys.command("list")
def listed(data_dir: DataDir = None) -> None:
    """List the keys there are and were."""
    found = _with_keys(data_dir, KeyStore.listed)
    if not found:
        typer.echo("There are no keys. `spout keys create NAME --scope read` makes one.")
        return
    table = Table(Column("name", overflow="fold"), "scope", "created", "revoked", box=None, pad_edge=False)
    for one in found:
        table.add_row(*_cells(one))
    Console().print(table)


@keys.command()
def revoke(name: Annotated[str, typer.Argument(help="Its name.")], data_dir: DataDir = None) -> None:
    """Take a key back: from the next request on it opens nothing."""
    if not _with_keys(
        data_dir, lambda store: store.revoke(name, SystemClock().now()), f"API key {name!r} revoked"
    ):
        raise CommandError(f"no living key is named {name!r}: `spout keys list` shows the names")
    typer.echo(f"{name} is revoked.")


def _cells(key: ListedKey) -> tuple[str, str, str, str]:
    return (_plain(key.name), key.scope.value, key.created_at, key.revoked_at or "")


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def _good_name(name: str) -> str:
    trimmed = name.strip()
    if not is_key_name(trimmed):
        raise CommandError(f"a key's name {KEY_NAME_WORDS}")
    return trimmed


def _with_keys(
    data_dir: Path | None, ask: Callable[[KeyStore], Coroutine[Any, Any, T]], change: str | None = None
) -> T:
    """`change`: what was changed, for the audit log, unless the answer is False."""

    async def work() -> T:
        async with operator_file(settings_here(data_dir).data_dir) as file:
            answer = await ask(KeyStore(file))
            if change is not None and answer is not False:
                await noted(file, change)
            return answer

    return asyncio.run(work())
