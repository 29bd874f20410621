"""`spout story`: all that was seen and concluded of one whale, for a bug report."""

import asyncio
import json
import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from app.api import story_of
from app.commands.keeping import standing
from app.commands.story_words import story_lines
from app.commands.surroundings import DataDir, operator_file, quiet_logs, settings_here
from app.commands.version import own_version
from app.core.alerts import without_own_labels
from app.core.flow import parse_table
from app.data import entities_table
from app.errors import CommandError
from app.local import connected
from app.redaction import Redactor, printable, without_places
from app.settings import Settings
from app.store import LabelStore, PredictionStore

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")


def print_story(
    whale: Annotated[
        str, typer.Argument(metavar="TXID", help="Of a whale, also a replaced one; or a prediction_id.")
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    private: Annotated[
        bool,
        typer.Option("--private", help="With your own labels, URLs and host names: for you alone."),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Tell all that was seen and concluded of one transaction, as a bug report needs it.

    Beside a running Spout it also says what was observed since it started, line by line.
    """
    settings = settings_here(data_dir)
    quiet_logs(settings)
    if not _NAME.fullmatch(whale):
        raise CommandError("TXID must be a transaction id (64 hex digits) or a prediction_id")
    story, own = asyncio.run(_story(whale.lower() if len(whale) == 64 else whale, settings))
    story = {"spout_version": own_version(), **story}
    if not private:
        story = _passed_on(story, own, settings)
    typer.echo(json.dumps(story) if as_json else "\n".join(map(printable, story_lines(story))))


async def _story(whale: str, settings: Settings) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the story and the names of the operator's own labels."""
    async with connected(settings.data_dir) as running:
        if running is None:
            async with standing(settings) as here:
                story = await story_of(PredictionStore(here.opened), whale, lambda _id: ())
        else:
            await running.write_line(do="story", whale=whale)
            answer = await running.answer()
            story = json.loads(b"".join([chunk async for chunk in running.chunks(answer.get("length"))]))
    async with operator_file(settings.data_dir) as file:
        labels = await LabelStore(file).listed()
    return story, frozenset(name for label in labels for name in (label.entity, label.group))


def _passed_on(story: Mapping[str, Any], own: Collection[str], settings: Settings) -> dict[str, Any]:
    """Return the story without own labels, URLs, host names and secrets."""
    shipped = {name for label in parse_table(entities_table()) for name in (label.entity, label.group)}
    hosts = frozenset(_hosts(settings))
    redacted = Redactor(settings.revealed())
    found: dict[str, Any] = _each_text(
        without_own_labels(story, shipped, own), lambda text: without_places(redacted(text), hosts)
    )
    return found


def _hosts(settings: Settings) -> list[str]:
    urls = (
        settings.mempool_url,
        settings.electrs_url,
        settings.bitcoind_url,
        settings.bitcoind_zmq_rawtx,
        settings.bitcoind_zmq_sequence,
        settings.bitcoind_zmq_hashblock,
        settings.mempool_app_url,
        settings.outbound_proxy,
        settings.mqtt_url,
    )
    return [host for url in urls if url is not None and (host := urlsplit(str(url)).hostname)]


def _each_text(value: Any, change: Any) -> Any:  # noqa: ANN401 - JSON, at any depth
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _each_text(one, change) for key, one in value.items()}
    if isinstance(value, list):
        return [_each_text(one, change) for one in value]
    return value
