"""The commands of `spout`: what each is called, what it takes, what its help says.

Every error of ours, and every wrong argument, is one line on standard error and exit code 2.
"""

import sys

import typer

from app.commands.backup import back_up, restore
from app.commands.doctor import doctor
from app.commands.endpoints import endpoints
from app.commands.export import export
from app.commands.keys import keys
from app.commands.labels import labels
from app.commands.password import set_password
from app.commands.record import record_backend
from app.commands.replay import replay_recordings
from app.commands.run import run_appliance
from app.commands.settings import settings
from app.commands.story import print_story
from app.commands.version import print_version
from app.commands.watch import watch
from app.errors import CommandError

_HELP = """Spout sees the whale before it surfaces: it watches your own mempool for large transactions,
says where the coins go and when they will confirm, and keeps score of how right it was.

`spout run` starts it; settings are environment variables that begin with SPOUT_ (docs/settings.md)."""

commands = typer.Typer(
    name="spout",
    help=_HELP,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@commands.callback(invoke_without_command=True)
def _without_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


commands.command("run")(run_appliance)
commands.command("replay")(replay_recordings)
commands.command("record")(record_backend)
commands.command("doctor")(doctor)
commands.add_typer(keys, name="keys")
commands.add_typer(labels, name="labels")
commands.add_typer(endpoints, name="endpoints")
commands.add_typer(settings, name="settings")
commands.command("password")(set_password)
commands.command("export")(export)
commands.command("backup")(back_up)
commands.command("restore")(restore)
commands.command("watch")(watch)
commands.command("story")(print_story)
commands.command("version")(print_version)


def app(arguments: list[str] | None = None) -> None:
    """Run one command and exit.

    Raises:
        CommandError: for arguments that cannot be understood; says where the help is.
        SpoutError: whatever the command itself refuses.
    """
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = commands(given, prog_name="spout", standalone_mode=False)
    except typer.TyperException as error:
        raise CommandError(_usage_line(error)) from error
    except typer.Abort:
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


def _usage_line(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "spout"
    message = error.format_message().replace("Value error, ", "").rstrip(".")
    return f"{message}{'' if message.endswith('?') else '.'} `{command} --help` says what it takes"
