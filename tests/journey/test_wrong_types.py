"""Every field of a wrong type in turn, on the stream and by REST: it lives, counts, finds the next whale."""

from itertools import islice

import pytest

from tests.backend.process import BackendProcess
from tests.backend.transactions import BTC, a_payment, a_whale
from tests.backend.world import World
from tests.backend.wrong_types import frames, transaction_frames
from tests.journey.spout import SpoutProcess

AT_ONCE = 200
NONSENSE = ("", "null", "17", "[]", "{}", '"text"', "[null, {}]", '{"error": 1}', "<html>", '{"txid": 5}')
ASKED = ("tx/*/status", "tx/*", "prevouts", "block/*", "mempool/txids", "cpfp/*", "blocks/tip/*")


def next_whale_is_found(backend: BackendProcess, spout: SpoutProcess) -> None:
    whale = a_whale()
    backend.add(whale)
    spout.wait_for(whale.txid, status="pending")


def send(backend: BackendProcess, reported: list[object]) -> None:
    several = iter(reported)
    while piece := list(islice(several, AT_ONCE)):
        backend.call("push_to_all", frames=piece)


def test_a_transaction_wrong_in_any_field_costs_itself_alone(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    before = spout.count("skipped_messages")
    wrong = [variant.value for variant in transaction_frames(a_whale().wire())]

    send(backend, wrong)

    next_whale_is_found(backend, spout)
    spout.wait_for_count("skipped_messages", above=before)
    skipped = spout.count("skipped_messages") - before
    print(f"\n{len(wrong)} wrong transactions, {skipped} skipped")
    assert skipped <= len(wrong)


def test_a_block_frame_wrong_in_any_field_costs_itself_alone(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    before, reported = spout.count("skipped_messages"), list[dict[str, object]]()
    World(push=reported.append).mine([])
    block_frame = next(frame for frame in reported if "block" in frame)
    wrong = [variant.value for variant in frames(block_frame)]

    send(backend, wrong)

    next_whale_is_found(backend, spout)
    spout.wait_for_count("skipped_messages", above=before)
    skipped = spout.count("skipped_messages") - before
    print(f"\n{len(wrong)} wrong block frames, {skipped} skipped")
    assert skipped <= len(wrong)


def test_blocks_are_still_followed_afterwards(backend: BackendProcess, spout: SpoutProcess) -> None:
    whale = a_whale()
    backend.add(whale)
    spout.wait_for(whale.txid, status="pending")

    backend.mine([whale])

    spout.wait_for(whale.txid, status="confirmed")


def test_a_whale_whose_part_of_the_frame_is_unreadable_is_found_by_reconciliation(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    whale = a_whale()
    backend.call("freeze")
    backend.add(whale)
    backend.call("thaw")
    broken = {**whale.wire(), "vout": "unreadable"}
    delta = {"sequence": 1, "added": [broken], "removed": [], "mined": [], "replaced": []}

    backend.call("push_to_all", frames=[{"mempool-transactions": delta}])

    assert "late_seen" in spout.wait_for(whale.txid, status="pending")["flags"]


@pytest.mark.parametrize("path", ASKED)
def test_answers_of_nonsense_invent_nothing_and_stop_nothing(
    backend: BackendProcess, spout: SpoutProcess, path: str
) -> None:
    waiting = a_whale()
    backend.add(waiting)
    spout.wait_for(waiting.txid, status="pending")
    for body in NONSENSE:
        backend.call("rest_body", path=f"/api/v1/{path}", body=body)
        unseen = a_payment(150 * BTC, kind="p2tr")
        backend.add(unseen, gone := a_whale())
        backend.drop(gone)
        backend.mine(unannounced=[a_whale()])
        spout.wait_for(unseen.txid)
    backend.call("rest_error", path=f"/api/v1/{path}", status=0)

    assert spout.wait_for(waiting.txid)["status"] == "pending"
    next_whale_is_found(backend, spout)
