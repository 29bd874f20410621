"""Blocks that are taken back: what was confirmed waits again, with its first times."""

import pytest

from tests.backend.process import BackendProcess
from tests.backend.transactions import Built, Pay, a_transaction, a_whale
from tests.journey.spout import SpoutProcess


def confirmed(backend: BackendProcess, spout: SpoutProcess, *whales: Built, empty: int = 0) -> None:
    backend.add(*whales)
    for whale in whales:
        spout.wait_for(whale.txid, status="pending")
    backend.mine(whales, empty=empty)
    for whale in whales:
        spout.wait_for(whale.txid, status="confirmed")


def test_a_whale_of_an_invalidated_block_waits_again_with_its_first_times(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    whale = a_whale()
    confirmed(backend, spout, whale)
    before = spout.wait_for(whale.txid)

    backend.call("invalidate", depth=1)
    backend.add(a_whale())

    reported = spout.wait_for(whale.txid, status="pending")
    assert reported["detected_at"] == before["detected_at"]
    assert (reported["confirmed_height"], reported["confirmed_at"]) == (None, None)
    assert spout.story(whale.txid)[:3] == ["whale.detected", "whale.confirmed", "whale.reorged"]
    backend.mine([whale], empty=1)
    spout.wait_for(whale.txid, status="confirmed")


def test_a_higher_branch_without_the_whale_leaves_it_waiting(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    whale = a_whale()
    confirmed(backend, spout, whale)

    backend.reorg(depth=1, blocks=[[], []])

    spout.wait_for(whale.txid, status="pending")
    block = backend.mine([whale])
    reported = spout.wait_for(whale.txid, status="confirmed")
    assert reported["confirmed_height"] == block["height"]


def test_a_higher_branch_with_the_whale_confirms_it_at_its_new_height(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    whale = a_whale()
    confirmed(backend, spout, whale)

    blocks = backend.reorg(depth=1, blocks=[[], [whale]])

    reported = spout.wait_for(whale.txid, status="confirmed", confirmed_height=blocks[1]["height"])
    assert reported["events"][-1]["type"] == "whale.confirmed"
    assert "whale.reorged" in spout.story(whale.txid)


def test_a_same_height_reorg_is_noticed_with_the_next_block_at_the_latest(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    lost, kept = a_whale(), a_whale()
    confirmed(backend, spout, lost, kept)

    backend.reorg(depth=1, blocks=[[kept]])
    backend.mine()

    spout.wait_for(lost.txid, status="pending")
    assert "whale.reorged" in spout.story(lost.txid)
    spout.wait_for(kept.txid, status="confirmed")


def test_a_whale_mined_by_a_same_height_branch_is_confirmed(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    whale = a_whale()
    backend.add(whale)
    spout.wait_for(whale.txid, status="pending")
    backend.mine()

    backend.reorg(depth=1, blocks=[[whale]])

    spout.wait_for(whale.txid, status="confirmed")


@pytest.mark.parametrize("depth", [3, 10])
def test_a_deep_reorg_brings_every_whale_back_to_waiting(
    backend: BackendProcess, spout: SpoutProcess, depth: int
) -> None:
    whales = [a_whale() for _ in range(depth)]
    for whale in whales:
        confirmed(backend, spout, whale)

    backend.reorg(depth=depth, blocks=[[] for _ in range(depth)] + [whales[:1]])

    for whale in whales[1:]:
        spout.wait_for(whale.txid, status="pending")
        assert spout.story(whale.txid)[-1] in ("whale.reorged", "whale.updated")
    spout.wait_for(whales[0].txid, status="confirmed")
    backend.mine(whales[1:])
    for whale in whales[1:]:
        spout.wait_for(whale.txid, status="confirmed")


def test_a_double_spend_on_the_new_branch_is_a_conflict(backend: BackendProcess, spout: SpoutProcess) -> None:
    whale = a_whale()
    confirmed(backend, spout, whale)
    thief = a_transaction(whale.coins, [Pay(whale.coins[0].value - 1_000, "thief")])

    backend.reorg(depth=1, blocks=[[thief], []])

    spout.wait_for(whale.txid, status="dropped")
    assert spout.story(whale.txid) == [
        "whale.detected",
        "whale.confirmed",
        "whale.reorged",
        "whale.conflicted",
        "whale.dropped",
    ]
    spout.wait_for(thief.txid, status="confirmed")
