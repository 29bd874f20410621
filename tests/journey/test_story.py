"""`spout story` beside a running Spout."""

import json

from tests.backend.process import BackendProcess
from tests.backend.transactions import a_whale
from tests.journey.spout import SpoutProcess
from tests.journey.test_backup import command


def test_a_running_spout_tells_what_it_observed_and_after_a_restart_what_it_kept(
    own_backend: BackendProcess, own_spout: SpoutProcess
) -> None:
    spout, whale = own_spout, a_whale()
    spout.start()
    own_backend.add(whale)
    spout.wait_for(whale.txid)

    running = json.loads(command(spout, "story", whale.txid, "--json"))
    spout.stop()
    kept = json.loads(command(spout, "story", whale.txid, "--json"))

    assert running["observed"][0]["concluded"] == ["whale.detected"]
    assert kept["observed"] == []
    assert [event["id"] for event in kept["events"]][: len(running["events"])] == [
        event["id"] for event in running["events"]
    ]
