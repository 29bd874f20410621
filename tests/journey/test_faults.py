"""What a network and a restarting backend do: the link breaks, comes back, and nothing is missed."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.backend.process import BackendProcess
from tests.backend.transactions import Built, a_whale
from tests.journey.spout import SpoutProcess
from tests.journey.waiting import until

RECOVERS_WITHIN_SECONDS = 5.0
"""From the moment the backend answers again to a whale in the API."""


Recovery = Callable[[str, float, Built], None]


@pytest.fixture
def recovery(spout: SpoutProcess) -> Recovery:
    """Wait for a whale that came while the link was gone; print how long since it could be up again."""

    def wait(what: str, since: float, missed: Built) -> None:
        spout.wait_for(missed.txid, status="pending")
        seconds = time.monotonic() - since
        print(f"\nrecovery after {what}: {seconds:.1f} s")
        assert seconds < RECOVERS_WITHIN_SECONDS
        spout.wait_until_watching()

    return wait


@contextmanager
def refused_port(backend: BackendProcess) -> Iterator[None]:
    """Whatever happens meanwhile, it is open again for those that come after."""
    backend.call("refuse")
    try:
        yield
    finally:
        backend.call("listen")


@pytest.mark.timed
def test_a_cut_link_comes_back_with_what_was_missed(
    backend: BackendProcess, spout: SpoutProcess, recovery: Recovery
) -> None:
    before = spout.count("reconnects")
    whale = a_whale()

    backend.call("cut")
    backend.add(whale)

    recovery("a cut link", time.monotonic(), whale)
    spout.wait_for_count("reconnects", above=before)


@pytest.mark.timed
def test_a_cut_in_the_middle_of_a_frame_loses_nothing(backend: BackendProcess, recovery: Recovery) -> None:
    whale = a_whale()
    frame = {"mempool-transactions": {"sequence": 1, "added": [whale.wire()], "removed": [], "mined": []}}

    backend.call("send_half_frame", payload=json.dumps(frame))
    backend.add(whale)

    recovery("half a frame", time.monotonic(), whale)


@pytest.mark.timed
@pytest.mark.parametrize("down_seconds", [2, 12])
def test_a_backend_that_refuses_for_a_while_is_found_again(
    backend: BackendProcess, spout: SpoutProcess, recovery: Recovery, down_seconds: int
) -> None:
    known, missed = a_whale(), a_whale()
    backend.add(known)
    spout.wait_for(known.txid, status="pending")
    with refused_port(backend):
        down = time.monotonic()
        backend.add(missed)
        until(lambda: spout.component("mempool_ws")["status"] in ("degraded", "failed"), "it is said")
        until(lambda: spout.health()["rung"] != "live", "it is shown")
        until(lambda: time.monotonic() > down + down_seconds, "the time has passed")

    recovery(f"{down_seconds} s of a refused port", time.monotonic(), missed)
    until(lambda: spout.health()["rung"] == "live", "the stream is how we see again")
    reported = spout.wait_for(missed.txid)
    assert "late_seen" in reported["flags"]
    assert spout.whale(known.txid)["status"] == "pending"  # type: ignore[index]  # it was found above


@pytest.mark.timed
def test_a_restarted_backend_that_repeats_itself_repeats_nothing_to_us(
    backend: BackendProcess, spout: SpoutProcess, recovery: Recovery
) -> None:
    waiting, mined, missed = a_whale(), a_whale(), a_whale()
    backend.add(waiting, mined)
    for whale in (waiting, mined):
        spout.wait_for(whale.txid, status="pending")
    backend.mine([mined])
    spout.wait_for(mined.txid, status="confirmed")

    backend.call("restart", down_seconds=1.0, sync_seconds=1.0)
    since = time.monotonic()
    backend.add(missed)

    recovery("a restart", since, missed)
    assert spout.story(waiting.txid) == ["whale.detected"]
    assert spout.story(mined.txid) == ["whale.detected", "whale.confirmed"]


def test_a_block_mined_while_the_backend_restarts_is_not_lost(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    whale, unseen = a_whale(), a_whale()
    backend.add(whale)
    spout.wait_for(whale.txid, status="pending")
    backend.call("refuse")
    backend.mine([whale], unannounced=[unseen], empty=2)

    backend.call("restart", sync_seconds=0.5, lost_blocks=True)

    assert spout.wait_for(whale.txid, status="confirmed")["lead_time_s"] > 0
    assert spout.wait_for(unseen.txid, status="confirmed")["first_seen_by"] == "block"


def test_many_blocks_that_are_never_told_are_read_all_the_same(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    whale, unseen = a_whale(), a_whale()
    backend.add(whale)
    spout.wait_for(whale.txid, status="pending")

    with refused_port(backend):
        backend.mine([whale], unannounced=[unseen], empty=20)

    spout.wait_for(whale.txid, status="confirmed")
    spout.wait_for(unseen.txid, status="confirmed")


def test_whales_that_left_while_the_link_was_gone_are_dropped(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    whale = a_whale()
    backend.add(whale)
    spout.wait_for(whale.txid, status="pending")

    with refused_port(backend):
        backend.drop(whale)

    spout.wait_for(whale.txid, status="dropped")


def test_a_restarted_node_that_forgot_its_mempool_drops_what_it_forgot(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    whales = [a_whale() for _ in range(4)]
    backend.add(*whales)
    for whale in whales:
        spout.wait_for(whale.txid, status="pending")

    backend.call("drop_all")

    for whale in whales:
        spout.wait_for(whale.txid, status="dropped")


def test_a_node_that_is_down_drops_no_whale_and_is_told(backend: BackendProcess, spout: SpoutProcess) -> None:
    whale = a_whale()
    backend.add(whale)
    spout.wait_for(whale.txid, status="pending")

    backend.call("node_down", every_seconds=0.2)
    backend.call("cut")
    spout.wait_until_watching_or_syncing()

    assert spout.whale(whale.txid)["status"] == "pending"  # type: ignore[index]  # it was found above
    backend.call("node_up")
    spout.wait_until_watching()
    missed = a_whale()
    backend.add(missed)
    spout.wait_for(missed.txid, status="pending")
    assert spout.story(whale.txid) == ["whale.detected"]


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "garbage",
        "[]",
        "null",
        "17",
        '"text"',
        '{"mempool-transactions": 5}',
        '{"block": {"id": 1}}',
        "{" * 2000,
    ],
)
def test_a_frame_of_nonsense_is_skipped_and_the_next_whale_is_found(
    backend: BackendProcess, spout: SpoutProcess, nonsense: str
) -> None:
    before, whale = spout.count("skipped_messages"), a_whale()

    backend.call("send_raw", payload=nonsense)
    backend.add(whale)

    spout.wait_for(whale.txid, status="pending")
    spout.wait_for_count("skipped_messages", above=before)


def test_bytes_that_are_no_text_cost_nothing_but_themselves(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    whale = a_whale()

    backend.call("send_raw", hex="fffe00c328")
    backend.call("send_raw", hex="00ff", binary=True)
    backend.add(whale)

    spout.wait_for(whale.txid, status="pending")


def test_a_whale_in_a_frame_that_could_not_be_read_is_found_by_reconciliation(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    whale = a_whale()
    backend.call("freeze")
    backend.add(whale)  # its frame is lost
    backend.call("thaw")

    backend.call("send_raw", payload='{"mempool-transactions": {"sequence": "lost"')

    reported = spout.wait_for(whale.txid, status="pending")
    assert "late_seen" in reported["flags"]


def test_a_lost_delta_is_noticed_by_its_sequence_and_made_good(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    known, lost, seen = a_whale(), a_whale(), a_whale()
    backend.add(known)  # of a link's first delta nobody can say what came before it
    spout.wait_for(known.txid, status="pending")
    before = spout.count("gaps")
    backend.call("freeze")
    backend.add(lost)
    backend.call("thaw")

    backend.add(seen)

    spout.wait_for(lost.txid, status="pending")
    spout.wait_for_count("gaps", above=before)
