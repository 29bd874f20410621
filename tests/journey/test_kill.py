"""SIGKILL at any moment: what was told is still there, nothing is told twice, what was missed is found."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.backend.process import BackendProcess
from tests.backend.transactions import BTC, Built, a_payment, a_whale, bumped
from tests.journey.ear import Ear
from tests.journey.spout import SpoutProcess
from tests.journey.waiting import until

KILLS = 10
SEED = 11
MOST_WAITING = 40
"""A start finds all that wait again: without a bound a slow machine has ever more of them to find."""


class Traffic:
    """Whales that come, are replaced, mined and dropped, without a pause, on a thread of its own."""

    def __init__(self, backend: BackendProcess, seed: int) -> None:
        self._backend = backend
        self._chance = random.Random(seed)
        self.waiting: list[Built] = []
        self.mined: list[Built] = []
        self.dropped: list[Built] = []
        self._ended = threading.Event()
        self.error: BaseException | None = None

    @contextmanager
    def flowing(self) -> Iterator[None]:
        thread = threading.Thread(target=self._flow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join(timeout=30)
        assert self.error is None, self.error

    def _flow(self) -> None:
        try:
            while not self._ended.wait(0.2):
                self._step()
        except Exception as error:  # noqa: BLE001 - told in the test's own thread
            self.error = error

    def _step(self) -> None:
        what = self._chance.random()
        if (what < 0.5 and len(self.waiting) < MOST_WAITING) or not self.waiting:
            whales = [a_whale((101 + self._chance.randrange(900)) * BTC) for _ in range(3)]
            self._backend.add(*whales, *(a_payment(BTC) for _ in range(5)))
            self.waiting += whales
        elif what < 0.75:
            old = self.waiting.pop(0)
            new = bumped(old, 30_000)
            self._backend.replace(old, new)
            self.waiting.append(new)
        elif what < 0.85:
            gone = self.waiting.pop()
            self._backend.drop(gone)
            self.dropped.append(gone)
        else:
            taken, self.waiting = self.waiting[:6], self.waiting[6:]
            unseen = a_whale()
            self._backend.mine(taken, unannounced=[unseen])
            self.mined += [*taken, unseen]


def lost(before: Ear, after: Ear) -> list[int]:
    """Return the sequences that were heard before and are not stored as they were heard."""
    stored = {event["sequence"]: event for event in after.received}
    return [event["sequence"] for event in before.received if stored.get(event["sequence"]) != event]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ten_kills_in_a_stream_of_events_lose_and_repeat_nothing(
    own_backend: BackendProcess, own_spout: SpoutProcess
) -> None:
    chance, traffic, spout = random.Random(SEED), Traffic(own_backend, SEED), own_spout
    received: list[Ear] = []
    know_the_chain(own_backend, spout)
    with traffic.flowing():
        for kill in range(KILLS):
            spout.start()
            received.append(spout.listen(after=0))
            floor = len(received[-2].received) if kill else 0
            enough = floor + chance.randrange(2, 40)
            until(lambda ear=received[-1], enough=enough: len(ear.received) >= enough, "events come")
            spout.kill()
            received[-1].close()
    spout.start()
    final = spout.listen(after=0)
    for whale in traffic.waiting:
        spout.wait_for(whale.txid, status="pending")
    for whale in traffic.mined:
        spout.wait_for(whale.txid, status="confirmed")
    for whale in traffic.dropped:
        until(lambda txid=whale.txid: not_waiting(spout, txid), "what was dropped is")
    last = spout.listen(after=0)
    last.wait_until(lambda reported: len(reported) >= len(final.received), "all of it again")

    beginnings = [e["data"]["prediction_id"] for e in last.received if e["type"] == "whale.detected"]
    gone = sum(len(lost(ear, last)) for ear in received)
    print(
        f"\n{KILLS} kills, {len(last.received)} events, {len(beginnings)} whales: "
        f"{gone} acknowledged lost, {len(beginnings) - len(set(beginnings))} announced twice"
    )
    assert gone == 0
    assert len(beginnings) == len(set(beginnings))
    assert last.sequences == list(range(1, len(last.received) + 1))
    assert {one["txid"] for one in spout.whales(status="pending")} == {one.txid for one in traffic.waiting}
    assert spout.notices() == []
    assert spout.complaints() == []


def know_the_chain(backend: BackendProcess, spout: SpoutProcess) -> None:
    """What is mined before the very first start is none of Spout's."""
    spout.start()
    backend.add(first := a_whale())
    spout.wait_for(first.txid)
    backend.mine([first])
    spout.wait_for(first.txid, status="confirmed")
    spout.kill()


def not_waiting(spout: SpoutProcess, txid: str) -> bool:
    """A whale that came and went while Spout was down was never known, and need not be."""
    whale = spout.whale(txid)
    return whale is None or whale["status"] == "dropped"
