"""The snippets of docs/webhooks.md verify what we sign, and refuse what we do not."""

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifiers.signing import SigningSecret, headers, new_secret

PAGE = (Path(__file__).parents[2] / "docs/webhooks.md").read_text("utf-8")
BODY = '{"words": "Börse"}  \n'.encode()


def _snippet(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def _cases() -> list[tuple[str, dict[str, str], bytes, bool]]:
    secret, old, now = new_secret(), new_secret(), datetime.now(UTC)
    both = [SigningSecret(secret), SigningSecret(old, until=now + timedelta(hours=1))]
    good = headers("evt_1", now, BODY, both)
    stale = headers("evt_1", now - timedelta(minutes=6), BODY, both)
    return [
        (secret, good, BODY, True),
        (old, good, BODY, True),
        (new_secret(), good, BODY, False),
        (secret, good, BODY + b" ", False),
        (secret, stale, BODY, False),
        (secret, good | {"webhook-id": "evt_2"}, BODY, False),
    ]


def test_the_python_snippet_verifies_as_it_should() -> None:
    room: dict[str, Any] = {}
    exec(_snippet("python"), room)

    assert [room["verify"](secret, reported, body) for secret, reported, body, _ in _cases()] == [
        right for *_, right in _cases()
    ]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_node_snippet_verifies_as_it_should() -> None:
    cases = _cases()
    reported = json.dumps([[secret, reported, body.decode()] for secret, reported, body, _ in cases])
    script = (
        _snippet("javascript")
        + f"\nconsole.log(JSON.stringify({reported}.map(([s, h, b]) => verify(s, h, Buffer.from(b)))));"
    )

    done = subprocess.run(["node", "-e", script], capture_output=True, check=True, timeout=60)

    assert json.loads(done.stdout) == [right for *_, right in cases]
