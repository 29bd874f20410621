"""`spout endpoints`: where alerts go, for a box without a screen. A running Spout sees changes at once."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Column, Table

from app.api.models import (
    Endpoint,
    EndpointKind,
    EndpointTest,
    NewEndpoint,
    Reach,
    Security,
    json_object,
    read,
)
from app.bus import Bus
from app.clock import SystemClock
from app.commands.surroundings import DataDir, noted, operator_file, settings_here
from app.errors import CommandError, RequestError
from app.keyring import open_keyring
from app.local import connected
from notifiers import Alerts, make_alerts

T = TypeVar("T")
_SECRETS = {
    EndpointKind.EMAIL: ("email", "password", "The mailbox's password"),
    EndpointKind.TELEGRAM: ("telegram", "token", "The bot's token, from BotFather"),
}
_NEEDED = {
    EndpointKind.WEBHOOK: ("--url",),
    EndpointKind.HEARTBEAT: ("--url",),
    EndpointKind.APPRISE: ("--url",),
    EndpointKind.EMAIL: ("--host", "--from", "--to"),
    EndpointKind.TELEGRAM: ("--chat",),
}

endpoints = typer.Typer(help="Where alerts go: list, add, test, remove.")


@endpoints.command("list")
def listed(data_dir: DataDir = None) -> None:
    """List the endpoints, without their secrets."""
    found = _with_alerts(data_dir, Alerts.listed)
    if not found:
        typer.echo("There are no endpoints. `spout endpoints add NAME --url https://…` makes one.")
        return
    columns = (Column("id", no_wrap=True), Column("name", overflow="fold"), "kind", "reach", "to", "enabled")
    table = Table(*columns, box=None, pad_edge=False)
    for one in found:
        table.add_row(*(text.replace("[", r"\[") for text in _cells(one)))
    Console().print(table)


@endpoints.command()
def add(
    name: Annotated[str, typer.Argument(help="What it is for; to know it by.")],
    *,
    kind: Annotated[EndpointKind, typer.Option(help="What is sent, and how.")] = EndpointKind.WEBHOOK,
    url: Annotated[str | None, typer.Option(help="Of a webhook, heartbeat or Apprise's service.")] = None,
    reach: Annotated[Reach, typer.Option(help="How far it may lie.")] = Reach.PUBLIC,
    every: Annotated[int | None, typer.Option(help="Minutes between heartbeats; 5 if unset.")] = None,
    host: Annotated[str | None, typer.Option(help="Email: the server.")] = None,
    port: Annotated[int, typer.Option(help="Email: its port.")] = 587,
    security: Annotated[Security, typer.Option(help="Email: how the line is secured.")] = Security.STARTTLS,
    username: Annotated[str | None, typer.Option(help="Email: who logs in.")] = None,
    sender: Annotated[str | None, typer.Option("--from", help="Email: who it is from.")] = None,
    to: Annotated[str | None, typer.Option(help="Email: who gets it.")] = None,
    chat: Annotated[str | None, typer.Option(help="Telegram: the chat's id.")] = None,
    body: Annotated[
        Path | None,
        typer.Option("--json", help="All of it as the API takes it: a file, or - for stdin."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Add an endpoint. Passwords and tokens are asked for, or read from standard input."""
    reported: dict[str, Any] = {"kind": kind, "url": url, "reach": reach}
    if every is not None:
        reported["every_minutes"] = every
    if kind is EndpointKind.EMAIL:
        reported["email"] = {
            "host": host,
            "port": port,
            "security": security,
            "username": username,
            "from": sender,
            "to": to,
        }
    elif kind is EndpointKind.TELEGRAM:
        reported["telegram"] = {"chat_id": chat}
    if body is not None:
        reported = _json(body)
    else:
        _refuse_missing(kind, {"--url": url, "--host": host, "--from": sender, "--to": to, "--chat": chat})
        _ask_secret(reported, kind)
    new = _read({**reported, "name": name})

    async def work(alerts: Alerts) -> tuple[Endpoint, list[str]]:
        before = {one.id for one in await alerts.listed()}
        made = await alerts.add(new)
        return made, [one.name for one in await alerts.listed() if one.id not in before]

    made, _ = _with_alerts(data_dir, work, lambda answer: [f"endpoint {name!r} added" for name in answer[1]])
    typer.echo(made.id)
    if made.secret:
        typer.echo(made.secret)
        typer.echo("Keep it: it cannot be shown again. docs/webhooks.md says how to verify.", err=True)


@endpoints.command("test")
def send_test(
    endpoint: Annotated[str, typer.Argument(help="Its id or name.")], data_dir: DataDir = None
) -> None:
    """Send a test now, and say what was answered; a running Spout sends it itself."""
    tested = asyncio.run(_tested(endpoint, data_dir))
    if tested is None:
        raise CommandError(f"there is no endpoint {endpoint!r}: `spout endpoints list` shows them")
    if not tested.delivered:
        raise CommandError(f"not delivered: {tested.error}")
    typer.echo(f"Delivered in {tested.ms or 0:.0f} ms.")


@endpoints.command()
def remove(
    endpoint: Annotated[str, typer.Argument(help="Its id or name.")], data_dir: DataDir = None
) -> None:
    """Remove an endpoint; what waits for it is dropped."""

    async def work(alerts: Alerts) -> str | None:
        found = await alerts.find(endpoint)
        return await alerts.remove(found) if found is not None else None

    if _with_alerts(data_dir, work, lambda name: [f"endpoint {name!r} removed"] if name else []) is None:
        raise CommandError(f"there is no endpoint {endpoint!r}: `spout endpoints list` shows them")
    typer.echo(f"{endpoint} is removed.")


async def _tested(endpoint: str, data_dir: Path | None) -> EndpointTest | None:
    async with connected(settings_here(data_dir).data_dir) as spout:
        if spout is not None:
            await spout.write_line(do="test", endpoint=endpoint)
            answer = await spout.answer()
            if answer.get("sends"):
                tested = answer.get("tested")
                return None if tested is None else EndpointTest.model_validate(tested)
    return await _among(data_dir, lambda alerts: alerts.test_named(endpoint))


def _cells(one: Endpoint) -> tuple[str, ...]:
    to = one.url or ""
    if one.email is not None:
        to = f"{one.email.to} by {one.email.host}:{one.email.port}"
    elif one.telegram is not None:
        to = f"chat {one.telegram.chat_id}"
    enabled = "yes" if one.enabled else f"no: {one.state.disabled_because or 'by you'}"
    return (one.id, one.name, one.kind, one.reach, to, enabled)


def _refuse_missing(kind: EndpointKind, given: dict[str, str | None]) -> None:
    """Name the options that are wanted, before a password is asked for."""
    missing = [option for option in _NEEDED[kind] if given[option] is None]
    if missing:
        raise CommandError(f"an endpoint of kind {kind} needs {' and '.join(missing)}")


def _ask_secret(reported: dict[str, Any], kind: EndpointKind) -> None:
    if kind not in _SECRETS or (kind is EndpointKind.EMAIL and not reported["email"]["username"]):
        return
    part, name, words = _SECRETS[kind]
    if sys.stdin.isatty():
        reported[part][name] = typer.prompt(words, hide_input=True)
    else:
        reported[part][name] = sys.stdin.readline().rstrip("\n")


def _json(path: Path) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be read as text: {error}") from error
    try:
        return json_object(text)
    except RequestError as error:
        raise CommandError(f"{path} {error}") from error


def _read(reported: dict[str, Any]) -> NewEndpoint:
    try:
        return read(NewEndpoint, reported)
    except RequestError as error:
        raise CommandError(str(error)) from error


def _with_alerts(
    data_dir: Path | None,
    ask: Callable[[Alerts], Coroutine[Any, Any, T]],
    changes: Callable[[T], list[str]] = lambda _answer: [],
) -> T:
    return asyncio.run(_among(data_dir, ask, changes))


async def _among(
    data_dir: Path | None,
    ask: Callable[[Alerts], Coroutine[Any, Any, T]],
    changes: Callable[[T], list[str]] = lambda _answer: [],
) -> T:
    """`changes`: what was changed, for the audit log."""
    settings = settings_here(data_dir)
    keyring = open_keyring(settings.secret, settings.data_dir)
    async with operator_file(settings.data_dir) as file:
        alerts = make_alerts(settings, keyring, file, clock=SystemClock(), bus=Bus())
        try:
            answer = await ask(alerts)
            for change in changes(answer):
                await noted(file, change)
            return answer
        finally:
            alerts.close()
