"""`spout endpoints`, for a box without a screen."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.commands.conftest import Spout, one_line
from tests.notifiers.builders import TOKEN
from tests.notifiers.receivers import Say, receiving

LOOPBACK = {"SPOUT_ALLOWED_TARGETS": "127.0.0.1"}


def test_an_added_webhook_prints_its_id_and_its_secret(spout: Spout) -> None:
    ended = spout("endpoints", "add", "hook", "--url", "https://hook.example/path-of-it")

    endpoint_id, secret = ended.stdout.split()
    assert (endpoint_id[:3], secret[:6], ended.returncode) == ("ep_", "whsec_", 0)


def test_the_list_shows_no_secrets(spout: Spout) -> None:
    spout("endpoints", "add", "hook", "--url", "https://hook.example/path-of-it")

    listed = spout("endpoints", "list")

    assert ("hook.example" in listed.stdout, "path-of-it" in listed.stdout) == (True, False)


def test_a_test_says_how_it_went(spout: Spout) -> None:
    with receiving() as receiver:
        receiver.script += [Say(200), Say(500)]
        spout("endpoints", "add", "hook", "--url", receiver.url(), "--reach", "lan", **LOOPBACK)
        good, bad = spout("endpoints", "test", "hook"), spout("endpoints", "test", "hook")

    assert (good.returncode, "Delivered" in good.stdout) == (0, True)
    assert (bad.returncode, "answered 500" in one_line(bad.stderr)) == (2, True)


def test_the_whole_of_it_may_come_as_json(spout: Spout, here: Path) -> None:
    reported = {"kind": "telegram", "telegram": {"token": TOKEN, "chat_id": 42}}
    (here / "chat.json").write_text(json.dumps(reported))

    ended = spout("endpoints", "add", "chat", "--json", "chat.json")

    assert (ended.returncode, "chat 42" in spout("endpoints", "list").stdout) == (0, True)


@pytest.mark.parametrize(
    ("kind", "options", "wanted"),
    [
        ("email", ("--host", "mail.example"), "kind email needs --from and --to"),
        ("email", (), "kind email needs --host and --from and --to"),
        ("telegram", (), "kind telegram needs --chat"),
        ("apprise", (), "kind apprise needs --url"),
    ],
)
def test_a_missing_option_is_named_as_it_is_typed(
    spout: Spout, kind: str, options: tuple[str, ...], wanted: str
) -> None:
    ended = spout("endpoints", "add", "one", "--kind", kind, *options)

    assert (ended.returncode, wanted in one_line(ended.stderr)) == (2, True)


def test_one_that_is_removed_is_gone(spout: Spout) -> None:
    spout("endpoints", "add", "hook", "--url", "https://hook.example/")

    first, second = spout("endpoints", "remove", "hook"), spout("endpoints", "remove", "hook")

    assert (first.returncode, second.returncode, "no endpoint" in one_line(second.stderr)) == (0, 2, True)


def test_a_refused_url_is_one_line(spout: Spout) -> None:
    ended = spout("endpoints", "add", "hook", "--url", "http://169.254.169.254/latest")

    assert (ended.returncode, "metadata" in one_line(ended.stderr)) == (2, True)


def test_one_that_is_removed_by_its_id_is_named_in_the_audit_log(spout: Spout, here: Path) -> None:
    endpoint_id = spout("endpoints", "add", "hook", "--url", "https://hook.example/").stdout.split()[0]
    spout("endpoints", "remove", endpoint_id)

    with closing(sqlite3.connect(here / "kept" / "operator.db")) as file:
        said = [what for (what,) in file.execute("SELECT what FROM audit ORDER BY number")]
    assert said == ["endpoint 'hook' added", "endpoint 'hook' removed"]
