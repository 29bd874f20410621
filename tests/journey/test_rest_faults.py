"""A backend whose REST is slow or broken while its stream goes on, and the ways a backend may be reached."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backend.process import BackendProcess
from tests.backend.transactions import BTC, a_payment, a_whale
from tests.journey.spout import SpoutProcess


def test_whales_are_announced_while_rest_is_down(backend: BackendProcess, spout: SpoutProcess) -> None:
    whale, unseen = a_whale(), a_payment(150 * BTC, kind="p2tr")
    backend.call("rest_error", path="*", status=503)

    backend.add(whale, unseen)

    spout.wait_for(whale.txid, status="pending")
    assert spout.wait_for(unseen.txid, status="pending")["moved_is"] != "certain"
    backend.call("rest_error", path="*", status=0)


def test_a_whale_that_left_while_nobody_could_be_asked_is_in_doubt_until_somebody_can(
    backend: BackendProcess, spout: SpoutProcess
) -> None:
    whale = a_whale()
    backend.add(whale)
    spout.wait_for(whale.txid, status="pending")
    backend.call("rest_error", path="*", status=500)
    backend.drop(whale)
    spout.wait_for(whale.txid, status="pending", left_unverified=True)

    backend.call("rest_error", path="*", status=0)
    backend.call("cut")

    spout.wait_for(whale.txid, status="dropped", left_unverified=False)


def test_a_slow_backend_delays_no_announcement(backend: BackendProcess, spout: SpoutProcess) -> None:
    """Ten answers of 3 s, four at a time, would take 9 s."""
    backend.call("slow_rest", seconds=3)
    backend.add(*(a_payment(150 * BTC, kind="p2tr") for _ in range(10)))
    whale = a_whale()

    backend.add(whale)

    spout.wait_for(whale.txid, status="pending", seconds=6)
    backend.call("slow_rest", seconds=0)


@pytest.fixture(
    params=[("--frontend", "--idle-seconds", "3"), ("--strict",), ("--strict", "--version", "3.4")],
    ids=["behind the packaged frontend", "strict limits", "3.4"],
)
def another_backend(request: pytest.FixtureRequest) -> Iterator[BackendProcess]:
    with BackendProcess(*request.param) as running:
        yield running


def test_every_kind_of_backend_is_followed_through_a_whales_life(
    another_backend: BackendProcess, tmp_path: Path
) -> None:
    waiting, fresh, unseen = a_whale(), a_payment(150 * BTC, kind="p2tr"), a_whale()
    another_backend.add(waiting)
    with SpoutProcess(tmp_path, SPOUT_MEMPOOL_URL=another_backend.url) as spout:
        spout.wait_for(waiting.txid, status="pending")
        another_backend.add(fresh)
        spout.wait_for(fresh.txid, status="pending")
        another_backend.mine([fresh], unannounced=[unseen])
        spout.wait_for(fresh.txid, status="confirmed")
        spout.wait_for(unseen.txid, status="confirmed")
        another_backend.call("cut")
        again = a_whale()
        another_backend.add(again)
        spout.wait_for(again.txid, status="pending")

        assert spout.complaints() == []


def test_an_idle_cut_of_the_frontend_costs_no_whale(tmp_path: Path) -> None:
    with (
        BackendProcess("--frontend", "--idle-seconds", "1") as idle,
        SpoutProcess(tmp_path, SPOUT_MEMPOOL_URL=idle.url) as spout,
    ):
        spout.wait_for_count("reconnects", above=2)
        whale = a_whale()
        idle.add(whale)

        spout.wait_for(whale.txid, status="pending")
