"""The end on request: quick, whatever is going on, and nothing of what was told is lost."""

import signal
import time
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.backend.process import BackendProcess
from tests.backend.transactions import BTC, a_payment, a_whale
from tests.journey.spout import SpoutProcess
from tests.journey.test_kill import Traffic, lost

SECONDS_TO_END = 2.0
SECONDS_TO_END_A_START = 5.0
"""An import that is under way cannot be cut short: 1.4 to 2 s on an idle machine."""


@pytest.mark.timed
def test_a_quiet_spout_ends_at_once(own_backend: BackendProcess, own_spout: SpoutProcess) -> None:
    whale = a_whale()
    own_spout.start()
    own_backend.add(whale)
    own_spout.wait_for(whale.txid)
    own_spout.wait_for_pages()

    code, seconds = own_spout.stop()

    print(f"\nended in {seconds:.2f} s")
    assert code == 0
    assert seconds < SECONDS_TO_END
    own_spout.start()
    assert own_spout.story(whale.txid) == ["whale.detected"]


@pytest.mark.timed
def test_under_load_with_listeners_and_an_open_page_it_ends_in_time_and_loses_nothing(
    own_backend: BackendProcess, own_spout: SpoutProcess
) -> None:
    spout, traffic = own_spout, Traffic(own_backend, seed=5)
    spout.start()
    spout.wait_for_pages()
    with traffic.flowing(), open_page(spout):
        ears = [spout.listen() for _ in range(5)]
        for ear in ears:
            ear.wait_until(lambda received: len(received) >= 60, "events come")

        code, seconds = spout.stop()

    print(f"\nended in {seconds:.2f} s under load")
    assert (code, spout.complaints()) == (0, [])
    assert seconds < SECONDS_TO_END
    for ear in ears:
        ear.wait_until(lambda _: ear.closed_with is not None, "the stream said goodbye")  # noqa: B023
        assert "1001" in str(ear.closed_with)
    spout.start()
    after = spout.listen(after=0)
    after.wait_until(lambda received: len(received) >= max(len(ear.received) for ear in ears), "the replay")
    assert [lost(ear, after) for ear in ears] == [[]] * len(ears)


def test_a_second_signal_does_no_harm(own_backend: BackendProcess, own_spout: SpoutProcess) -> None:
    whale = a_whale()
    own_spout.start()
    own_backend.add(whale)
    own_spout.wait_for(whale.txid)
    own_spout.process.send_signal(signal.SIGTERM)
    own_spout.process.send_signal(signal.SIGINT)

    code, _ = own_spout.stop()

    assert (code, own_spout.complaints()) == (0, [])
    own_spout.start()
    assert own_spout.notices() == []


@pytest.mark.timed
def test_it_can_be_ended_while_it_is_still_starting(own_spout: SpoutProcess) -> None:
    for moment in (0.3, 0.7, 1.2, 2.0):
        own_spout.start(ready=False)
        wait_for_port(own_spout)
        time.sleep(moment)  # the moment itself is what is tried

        code, seconds = own_spout.stop()

        assert (code, own_spout.complaints()) == (0, []), f"{moment} s after the port was open"
        assert seconds < SECONDS_TO_END_A_START


@pytest.mark.timed
def test_it_ends_in_time_while_the_backend_is_silent_and_questions_are_open(
    own_backend: BackendProcess, own_spout: SpoutProcess
) -> None:
    own_spout.start()
    own_backend.call("slow_rest", seconds=8)
    own_backend.add(*(a_payment(150 * BTC, kind="p2tr") for _ in range(8)))

    code, seconds = own_spout.stop()

    assert (code, own_spout.complaints()) == (0, [])
    assert seconds < SECONDS_TO_END


def wait_for_port(spout: SpoutProcess) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            httpx.get(f"http://127.0.0.1:{spout.port}/healthz", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return


class open_page:  # noqa: N801 - reads as what it does
    """Hold what a browser holds that shows a page: the page's own sockets."""

    def __init__(self, spout: SpoutProcess) -> None:
        self._spout = spout

    def __enter__(self) -> "open_page":
        base = f"127.0.0.1:{self._spout.port}"
        page = httpx.get(f"http://{base}/", trust_env=False, timeout=30.0, follow_redirects=True)
        assert page.status_code == httpx.codes.OK
        cookies = "; ".join(f"{name}={value}" for name, value in page.cookies.items())
        headers = {"Origin": f"http://{base}", "Cookie": cookies}
        self._feed = connect(f"ws://{base}/api/v1/live", additional_headers=headers, proxy=None)
        self._feed.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._feed.close()


def test_nothing_is_left_in_the_data_directory_that_a_start_would_stumble_over(
    own_spout: SpoutProcess,
) -> None:
    own_spout.start()
    own_spout.stop()

    left = sorted(path.name for path in Path(own_spout.data_dir).iterdir())

    assert not [name for name in left if name.endswith((".new", ".tmp", ".wal"))]
