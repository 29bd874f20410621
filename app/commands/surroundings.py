"""What every command needs of its surroundings: the settings, quiet logs, files that can be opened."""

import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from app import logs
from app.clock import SystemClock
from app.errors import CommandError
from app.redaction import Redactor
from app.settings import LogLevel, Settings, read_settings
from app.store import COMMAND_LINE, AuditLog, OperatorFile, open_operator

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="The data directory, instead of SPOUT_DATA_DIR.", metavar="DIR"),
]


def settings_here(data_dir: Path | None = None) -> Settings:
    """The environment's settings, with `data_dir` in place of its own if one is given.

    Raises:
        SettingsError: if a setting is not good.
    """
    settings = read_settings(os.environ)
    return settings.model_copy(update={"data_dir": data_dir}) if data_dir else settings


def quiet_logs(settings: Settings) -> None:
    """Warnings and worse on standard error, unless the operator asked for another level."""
    chosen = "log_level" in settings.given
    logs.configure(
        settings.log_level if chosen else LogLevel.WARNING,
        settings.log_format,
        redactor=Redactor(settings.revealed()),
    )


def readable_file(path: Path, example: str) -> Path:
    """Return `path` if it can be read as a file; `example` is what to give instead of a directory.

    Raises:
        CommandError: saying what is wrong with it.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise CommandError(f"{path} is a directory: name the files in it, like {path / example}")
        if not stat.S_ISREG(mode):
            raise CommandError(f"{path} is no plain file: it is read more than once, so save it first")
        with path.open("rb"):
            pass
    except FileNotFoundError as error:
        raise CommandError(f"{path}: there is no such file; check the path") from error
    except PermissionError as error:
        raise CommandError(f"{path} may not be read: give this user the right to read it") from error
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be read: {_words(error)}") from error
    return path


@asynccontextmanager
async def operator_file(data_dir: Path) -> AsyncIterator[OperatorFile]:
    """Open keys and labels, beside a running appliance if there is one; say what was found damaged."""
    opened = await open_operator(data_dir, at=SystemClock().now())
    try:
        for notice in opened.notices:
            typer.echo(f"spout: {notice.words}", err=True)
        yield opened.file
    finally:
        await opened.file.close()


async def noted(file: OperatorFile, what: str) -> None:
    """Keep a change in the audit log."""
    await AuditLog(file).note(COMMAND_LINE, what, SystemClock().now())


def unwritable(path: Path, error: OSError | ValueError) -> CommandError:
    """The error for a file that cannot be written."""
    return CommandError(f"{path} cannot be written: {_words(error)}; choose another place for it")


def _words(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
