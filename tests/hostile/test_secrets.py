"""Secrets planted where they may slip out, and files where they may be read."""

import io
import json
import logging
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from app import logs
from app.clock import SystemClock
from app.commands.doctor import Line, shown
from app.errors import SettingsError, StoreError
from app.redaction import Redactor, csv_cell, printable
from app.settings import LogFormat, LogLevel, read_settings
from app.source import RpcEndpoint
from app.store import RUNNING, hold, open_operator
from app.store.operator.keys import KeyStore, Scope
from dashboard.log_tail import LogTail
from notifiers.catalogue import services

ROOT = Path(__file__).parents[2]
PLANTED = {
    "an api key": "spout_kJ8s7dHqLw0P2mN4vB6xZ1cF3gT5yR9e",
    "a password in an address": "hunter2",
    "a password with an @": "p@ss@word",
    "the operator's password": "correct horse battery",
    "a webhook's secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "a Telegram token": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
    "a JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJvcGVyYXRvciJ9.dBjftJeZ4CVPmB92K27uhb",
}
BURIED = {
    "event": "asked {secret} of it",
    "field": "{secret}",
    "address": "http://operator:{secret}@node:8332/x",
    "header": "Authorization: Bearer {secret}",
    "path": "no connection: /bot{secret}/sendMessage",
}


@pytest.fixture(params=[LogFormat.JSON, LogFormat.CONSOLE], ids=lambda form: form.value)
def lines(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    redactor = Redactor([PLANTED["the operator's password"], PLANTED["a password with an @"], "hunter2"])
    logs.configure(LogLevel.INFO, request.param, stream, redactor)
    yield stream
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


@pytest.mark.parametrize("secret", PLANTED.values(), ids=PLANTED.keys())
def test_a_secret_is_in_no_line_however_deep_it_was_buried(lines: io.StringIO, secret: str) -> None:
    log = structlog.get_logger("app")
    for name, text in BURIED.items():
        log.info(f"buried in {name}", value=text.format(secret=secret))
        log.info("nested", body={"outer": [{"inner": text.format(secret=secret)}], "password": secret})
        log.info(text.format(secret=secret))
        logging.getLogger("somebody").warning("it said %s", text.format(secret=secret))

    assert secret not in lines.getvalue()


UNKNOWN = "zq9 of, their&own"
"""A secret of somebody else's, of which only the name beside it tells what it is."""
NAMED = {
    "as Python prints it": repr({"url": "x", "password": UNKNOWN}),
    "as JSON": json.dumps({"api_key": UNKNOWN, "n": 1}),
    "as JSON in JSON in JSON": json.dumps({"said": json.dumps({"body": json.dumps({"token": UNKNOWN})})}),
    "quoted after a sign": f"login(user='me', passphrase='{UNKNOWN}')",
    "with its own quotes": json.dumps({"secret": f'a"{UNKNOWN}'}),
    "a cookie": f"GET / HTTP/1.1\r\nCookie: spout_session={UNKNOWN}; theme=dark\r\n",
    "a set cookie": f"set-cookie: s={UNKNOWN}",
    "an address with a slash": "http://operator:zq9/own@node:8332/x",
    "a header": "X-Api-Key: zq9own",
}


@pytest.mark.parametrize("text", NAMED.values(), ids=NAMED.keys())
def test_a_secret_that_nobody_knows_is_hidden_by_the_name_beside_it(lines: io.StringIO, text: str) -> None:
    structlog.get_logger("app").warning("it said", answer=text)
    logging.getLogger("somebody").warning("it said %s", text)

    assert "zq9" not in lines.getvalue()
    assert "own" not in lines.getvalue().replace("unknown", "")


TOKEN = "aZ9xQ7mK2pL4vB8nR3tY6wE1uI5oP0sD"
"""Of a service: what its address holds is all that is needed to write there."""
HOOKS = {
    "Discord": f"https://discord.com/api/webhooks/123456789012345678/{TOKEN}",
    "a version of Discord's": f"https://discordapp.com/api/v10/webhooks/1/{TOKEN}?wait=true",
    "a request to Discord": f"Max retries exceeded with url: /api/webhooks/1234/{TOKEN} (Caused by x)",
    "Slack": f"https://hooks.slack.com/services/T01ABCDEF/B02ABCDEF/{TOKEN}",
    "a request to Slack": f'"POST /services/T01ABCDEF/B02ABCDEF/{TOKEN} HTTP/1.1" 404',
    "Mattermost": f"https://chat.home.lan/hooks/{TOKEN}",
    "a token of ntfy's": f"refused tk_{TOKEN}",
}


@pytest.mark.parametrize("text", HOOKS.values(), ids=HOOKS.keys())
def test_a_services_address_that_is_its_secret_is_hidden(lines: io.StringIO, text: str) -> None:
    structlog.get_logger("app").warning("it said", answer=text)
    try:
        int(text)  # the error repeats it
    except ValueError:
        logging.getLogger("somebody").exception("part failed")

    assert "it said" in lines.getvalue()
    assert TOKEN not in lines.getvalue()


@pytest.mark.parametrize("scheme", sorted(services()))
def test_an_apprise_url_of_every_service_is_hidden(lines: io.StringIO, scheme: str) -> None:
    for url in (f"{scheme}://gotify.lan:80/{TOKEN}", f"{scheme}://me@{TOKEN}", f"{scheme}://{TOKEN}/a/b?c=d"):
        structlog.get_logger("app").warning("not taken", url=url)
        logging.getLogger("somebody").warning("not taken: %s", url)

    assert TOKEN not in lines.getvalue()


@pytest.mark.parametrize(
    "text", ["/home/me/.cookie: Permission denied", "https://example.org/@user:server", "token: not read"]
)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    assert Redactor()(text) == text


@pytest.mark.parametrize("secret", PLANTED.values(), ids=PLANTED.keys())
def test_a_traceback_shows_no_local_variable_and_no_secret_of_its_message(
    lines: io.StringIO, secret: str
) -> None:
    def falls() -> None:
        held_here = "plain-local-value"
        raise ValueError(f"refused http://operator:{secret}@node/ {len(held_here)}")

    try:
        falls()
    except ValueError:
        structlog.get_logger("app").exception("part failed")

    assert "ValueError" in lines.getvalue()
    assert not [one for one in (secret, "plain-local-value") if one in lines.getvalue()]


def test_the_log_on_the_system_page_hides_the_same() -> None:
    tail = LogTail(redactor=Redactor(["correct horse"]))
    record = logging.LogRecord("x", logging.INFO, "", 0, "http://a:p@ss@h/ correct horse \x1b[2J", None, None)
    tail.emit(record)

    assert [line.words for line in tail.lines()] == ["http://***@h/ *** \\x1b[2J"]


def test_the_settings_name_every_secret_they_hold() -> None:
    settings = read_settings(
        {"SPOUT_PASSWORD": "correct horse", "SPOUT_BITCOIND_URL": "http://u:p%40ss@h:8332"}
    )

    assert {"correct horse", "p%40ss", "p@ss"} <= set(settings.revealed())


def test_an_endpoint_shows_no_password() -> None:
    assert "hunter2" not in repr(RpcEndpoint.parse("http://user:hunter2@host:8332"))


def test_what_a_far_side_says_moves_no_cursor_in_doctor() -> None:
    line = Line(
        name="electrs", status="ok", message="\x1b]0;owned\x07\x1b[2J\u202eslecte", remedy="\r\x9b31m"
    )

    text = shown(line).plain
    assert text == printable(text)
    assert "\\x1b[2J" in text


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_that_a_spreadsheet_would_compute_is_text(cell: str) -> None:
    assert csv_cell(cell) == f"'{cell}"


def test_a_pipe_that_nobody_writes_to_is_refused_as_a_secret(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(SettingsError, match="no plain file"):
        read_settings({"SPOUT_PASSWORD_FILE": str(tmp_path / "pipe")})


def test_a_password_longer_than_the_login_takes_is_refused_at_the_start() -> None:
    assert read_settings({"SPOUT_PASSWORD": "x" * 1_024}).password is not None
    with pytest.raises(SettingsError, match="longer than 1024 characters"):
        read_settings({"SPOUT_PASSWORD": "x" * 1_025})


COMMANDS = {
    "labels": ["labels", "list"],
    "keys": ["keys", "list"],
    "doctor": ["doctor"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_the_directory_and_its_files_are_ours_alone_whichever_command_comes_first(
    tmp_path: Path, command: list[str]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    room = tmp_path / "data"
    environment = {**os.environ, "SPOUT_DATA_DIR": str(room), "SPOUT_MEMPOOL_URL": url}
    os.umask(0o022)
    subprocess.run(
        [sys.executable, "-m", "app", *command], cwd=ROOT, env=environment, capture_output=True, check=False
    )

    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in room.rglob("*")} if room.exists() else {}
    assert {name: mode for name, mode in modes.items() if mode != 0o600} == {}
    assert not room.exists() or stat.S_IMODE(room.stat().st_mode) == 0o700


async def test_beside_a_running_spout_a_damaged_file_is_not_set_aside(tmp_path: Path) -> None:
    release = hold(tmp_path, RUNNING)
    (tmp_path / "operator.db").write_bytes(b"damaged" * 5_000)

    with pytest.raises(StoreError, match="restart that one"):
        await open_operator(tmp_path, at=SystemClock().now())
    kept = (tmp_path / "operator.db").read_bytes()
    release()
    assert kept == b"damaged" * 5_000


async def test_a_key_revoked_in_the_file_that_took_its_place_is_no_key(tmp_path: Path) -> None:
    opened = await open_operator(tmp_path, at=SystemClock().now(), owner=True)
    store = KeyStore(opened.file)
    key = await store.create("mine", Scope.READ, SystemClock().now())
    before = await store.find(key)
    for one in tmp_path.glob("operator.db*"):
        one.unlink()
    other = await open_operator(tmp_path, at=SystemClock().now())
    await other.file.close()

    after = await store.find(key)
    await opened.file.close()
    assert (before is not None, after) == (True, None)


def test_json_lines_stay_json(lines: io.StringIO) -> None:
    structlog.get_logger("app").info("quoted", token='"}{"', url="http://a:b@c/")
    line = lines.getvalue()

    assert not line.startswith("{") or json.loads(line)["url"] == "http://***@c/"
