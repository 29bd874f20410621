"""The life of a whale, told by the whole program: announced, replaced, dropped, back again, confirmed."""

import time

import pytest

from tests.backend.process import BackendProcess
from tests.backend.transactions import (
    BTC,
    Built,
    Pay,
    a_child,
    a_coin,
    a_payment,
    a_transaction,
    a_whale,
    bumped,
)
from tests.journey.ear import Ear
from tests.journey.spout import SpoutProcess

SECONDS_TO_ANNOUNCE = 5.0


def announced(backend: BackendProcess, spout: SpoutProcess, *whales: Built) -> None:
    backend.add(*whales)
    for whale in whales:
        spout.wait_for(whale.txid, status="pending")


@pytest.mark.timed
def test_a_whale_is_announced_on_the_stream_within_seconds(
    backend: BackendProcess, spout: SpoutProcess, ear: Ear
) -> None:
    whale, started = a_whale(), time.monotonic()
    backend.add(whale)

    event = ear.wait_for("whale.detected", whale.txid)

    seconds = ear.moment_of(event) - started
    print(f"\nfrom `added` to the stream: {seconds * 1000:.0f} ms")
    assert seconds < SECONDS_TO_ANNOUNCE
    reported = event["data"]
    assert (reported["status"], reported["first_seen_by"]) == ("pending", "mempool_ws")
    assert "late_seen" not in reported["flags"]
    assert spout.whale(whale.txid) is not None, "whoever hears of an event can read it back"


def test_a_mined_whale_is_confirmed_with_its_block(
    backend: BackendProcess, spout: SpoutProcess, ear: Ear
) -> None:
    whale = a_whale()
    announced(backend, spout, whale)

    block = backend.mine([whale])

    reported = ear.wait_for("whale.confirmed", whale.txid)["data"]
    assert (reported["status"], reported["confirmed_height"]) == ("confirmed", block["height"])
    assert reported["lead_time_s"] > 0
    assert spout.story(whale.txid) == ["whale.detected", "whale.confirmed"]


def test_a_payment_that_is_no_whale_is_not_told(backend: BackendProcess, spout: SpoutProcess) -> None:
    minnow = a_payment(40 * BTC, change=20 * BTC)
    backend.add(minnow)
    announced(backend, spout, a_whale())

    assert spout.whale(minnow.txid) is None


def test_a_whale_that_nobody_announced_is_recorded_from_its_block(backend: BackendProcess, ear: Ear) -> None:
    whale = a_whale()

    block = backend.mine(unannounced=[whale])

    reported = ear.wait_for("whale.confirmed", whale.txid)["data"]
    assert reported["confirmed_height"] == block["height"]
    assert (reported["first_seen_by"], reported["lead_time_s"], reported["outcome"]) == ("block", None, None)
    assert "late_seen" in reported["flags"]


def test_a_replaced_whale_keeps_its_id(backend: BackendProcess, spout: SpoutProcess, ear: Ear) -> None:
    whale = a_whale()
    announced(backend, spout, whale)
    better = bumped(whale, 20_000)

    backend.replace(whale, better)

    reported = ear.wait_for("whale.replaced", better.txid)["data"]
    first = ear.wait_for("whale.detected", whale.txid)["data"]
    assert reported["prediction_id"] == first["prediction_id"]
    assert (reported["replaces"], reported["was_modified"], reported["status"]) == (
        [whale.txid],
        True,
        "pending",
    )


def test_a_chain_of_replacements_is_one_whale_with_all_its_txids(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    first = a_whale()
    second = bumped(first, 20_000)
    third = bumped(second, 40_000)
    announced(backend, spout, first)
    backend.replace(first, second)
    backend.replace(second, third)
    spout.wait_for(third.txid, status="pending")
    backend.mine([third])

    whale = spout.wait_for(third.txid, status="confirmed")

    assert whale["replaces"] == [first.txid, second.txid]
    assert spout.story(first.txid) == [
        "whale.detected",
        "whale.replaced",
        "whale.replaced",
        "whale.confirmed",
    ]


def test_a_whale_replaced_by_a_small_payment_ends_as_replaced(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    whale = a_whale()
    announced(backend, spout, whale)
    back = a_transaction(whale.coins, [Pay(BTC, "bob"), Pay(whale.coins[0].value - BTC - 50_000, "whale")])

    backend.replace(whale, back)

    reported = spout.wait_for(whale.txid, status="replaced")
    assert reported["replaced_by"] == back.txid
    assert spout.whale(back.txid) is None


def test_two_whales_replaced_by_one_leave_one_pending(backend: BackendProcess, spout: SpoutProcess) -> None:
    large, small = a_whale(300 * BTC), a_whale(200 * BTC)
    announced(backend, spout, large, small)
    value = sum(coin.value for coin in large.coins + small.coins)
    both = a_transaction([*large.coins, *small.coins], [Pay(value - 500_000, "bob")])

    backend.replace(large, both)

    replacement = spout.wait_for(both.txid, status="pending")
    gone = spout.wait_for(small.txid, status="replaced")
    assert replacement["replaces"] == [large.txid]
    assert gone["replaced_by"] == both.txid


def test_the_child_of_a_replaced_whale_is_dropped_with_the_reason(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    parent = a_whale()
    child = a_child(parent)
    announced(backend, spout, parent, child)
    better = bumped(parent, 60_000)

    backend.replace(parent, better)

    reported = spout.wait_for(child.txid, status="dropped")
    assert parent.txid in reported["reason"]
    assert reported["outcome"] == "dropped"


def test_a_double_spend_by_a_block_is_a_conflict_and_then_dropped(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    whale = a_whale(fee=50_000)
    announced(backend, spout, whale)
    thief = a_transaction(whale.coins, [Pay(whale.coins[0].value - 1_000, "thief")])

    backend.mine(unannounced=[thief])

    reported = spout.wait_for(whale.txid, status="dropped")
    assert spout.story(whale.txid) == ["whale.detected", "whale.conflicted", "whale.dropped"]
    assert thief.txid in reported["reason"]
    winner = spout.wait_for(thief.txid, status="confirmed")
    assert winner["prediction_id"] != reported["prediction_id"]
    assert "late_seen" in winner["flags"]


def test_an_expired_whale_is_dropped_with_a_reason(backend: BackendProcess, spout: SpoutProcess) -> None:
    whale = a_whale()
    announced(backend, spout, whale)

    backend.drop(whale)

    reported = spout.wait_for(whale.txid, status="dropped")
    assert "no longer in any mempool" in reported["reason"]
    assert spout.story(whale.txid) == ["whale.detected", "whale.dropped"]


def test_a_dropped_whale_that_is_broadcast_again_goes_on_under_its_id(
    backend: BackendProcess, spout: SpoutProcess, ear: Ear
) -> None:
    whale = a_whale()
    announced(backend, spout, whale)
    backend.drop(whale)
    before = spout.wait_for(whale.txid, status="dropped")

    backend.add(whale)

    again = spout.wait_for(whale.txid, status="pending")
    assert again["prediction_id"] == before["prediction_id"]
    assert spout.story(whale.txid) == ["whale.detected", "whale.dropped", "whale.updated"]
    ear.wait_for("whale.updated", whale.txid)


def test_all_that_was_told_has_one_beginning_and_one_number(spout: SpoutProcess, ear: Ear) -> None:
    last = spout.listen(after=0)
    last.wait_until(lambda received: len(received) >= len(ear.received), "the replay has caught up")
    beginnings = [e["data"]["prediction_id"] for e in last.received if e["type"] == "whale.detected"]

    assert len(beginnings) == len(set(beginnings))
    assert last.sequences == list(range(1, len(last.received) + 1))
    assert last.received[: len(ear.received)] == ear.received


@pytest.mark.parametrize("kind", ["p2pkh", "p2wpkh", "p2sh-p2wpkh"])
def test_change_that_is_certain_from_the_inputs_own_script_needs_no_answer(
    backend: BackendProcess, spout: SpoutProcess, kind: str
) -> None:
    whale = a_payment(150 * BTC, change=250 * BTC, change_to="whale", kind=kind)
    announced(backend, spout, whale)

    reported = spout.whale(whale.txid)

    assert reported is not None
    assert (reported["moved_sat"], reported["moved_is"], reported["gross_sat"]) == (
        150 * BTC,
        "certain",
        400 * BTC,
    )


@pytest.mark.parametrize("kind", ["p2tr"])
def test_a_spent_script_that_the_wire_does_not_show_is_asked_for(
    backend: BackendProcess, spout: SpoutProcess, kind: str
) -> None:
    whale = a_payment(150 * BTC, change=250 * BTC, change_to="whale", kind=kind)
    backend.add(whale)

    reported = spout.wait_for(whale.txid)

    assert (reported["moved_sat"], reported["moved_is"]) == (150 * BTC, "certain")
    assert "POST /api/v1/prevouts" in backend.state()["requests"]


@pytest.mark.parametrize(("extra", "is_published"), [(-1, False), (0, False), (1, True)])
def test_a_whale_moves_strictly_more_than_100_btc(
    backend: BackendProcess, spout: SpoutProcess, extra: int, *, is_published: bool
) -> None:
    edge = a_payment(100 * BTC + extra, change=0)
    backend.add(edge)
    announced(backend, spout, a_whale())

    assert (spout.whale(edge.txid) is not None) is is_published


@pytest.mark.parametrize(("extra", "is_published"), [(-1, False), (0, False), (1, True)])
def test_certain_change_never_counts_towards_a_whale(
    backend: BackendProcess, spout: SpoutProcess, extra: int, *, is_published: bool
) -> None:
    edge = a_payment(100 * BTC + extra, change=500 * BTC, change_to="whale")
    backend.add(edge)
    announced(backend, spout, a_whale())

    assert (spout.whale(edge.txid) is not None) is is_published


def test_a_coin_nobody_knows_leaves_a_whale_that_is_not_called_certain(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    backend.call("rest_body", path="/api/v1/prevouts", body="[null]")
    backend.call("rest_error", path="/api/v1/tx/*", status=404)
    whale = a_transaction(
        [a_coin(151 * BTC, kind="p2tr")], [Pay(101 * BTC, "bob"), Pay(49 * BTC, "whale", "p2tr")]
    )
    backend.add(whale)

    reported = spout.wait_for(whale.txid)

    backend.call("rest_error", path="/api/v1/prevouts", status=0)
    backend.call("rest_error", path="/api/v1/tx/*", status=0)
    assert reported["moved_is"] != "certain"
