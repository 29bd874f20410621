"""Secrets that were planted are searched for wherever they might be seen."""

import json
import logging
from pathlib import Path

import pytest

from app.api.models import Endpoints
from app.keyring import Keyring
from app.views import DeliveryQuery
from tests.notifiers.builders import TOKEN
from tests.notifiers.receivers import Got, Say, receiving
from tests.notifiers.stage import staged, until

PASSWORD, PATH = "pl4nted-p4ssword", "pl4nted-p4th-of-a-hook"
BOT = TOKEN.partition(":")[2]


def _echo(got: Got) -> Say:
    """A rude receiver that says again whatever it was told."""
    return Say(500, f"{got.path} {got.headers}".encode() + got.body)


async def test_planted_secrets_are_nowhere_in_clear(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    with receiving(_echo) as rude:
        async with staged(tmp_path) as stage:
            hook = await stage.add(rude.url(f"/{PATH}?key={PASSWORD}"), name="hook")
            secret = (hook.secret or "").removeprefix("whsec_")
            reported = {"token": TOKEN, "chat_id": "42", "api_url": f"http://127.0.0.1:{rude.port}"}
            await stage.add(None, name="chat", kind="telegram", telegram=reported)
            await stage.add(f"ntfy://me:{PASSWORD}@127.0.0.1:{rude.port}/{PATH}", name="ntfy", kind="apprise")
            mail = {"host": "127.0.0.1", "port": 9, "security": "none", "username": "me"}
            mail |= {"password": PASSWORD, "from": "a@example.org", "to": "b@example.org"}
            await stage.add(None, name="mail", kind="email", email=mail)
            await stage.happen()
            await until(lambda: len(rude.got) >= 3)
            for endpoint in await stage.alerts.listed():
                tested = await stage.alerts.test(endpoint.id)
                said.append(tested.model_dump_json() if tested else "")
            found = await stage.alerts.listed()
            said.append(Endpoints(endpoints=found, total_count=len(found)).model_dump_json())
            said.append((await stage.alerts.deliveries(DeliveryQuery())).model_dump_json())
            said.append(repr(await stage.directory.listed()))
            said.append(json.dumps([str(one) for one in await stage.alerts.hosts()]))
        said.append(caplog.text)
        files = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    for planted in (PASSWORD, PATH, BOT, secret):
        assert planted not in "\n".join(said)
        assert [name for name, held in files.items() if planted.encode() in held] == []


async def test_under_another_secret_an_endpoint_comes_back_disabled_and_says_so(tmp_path: Path) -> None:
    async with staged(tmp_path, run=False) as stage:
        await stage.add("http://127.0.0.1:9/hook")
    async with staged(
        tmp_path, run=False, keyring=Keyring(b"another secret of the tests, long enough")
    ) as stage:
        [found] = await stage.alerts.listed()

    assert (found.enabled, "SPOUT_SECRET" in (found.state.disabled_because or "")) == (False, True)
