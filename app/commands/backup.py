"""`spout backup` and `spout restore`: from a running Spout, or from one that stands."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from app.commands.keeping import copy, new_file, standing
from app.commands.progress import progress_bar
from app.commands.surroundings import DataDir, quiet_logs, readable_file, settings_here
from app.core.units import counted
from app.engine import restored_words, summary_of
from app.errors import CommandError
from app.local import connected
from app.redaction import printable
from app.settings import Settings

_CHUNK = 256 * 1024
Trust = Annotated[
    bool,
    typer.Option(
        "--with-keys",
        help="Take keys, endpoints, settings and labels too from a backup made under another secret.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether to go on.")]


def back_up(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; it holds no secret.")],
    data_dir: DataDir = None,
) -> None:
    """Write the history, keys (as hashes), endpoints (sealed), labels and settings to one file."""
    settings = settings_here(data_dir)
    quiet_logs(settings)
    asyncio.run(_back_up(file, settings))
    typer.echo(f"{file} holds it all, but for the secret: keep that apart (docs/operations.md).")


def restore(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What `spout backup` wrote, or a nightly backup.")
    ],
    trust: Trust = False,  # noqa: FBT002 - an option
    yes: Yes = False,  # noqa: FBT002 - an option
    data_dir: DataDir = None,
) -> None:
    """Put a backup in the place of the history that is here, which is kept beside it."""
    settings = settings_here(data_dir)
    quiet_logs(settings)
    readable_file(file, "spout.backup")
    for line in asyncio.run(_restore(file, settings, trust=trust, yes=yes)):
        typer.echo(line)


async def _back_up(file: Path, settings: Settings) -> None:
    async with connected(settings.data_dir) as running:
        with new_file(file) as target:
            if running is None:
                async with standing(settings) as here, here.safekeeping.passing(here.opened.database) as made:
                    await copy(made, target)
                return
            await running.write_line(do="backup")
            length = (await running.answer()).get("length")
            with progress_bar(length, "copying") as advance:
                async for chunk in running.chunks(length):
                    target.write(chunk)
                    advance(len(chunk))


async def _restore(file: Path, settings: Settings, *, trust: bool, yes: bool) -> list[str]:
    async with connected(settings.data_dir) as running:
        if running is None:
            return await _restore_standing(file, settings, trust=trust, yes=yes)
        length = await asyncio.to_thread(os.path.getsize, file)
        await running.write_line(do="restore", length=length)
        with file.open("rb") as source, progress_bar(length, "copying") as advance:
            while chunk := source.read(_CHUNK):
                await running.send(chunk)
                advance(len(chunk))
        found = (await running.answer())["found"]
        _ask(found, trust=trust, yes=yes)
        await running.write_line(go=True, trust=trust)
        return [printable(str(one)) for one in (await running.answer())["done"]["words"]]


async def _restore_standing(file: Path, settings: Settings, *, trust: bool, yes: bool) -> list[str]:
    async with standing(settings, may_be_new=True) as here:
        prepared = await here.safekeeping.prepare(file)
        try:
            _ask(summary_of(prepared), trust=trust, yes=yes)
            await here.opened.database.close()
            done, kept_out = await here.safekeeping.install(
                prepared, floor=here.opened.last_sequence, trust=trust
            )
        finally:
            prepared.discard()
        return restored_words(done, kept_out)


def _ask(found: Mapping[str, Any], *, trust: bool, yes: bool) -> None:
    """Say what the backup holds, and ask whether to go on.

    Raises:
        CommandError: if the answer is no.
    """
    for line in _described(found, trust=trust):
        typer.echo(line, err=True)
    if not yes and not typer.confirm("It takes the place of the history that is here. Go on?", err=True):
        raise CommandError("nothing was changed")


def _described(found: Mapping[str, Any], *, trust: bool) -> list[str]:
    when = f", made {str(found['made_at'])[:16]}" if found["made_at"] and found["trusted"] else ""
    lines = [f"The backup holds {counted(found['rows'], 'row')}, up to event {found['last_sequence']}{when}."]
    named = {
        "API keys": found["keys"],
        "endpoints": found["endpoints"],
        "settings": found["settings"],
        "labels": [f"{found['labels']} of them"] if found["labels"] else [],
    }
    listed = [f"  {what}: {printable(', '.join(map(str, names)))}" for what, names in named.items() if names]
    if found["trusted"]:
        return [
            *lines,
            *(["It was made under this secret, so these are taken too:", *listed] if listed else []),
        ]
    lines.append("It was not made under this Spout's secret, or was changed since.")
    if not listed:
        return lines
    taken = "you asked for these too" if trust else "these are left out unless you add --with-keys"
    return [*lines, f"Whoever made it could let others in, so {taken}:", *listed]
