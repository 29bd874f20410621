"""What Spout finds when it starts beside a backend that has been running for long."""

from pathlib import Path

from tests.backend.process import BackendProcess
from tests.backend.transactions import BTC, a_payment, a_whale
from tests.journey.spout import SpoutProcess


def test_whales_already_waiting_are_found_and_marked_late(backend: BackendProcess, tmp_path: Path) -> None:
    whales = [a_whale((101 + n) * BTC) for n in range(5)]
    backend.add(*whales, *(a_payment(BTC, change=0) for _ in range(30)))

    with SpoutProcess(tmp_path, SPOUT_MEMPOOL_URL=backend.url) as spout:
        for whale in whales:
            reported = spout.wait_for(whale.txid, status="pending")
            assert "late_seen" in reported["flags"]
            assert reported["first_seen_by"] in ("mempool_rest", "mempool_ws")
        found = [one["txid"] for one in spout.whales()]
        assert all(found.count(whale.txid) == 1 for whale in whales)


def test_whales_in_the_latest_blocks_before_the_start_are_none_of_ours(
    backend: BackendProcess, tmp_path: Path
) -> None:
    old, fresh = a_whale(), a_whale()
    backend.mine(unannounced=[old])

    with SpoutProcess(tmp_path, SPOUT_MEMPOOL_URL=backend.url) as spout:
        backend.add(fresh)
        spout.wait_for(fresh.txid, status="pending")

        assert spout.whale(old.txid) is None


def test_a_whale_confirmed_while_spout_was_down_is_found_confirmed(
    backend: BackendProcess, tmp_path: Path
) -> None:
    waiting, unseen, dropped = a_whale(), a_whale(), a_whale()
    backend.add(waiting, dropped)
    with SpoutProcess(tmp_path, SPOUT_MEMPOOL_URL=backend.url) as spout:
        spout.wait_for(waiting.txid, status="pending")
        spout.wait_for(dropped.txid, status="pending")
        spout.kill()
        backend.add(unseen)
        backend.mine([waiting, unseen], empty=2)
        backend.drop(dropped)

        spout.start()

        assert spout.wait_for(waiting.txid, status="confirmed")["lead_time_s"] is not None
        reported = spout.wait_for(unseen.txid, status="confirmed")
        assert (reported["first_seen_by"], reported["lead_time_s"]) == ("block", None)
        assert "late_seen" in reported["flags"]
        spout.wait_for(dropped.txid, status="dropped")
