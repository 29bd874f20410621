"""`spout settings`: the starred settings. Works beside a running appliance, which follows within a second."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Column, Table

from app.clock import SystemClock
from app.commands.surroundings import DataDir, noted, operator_file, quiet_logs, settings_here
from app.settings import STARRED, SettingsInForce, starred
from app.store import SettingStore
from app.views import ComesFrom, SettingShown

T = TypeVar("T")
_WHERE = {
    ComesFrom.OPERATOR: "set here",
    ComesFrom.ENVIRONMENT: "the environment",
    ComesFrom.DEFAULT: "the default",
}

settings = typer.Typer(help="Settings that can be changed while Spout runs; they win over the environment.")
Name = Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(STARRED)}.")]


@settings.command("list")
def listed(data_dir: DataDir = None) -> None:
    """Show each with its value and where that comes from."""
    table = Table(Column("name", no_wrap=True), "value", "from", "what it does", box=None, pad_edge=False)
    for one in _with_settings(data_dir, SettingStore.listed):
        table.add_row(*_cells(one))
    Console().print(table)


@settings.command("set")
def set_one(
    name: Name,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="As the environment would have it.")],
    data_dir: DataDir = None,
) -> None:
    """Set one; a running Spout follows within a second."""
    change = f"{name} set to {value.strip()}"
    _with_settings(data_dir, lambda store: store.change({name: value}), change)
    typer.echo(f"{name} is {value.strip()} now, whatever the environment says.")


@settings.command("unset")
def unset(name: Name, data_dir: DataDir = None) -> None:
    """Go back to what the environment says, or to the default."""

    async def back(store: SettingStore) -> SettingShown:
        await store.change({name: None})
        return next(one for one in await store.listed() if one.name == starred(name).name)

    shown = _with_settings(data_dir, back, f"{name} back to the environment's")
    typer.echo(f"{name} is {shown.value} again, from {_WHERE[shown.comes_from]}.")


def _cells(one: SettingShown) -> tuple[str, str, str, str]:
    return one.name, str(one.value), _WHERE[one.comes_from], one.words


def _with_settings(
    data_dir: Path | None, ask: Callable[[SettingStore], Coroutine[Any, Any, T]], change: str | None = None
) -> T:
    """`change`: what was changed, for the audit log."""

    async def work() -> T:
        here = settings_here(data_dir)
        quiet_logs(here)
        async with operator_file(here.data_dir) as file:
            answer = await ask(SettingStore(file, SettingsInForce(here), SystemClock().now))
            if change is not None:
                await noted(file, change)
            return answer

    return asyncio.run(work())
