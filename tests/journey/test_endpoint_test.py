"""`spout endpoints test` beside a running Spout: the test goes out from there."""

import json

import httpx

from tests.journey.spout import SpoutProcess
from tests.journey.test_backup import command
from tests.notifiers.receivers import receiving


def test_a_running_spout_sends_the_test_itself_and_lists_the_host(own_spout: SpoutProcess) -> None:
    own_spout.settings["SPOUT_ALLOWED_TARGETS"] = "127.0.0.1"
    with receiving() as receiver:
        command(own_spout, "endpoints", "add", "hook", "--url", receiver.url(), "--reach", "lan")
        own_spout.start()
        words = command(own_spout, "endpoints", "test", "hook")
        key = command(own_spout, "keys", "create", "reader of hosts", "--scope", "admin").split()[-1]
        asked = f"http://127.0.0.1:{own_spout.port}/api/v1/hosts"
        called = httpx.get(asked, headers={"X-API-Key": key}, trust_env=False).json()["hosts"]

    assert json.loads(receiver.got[0].body)["type"] == "test"
    assert ("Delivered" in words, [one["host"] for one in called]) == (True, ["127.0.0.1"])
