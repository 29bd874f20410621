"""`spout password`: a new operator's password. A running Spout follows within a second."""

import asyncio
import sys

import typer

from app.api import hashed, refuse_bad_password
from app.commands.surroundings import DataDir, noted, operator_file, settings_here
from app.errors import AuthError, CommandError
from app.settings import PASSWORD_FILE, Settings
from app.web import PasswordFile


def set_password(data_dir: DataDir = None) -> None:
    """Set the operator's password: asked for, or read from standard input. Ends all sessions."""
    settings = settings_here(data_dir)
    if settings.password is not None:
        raise CommandError("the password stands in SPOUT_PASSWORD: change it there, and start Spout again")
    new = _asked()
    try:
        refuse_bad_password(new)
    except AuthError as error:
        raise CommandError(str(error)) from error
    PasswordFile(settings.data_dir / PASSWORD_FILE).write(hashed(new))
    asyncio.run(_note(settings))
    typer.echo("The password is changed; every session has ended.")


def _asked() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("New password", hide_input=True, confirmation_prompt="Once more"))


async def _note(settings: Settings) -> None:
    async with operator_file(settings.data_dir) as file:
        await noted(file, "password changed; all sessions ended")
